package config

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

const envPrefix = "BEFFROI_"

// Load gives the configuration: defaults, then the file (none when the name is empty), then the variables of environ
// ("NAME=value", as of os.Environ) that begin with BEFFROI_, then flags, which are keyed like the file.
// The error is one line in French: where, the key, the value, what is expected.
func Load(file string, environ []string, flags map[string]string) (Config, error) {
	c := Default()
	l := loader{settings: c.settings(), origin: map[string]string{}}
	if err := l.file(file); err != nil {
		return Config{}, err
	}
	if err := l.environ(environ); err != nil {
		return Config{}, err
	}
	for key, value := range flags {
		if err := l.set("ligne de commande", key, value); err != nil {
			return Config{}, err
		}
	}
	if err := l.validate(); err != nil {
		return Config{}, err
	}
	c.locate(file, l.origin[appServices])
	return c, c.consistent()
}

// A loader fills the fields behind the settings and remembers which source said what.
type loader struct {
	settings []setting
	origin   map[string]string // by key: the last source that set it
}

func (l *loader) file(name string) error {
	if name == "" {
		return nil
	}
	var tree map[string]any
	_, err := toml.DecodeFile(name, &tree)
	var syntax toml.ParseError
	if errors.As(err, &syntax) {
		return fmt.Errorf("%s:%d : TOML attendu : %s", name, syntax.Position.Line, strings.Join(strings.Fields(syntax.Message), " "))
	}
	if err != nil {
		return fmt.Errorf("fichier de configuration illisible : %w", err)
	}
	return l.table(name, "", tree)
}

// table takes over one table of the file, in the order of the keys: the same file always gives the same error.
func (l *loader) table(origin, prefix string, tree map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		key := prefix + name
		sub, isTable := tree[name].(map[string]any)
		var err error
		if isTable && l.isTable(key) {
			err = l.table(origin, key+".", sub)
		} else {
			err = l.set(origin, key, tree[name])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) isTable(key string) bool {
	return slices.ContainsFunc(l.settings, func(s setting) bool { return strings.HasPrefix(s.key, key+".") })
}

func (l *loader) environ(environ []string) error {
	keys := map[string]string{}
	for _, s := range l.settings {
		keys[envName(s.key)] = s.key
	}
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, envPrefix) {
			continue
		}
		key, known := keys[name]
		if !known {
			return fmt.Errorf("environnement : %s = %q : aucun réglage ne correspond à cette variable", name, value)
		}
		if err := l.set("environnement, "+name, key, value); err != nil {
			return err
		}
	}
	return nil
}

func envName(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

func (l *loader) set(origin, key string, value any) error {
	i := slices.IndexFunc(l.settings, func(s setting) bool { return s.key == key })
	if i < 0 {
		return fmt.Errorf("%s : %s = %s : ce réglage n'existe pas", origin, key, shown(value))
	}
	l.origin[key] = origin
	if !l.settings[i].set(value) {
		return l.wrong(l.settings[i], value)
	}
	return nil
}

func (l *loader) validate() error {
	for _, s := range l.settings {
		if !s.valid() {
			return l.wrong(s, s.get())
		}
	}
	return nil
}

func (l *loader) wrong(s setting, value any) error {
	shown := shown(value)
	if s.secret {
		shown = "(secret)"
	}
	return fmt.Errorf("%s : %s = %s : attendu : %s", l.origin[s.key], s.key, shown, s.want)
}

// shown prints a value on one line, as TOML would write it where that is short.
func shown(value any) string {
	if s, isText := value.(string); isText {
		return fmt.Sprintf("%.80q", s)
	}
	return fmt.Sprintf("%.80s", strings.ReplaceAll(fmt.Sprint(value), "\n", " "))
}

// locate completes the names of registration files.
func (c *Config) locate(file, origin string) {
	from := c.DataDir
	if origin == file {
		from = filepath.Dir(file)
	}
	for i, name := range c.AppServices {
		if !filepath.IsAbs(name) {
			c.AppServices[i] = filepath.Join(from, name)
		}
	}
}

// consistent checks what one key asks of another.
func (c *Config) consistent() error {
	needs := []struct {
		broken    bool
		key, want string
		value     any
	}{
		{c.Listen.HTTP == "" && c.Listen.TLS == "", "listen.http", "une adresse ici ou dans listen.tls", c.Listen.HTTP},
		{c.Listen.TLS != "" && c.Listen.Certificate == "", "listen.tls_certificate", "un fichier PEM, puisque listen.tls est donné", ""},
		{c.Listen.TLS != "" && c.Listen.Key == "", "listen.tls_key", "un fichier PEM, puisque listen.tls est donné", ""},
		{c.Registration.Enabled && !c.Registration.AllowDummy, "registration.allow_dummy",
			"true, puisque registration.enabled est true et qu'aucune autre preuve n'est demandée", false},
	}
	for _, n := range needs {
		if n.broken {
			return fmt.Errorf("configuration : %s = %s : attendu : %s", n.key, shown(n.value), n.want)
		}
	}
	return nil
}
