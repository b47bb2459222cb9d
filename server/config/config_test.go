package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func write(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "beffroi.toml")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestWithoutAnythingTheDefaultsHold(t *testing.T) {
	c, err := Load("", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c, Default()) {
		t.Errorf("got %+v", c)
	}
	if warnings := c.Warnings(); len(warnings) != 0 {
		t.Errorf("the defaults warn: %q", warnings)
	}
	if c.ServerName != "" {
		t.Errorf("a name that nobody chose: %s", c.ServerName)
	}
	c.ServerName = "localhost"
	if got := c.ClientBaseURL(); got != "http://localhost:8008" {
		t.Errorf("ClientBaseURL: %s", got)
	}
}

// Each key can be given in each of the three ways, and the later one wins.
func TestFileThenEnvironmentThenFlags(t *testing.T) {
	file := write(t, `
server_name = "mairie.example"
public_url = "https://matrix.mairie.example"
data_dir = "/var/lib/beffroi"
appservices = ["/etc/irc.yaml", "bridges/xmpp.yaml"]
[listen]
http = ""
tls = "[::]:443"
tls_certificate = "crt.pem"
tls_key = "key.pem"
proxies = "127.0.0.1, fd00::/8"
[log]
level = "debug"
format = "json"
[registration]
enabled = true
allow_dummy = true
shared_secret = "from the file, long enough"
[password]
memory_kib = 8
iterations = 1
[media]
max_upload_bytes = 1000
unauthenticated = true
[rooms]
custodian = "mairie"
custody = false
default_version = "11"
[previews]
enabled = true
allow = "10.1.0.0/16, 10.2.3.4/32"
ports = "443, 8080"
[federation]
enabled = false
mode = "trusted"
device_names = true
presence = true
longest_pause = 60
[directory]
everybody = false
[limits]
enabled = false
`)
	want := Config{
		ServerName: "mairie.example", PublicURL: "https://matrix.mairie.example", DataDir: "/var/lib/beffroi",
		AppServices:  []string{"/etc/irc.yaml", filepath.Join(filepath.Dir(file), "bridges/xmpp.yaml")},
		Listen:       Listen{TLS: "[::]:443", Certificate: "crt.pem", Key: "key.pem", Proxies: "127.0.0.1, fd00::/8"},
		Log:          Log{Level: "debug", Format: "json"},
		Registration: Registration{Enabled: true, AllowDummy: true, SharedSecret: "from the file, long enough"},
		Password:     Password{MemoryKiB: 8, Iterations: 1},
		Media:        Media{MaxUploadBytes: 1000, Unauthenticated: true},
		Rooms:        Rooms{Custodian: "mairie", DefaultVersion: "11"},
		Previews:     Previews{Enabled: true, Allow: "10.1.0.0/16, 10.2.3.4/32", Ports: "443, 8080"},
		Federation:   Federation{Mode: "trusted", DeviceNames: true, Presence: true, LongestPause: 60},
	}
	check := func(environ []string, flags map[string]string) {
		t.Helper()
		got, err := Load(file, environ, flags)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
	check(nil, nil)

	want.DataDir, want.Registration.Enabled, want.Media.MaxUploadBytes, want.Registration.SharedSecret = "/env", false, 2000, "s"
	environ := []string{"HOME=/root", "BEFFROI_DATA_DIR=/env", "BEFFROI_REGISTRATION_ENABLED=false",
		"BEFFROI_MEDIA_MAX_UPLOAD_BYTES=2000", "BEFFROI_REGISTRATION_SHARED_SECRET=s", "BEFFROI_APPSERVICES=/etc/irc.yaml,sms.yaml"}
	want.AppServices = []string{"/etc/irc.yaml", "/env/sms.yaml"}
	check(environ, nil)

	want.DataDir, want.Listen.HTTP, want.AppServices = "/flag", "127.0.0.1:0", []string{"/etc/irc.yaml", "/flag/sms.yaml"}
	check(environ, map[string]string{"data_dir": "/flag", "listen.http": "127.0.0.1:0"})
}

// A wrong configuration gives one line that names the key, shows the value (unless it is secret) and says what is expected.
func TestWrongValues(t *testing.T) {
	const secret = "registration.shared_secret"
	tls := "listen.tls = \"127.0.0.1:8448\"\n"
	for name, c := range map[string]struct {
		file, env string
		want      []string
	}{
		"syntax":                {file: "server_name = \"a\"\n= 3\n", want: []string{"beffroi.toml:2 : TOML attendu"}},
		"twice":                 {file: "data_dir = \"a\"\ndata_dir = \"b\"\n", want: []string{"beffroi.toml:2 : TOML attendu", "data_dir"}},
		"unknown key":           {file: "serveur = \"a\"", want: []string{`serveur = "a"`, "n'existe pas"}},
		"unknown key in table":  {file: "[listen]\nhttps = \"a\"", want: []string{`listen.https = "a"`, "n'existe pas"}},
		"unknown empty table":   {file: "[calls]", want: []string{"calls", "n'existe pas"}},
		"other case":            {file: "Server_Name = \"a\"", want: []string{"Server_Name", "n'existe pas"}},
		"table for a text":      {file: "[listen.http]\nport = 3", want: []string{"listen.http", "une adresse"}},
		"number for a text":     {file: "server_name = 3", want: []string{"server_name = 3", "un nom de serveur"}},
		"text for a table":      {file: "listen = \"127.0.0.1:80\"", want: []string{`listen = "127.0.0.1:80"`, "n'existe pas"}},
		"one service":           {file: "appservices = 3", want: []string{"appservices = 3", "une liste de fichiers"}},
		"a service, a number":   {file: "appservices = [\"a\", 3]", want: []string{"appservices = [a 3]", "une liste de fichiers"}},
		"a service twice":       {file: "appservices = [\"a\", \"a\"]", want: []string{"appservices = [a a]", "chacun une fois"}},
		"array":                 {file: "server_name = [\n\"a\",\n\"b\"]", want: []string{"server_name = [a b]"}},
		"server name":           {file: "server_name = \"mairie de Nantes\"", want: []string{`server_name = "mairie de Nantes"`, "un nom de serveur"}},
		"server name's port":    {file: "server_name = \"a:70000\"", want: []string{`server_name = "a:70000"`}},
		"long server name":      {file: "server_name = \"" + strings.Repeat("a", 231) + "\"", want: []string{"server_name", "230"}},
		"public url's path":     {file: "public_url = \"https://a/b\"", want: []string{`public_url = "https://a/b"`, "sans chemin"}},
		"public url's scheme":   {file: "public_url = \"a.example\"", want: []string{`public_url = "a.example"`}},
		"no data folder":        {file: "data_dir = \"\"", want: []string{`data_dir = ""`, "un dossier"}},
		"address without port":  {file: "listen.http = \"127.0.0.1\"", want: []string{`listen.http = "127.0.0.1"`, "127.0.0.1:8008"}},
		"port too high":         {file: "listen.tls = \"127.0.0.1:65536\"", want: []string{`listen.tls = "127.0.0.1:65536"`}},
		"preview ports":         {file: "previews.ports = \"80, 70000\"", want: []string{`previews.ports = "80, 70000"`, "des ports"}},
		"preview addresses":     {file: "previews.allow = \"10.1.2.3\"", want: []string{`previews.allow = "10.1.2.3"`, "plages d'adresses"}},
		"proxies":               {file: "listen.proxies = \"127.0.0.1, example.org\"", want: []string{`listen.proxies = "127.0.0.1, example.org"`, "10.0.0.0/8"}},
		"no listener":           {file: "listen.http = \"\"", want: []string{`listen.http = ""`, "listen.tls"}},
		"tls without cert":      {file: tls + "listen.tls_key = \"k\"", want: []string{`listen.tls_certificate = ""`}},
		"tls without key":       {file: tls + "listen.tls_certificate = \"c\"", want: []string{`listen.tls_key = ""`}},
		"level":                 {file: "log.level = \"loud\"", want: []string{`log.level = "loud"`, "trace, debug, info, warn, error"}},
		"format":                {file: "log.format = \"xml\"", want: []string{`log.format = "xml"`, "auto, console, json"}},
		"toggle":                {file: "registration.enabled = \"yes\"", want: []string{`registration.enabled = "yes"`, "true ou false"}},
		"nothing proves":        {file: "registration.enabled = true", want: []string{"registration.allow_dummy = false", "registration.enabled"}},
		"secret is not shown":   {file: secret + " = 424242", want: []string{secret + " = (secret)"}},
		"password memory":       {file: "password.memory_kib = 4", want: []string{"password.memory_kib = 4", "de 8 à"}},
		"password iterations":   {file: "password.iterations = 0", want: []string{"password.iterations = 0", "de 1 à 16"}},
		"number that overflows": {file: "password.iterations = 4294967297", want: []string{"password.iterations = 4294967297"}},
		"upload":                {file: "media.max_upload_bytes = -1", want: []string{"media.max_upload_bytes = -1"}},
		"fraction":              {file: "media.max_upload_bytes = 1.5", want: []string{"media.max_upload_bytes = 1.5", "un nombre entier"}},
		"custodian":             {file: "rooms.custodian = \"Mairie\"", want: []string{`rooms.custodian = "Mairie"`}},
		"lines in a value":      {file: `server_name = "a\nb"`, want: []string{`server_name = "a\nb"`}},
		"unknown variable":      {env: "BEFFROI_SERVERNAME=a", want: []string{"BEFFROI_SERVERNAME", "aucun réglage"}},
		"variable's number":     {env: "BEFFROI_PASSWORD_MEMORY_KIB=big", want: []string{"BEFFROI_PASSWORD_MEMORY_KIB", `password.memory_kib = "big"`}},
		"variable's toggle":     {env: "BEFFROI_REGISTRATION_ENABLED=1", want: []string{"BEFFROI_REGISTRATION_ENABLED", "true ou false"}},
		"variable's address":    {env: "BEFFROI_LISTEN_HTTP=8008", want: []string{"BEFFROI_LISTEN_HTTP", `listen.http = "8008"`}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(write(t, c.file), []string{c.env}, nil)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in: %s", want, err)
				}
			}
			if strings.ContainsAny(err.Error(), "\n\r") || strings.Contains(err.Error(), "424242") {
				t.Errorf("more than a line, or a secret: %q", err)
			}
		})
	}
}

