package registrations

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	maxFile      = 1 << 20 // bytes
	leastToken   = 16      // bytes
	maxIDBytes   = 255
	maxRegex     = 1000 // bytes
	maxNamespace = 100  // namespaces of a kind
)

// Load reads the registration files of a server. The error is one line in French that begins with the file's name.
func Load(files []string, serverName string) (*Set, error) {
	s := &Set{}
	for _, file := range files {
		r, err := loadFile(file, serverName)
		if err == nil {
			err = s.add(r)
		}
		if err != nil {
			return nil, fmt.Errorf("%s : %w", file, err)
		}
	}
	return s, nil
}

func loadFile(file, serverName string) (*Registration, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("fichier d'enregistrement illisible : %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("fichier d'enregistrement illisible : %w", err)
	}
	if len(b) > maxFile {
		return nil, errors.New("plus d'un mébioctet : ce n'est pas un fichier d'enregistrement")
	}
	r, err := Parse(b, serverName)
	if err == nil {
		r.File = file
	}
	return r, err
}

// document is the file as it is written. What it has beside, see extras.
type document struct {
	ID              string    `yaml:"id"`
	URL             yaml.Node `yaml:"url"`
	ASToken         string    `yaml:"as_token"`
	HSToken         string    `yaml:"hs_token"`
	SenderLocalpart string    `yaml:"sender_localpart"`
	Namespaces      *struct {
		Users   []namespace          `yaml:"users"`
		Rooms   []namespace          `yaml:"rooms"`
		Aliases []namespace          `yaml:"aliases"`
		Extra   map[string]yaml.Node `yaml:",inline"`
	} `yaml:"namespaces"`
	RateLimited *bool                `yaml:"rate_limited"`
	Protocols   []string             `yaml:"protocols"`
	Ephemeral   bool                 `yaml:"receive_ephemeral"`
	Unstable    bool                 `yaml:"de.sorunome.msc2409.push_ephemeral"` // from before v1.13; bridges still write it
	Push        bool                 `yaml:"push_ephemeral"`                     // the proposal's name, which some write beside it
	Extra       map[string]yaml.Node `yaml:",inline"`
}

type namespace struct {
	Exclusive *bool                `yaml:"exclusive"`
	Regex     string               `yaml:"regex"`
	GroupID   string               `yaml:"group_id"` // from before there were spaces; it means nothing any more
	Extra     map[string]yaml.Node `yaml:",inline"`
}