func TestMissingFile(t *testing.T) {
	_, err := Load("/nowhere/beffroi.toml", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "/nowhere/beffroi.toml") {
		t.Errorf("got %v", err)
	}
}

// Every field can be set, and no two keys share a variable.
func TestSettingsAreComplete(t *testing.T) {
	c := Default()
	names := map[string]bool{}
	for _, s := range c.settings() {
		names[envName(s.key)] = true
	}
	if want := leaves(reflect.TypeFor[Config]()); len(names) != want {
		t.Errorf("%d variables for %d fields", len(names), want)
	}
}

func leaves(t reflect.Type) (n int) {
	if t.Kind() != reflect.Struct {
		return 1
	}
	for i := range t.NumField() {
		n += leaves(t.Field(i).Type)
	}
	return n
}

// The README's table has each key and its default.
func TestReadmeHasEveryKey(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	c := Default()
	for _, s := range c.settings() {
		row := "| `" + s.key + "` | `" + tomlOf(s.get()) + "` |"
		if !strings.Contains(string(readme), row) {
			t.Errorf("README.md has no row %s", row)
		}
	}
}

func tomlOf(value any) string {
	if s, isText := value.(string); isText && s == "" {
		return `""`
	}
	return shown(value)
}

func TestWarnings(t *testing.T) {
	for key, weaken := range map[string]func(*Config){
		"registration.enabled":       func(c *Config) { c.Registration.Enabled, c.Registration.AllowDummy = true, true },
		"registration.shared_secret": func(c *Config) { c.Registration.SharedSecret = "short" },
		"password":                   func(c *Config) { c.Password.Iterations = 1 },
		"media.unauthenticated":      func(c *Config) { c.Media.Unauthenticated = true },
		"listen.http":                func(c *Config) { c.Listen.HTTP = ":8008" },
	} {
		c := Default()
		weaken(&c)
		warnings := c.Warnings()
		if len(warnings) != 1 || !strings.HasPrefix(warnings[0], key+" : ") {
			t.Errorf("%s: got %q", key, warnings)
		}
	}
}

func TestClientBaseURL(t *testing.T) {
	for want, c := range map[string]Config{
		"https://m.example":     {ServerName: "a.example", PublicURL: "https://m.example"},
		"https://a.example":     {ServerName: "a.example:8448", Listen: Listen{HTTP: "127.0.0.1:80", TLS: ":443"}},
		"https://a.example:444": {ServerName: "a.example", Listen: Listen{TLS: ":444"}},
		"http://[::1]:8008":     {ServerName: "[::1]:8008", Listen: Listen{HTTP: "[::1]:8008"}},
		"http://a.example":      {ServerName: "a.example", Listen: Listen{HTTP: "0.0.0.0:80"}},
	} {
		if got := c.ClientBaseURL(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