// Parse reads one registration. The error is in French.
func Parse(b []byte, serverName string) (*Registration, error) {
	var d document
	if err := yaml.NewDecoder(bytes.NewReader(b)).Decode(&d); err != nil {
		return nil, fmt.Errorf("YAML attendu : %s", strings.Join(strings.Fields(err.Error()), " "))
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	r := &Registration{ID: d.ID, HSToken: d.HSToken, Sender: "@" + d.SenderLocalpart + ":" + serverName, RateLimited: d.RateLimited == nil || *d.RateLimited,
		Protocols: d.Protocols, Ephemeral: d.Ephemeral || d.Unstable || d.Push, OldEphemeral: d.Unstable || d.Push, server: serverName, token: sha256.Sum256([]byte(d.ASToken))}
	if len(r.Sender) > maxIDBytes {
		return nil, wrong("sender_localpart", "un identifiant plus court")
	}
	var err error
	if r.URL, err = d.url(); err != nil {
		return nil, err
	}
	for _, kind := range []struct {
		name string
		from []namespace
		to   *Namespaces
	}{{"users", d.Namespaces.Users, &r.Users}, {"rooms", d.Namespaces.Rooms, &r.Rooms}, {"aliases", d.Namespaces.Aliases, &r.Aliases}} {
		if *kind.to, err = namespaces("namespaces."+kind.name, kind.from); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// wrong is the error of a key. Values are not shown: two of them are secrets.
func wrong(key, want string) error { return fmt.Errorf("%s : attendu : %s", key, want) }

func (d *document) check() error {
	localpart := regexp.MustCompile(`^[a-z0-9._=/+-]+$`)
	protocols := func() bool {
		for _, p := range d.Protocols {
			if p == "" || len(p) > maxIDBytes {
				return false
			}
		}
		return true
	}
	for _, c := range []struct {
		ok        bool
		key, want string
	}{
		{d.ID != "" && len(d.ID) <= maxIDBytes && !strings.Contains(d.ID, "|"), "id", "un nom sans |, unique parmi les services"},
		{d.URL.Kind != 0, "url", "l'adresse du service, ou null s'il ne veut rien recevoir"},
		{token(d.ASToken), "as_token", fmt.Sprintf("un secret d'au moins %d caractères, sans espace", leastToken)},
		{token(d.HSToken), "hs_token", fmt.Sprintf("un secret d'au moins %d caractères, sans espace", leastToken)},
		{localpart.MatchString(d.SenderLocalpart), "sender_localpart", "le début d'un identifiant (a-z 0-9 . _ = / + -)"},
		{d.Namespaces != nil, "namespaces", "users, rooms et aliases, qui peuvent être vides"},
		{protocols(), "protocols", "une liste de noms de réseaux"},
	} {
		if !c.ok {
			return wrong(c.key, c.want)
		}
	}
	return errors.Join(extras("", d.Extra), extras("namespaces.", d.Namespaces.Extra))
}

func token(t string) bool {
	return len(t) >= leastToken && !strings.ContainsFunc(t, func(c rune) bool { return c <= ' ' || c > '~' })
}

// extras refuses keys that nobody knows: a letter that is wrong would open what shall be closed. Those with a dot are extensions of others.
func extras(prefix string, extra map[string]yaml.Node) error {
	for key, node := range extra {
		if !strings.Contains(key, ".") {
			return fmt.Errorf("ligne %d : %s%.80s : ce réglage n'existe pas", node.Line, prefix, key)
		}
	}
	return nil
}

func (d *document) url() (string, error) {
	if d.URL.Tag == "!!null" || d.URL.Kind == yaml.ScalarNode && d.URL.Value == "" {
		return "", nil
	}
	address := strings.TrimSuffix(d.URL.Value, "/")
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", wrong("url", "une adresse comme http://127.0.0.1:29328, ou null")
	}
	return address, nil
}

// namespaces compiles regular expressions. Like those of other servers they are found at the beginning of an id, and may end before it does.
func namespaces(key string, from []namespace) (Namespaces, error) {
	if len(from) > maxNamespace {
		return nil, wrong(key, fmt.Sprintf("%d espaces de noms au plus", maxNamespace))
	}
	var all Namespaces
	for i, n := range from {
		at := fmt.Sprintf("%s[%d]", key, i)
		if err := extras(at+".", n.Extra); err != nil {
			return nil, err
		}
		if n.Exclusive == nil {
			return nil, wrong(at+".exclusive", "true ou false")
		}
		if n.Regex == "" || len(n.Regex) > maxRegex {
			return nil, wrong(at+".regex", fmt.Sprintf("une expression rationnelle de %d caractères au plus", maxRegex))
		}
		regex, err := regexp.Compile(`^(?:` + n.Regex + `)`)
		if err != nil {
			return nil, fmt.Errorf("%s.regex = %.80q : attendu : une expression rationnelle (RE2) : %w", at, n.Regex, err)
		}
		all = append(all, Namespace{Exclusive: *n.Exclusive, regex: regex})
	}
	return all, nil
}

// add takes a service up, unless it is not to be told from another.
func (s *Set) add(r *Registration) error {
	for _, other := range s.all {
		switch {
		case other.ID == r.ID:
			return fmt.Errorf("id = %.80q : c'est aussi celui de %s", r.ID, other.File)
		case other.token == r.token:
			return fmt.Errorf("as_token : c'est aussi celui de %s", other.File)
		case other.Sender == r.Sender:
			return fmt.Errorf("sender_localpart : c'est aussi celui de %s", other.File)
		case other.OwnsUser(r.Sender), r.OwnsUser(other.Sender):
			return fmt.Errorf("sender_localpart et namespaces.users : le compte d'un service est dans l'espace réservé de l'autre : %s", other.File)
		}
	}
	s.all = append(s.all, r)
	return nil
}
