package registrations

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const irc = `id: "IRC Bridge"
url: "http://127.0.0.1:1234/"
as_token: "30c05ae90a248a4188e620216fa72e34"
hs_token: "312df522183efd404ec1cd22d2ffa4bb"
sender_localpart: "_irc_bot"
namespaces:
  users:
    - exclusive: true
      regex: "@_irc_bridge_.*"
    - exclusive: false
      regex: "@(alice|bob):mairie\\.test$"
  aliases:
    - exclusive: false
      regex: "#_irc_bridge_.*"
    - {exclusive: true, regex: "#irc#.*", group_id: "+x:y"}
  rooms: []
protocols: [irc]
de.sorunome.msc2409.push_ephemeral: true
push_ephemeral: true
io.element.msc4190: true
`

func files(t *testing.T, texts ...string) (names []string) {
	t.Helper()
	dir := t.TempDir()
	for i, text := range texts {
		name := filepath.Join(dir, string(rune('a'+i))+".yaml")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

// The example of the specification, with what bridges add to it.
func TestWhatIsWhose(t *testing.T) {
	s, err := Load(files(t, irc), "mairie.test")
	if err != nil {
		t.Fatal(err)
	}
	r := s.ByToken("30c05ae90a248a4188e620216fa72e34")
	if r == nil || s.ByToken("312df522183efd404ec1cd22d2ffa4bb") != nil || s.ByToken("") != nil {
		t.Fatal("only the as_token proves to be the service")
	}
	if r.URL != "http://127.0.0.1:1234" || r.Sender != "@_irc_bot:mairie.test" || !r.RateLimited || !r.Ephemeral || !r.HasProtocol("irc") || r.HasProtocol("xmpp") {
		t.Errorf("%+v", r)
	}
	for user, want := range map[string][2]bool{ // may be acted as; belongs to nobody else
		"@_irc_bot:mairie.test":        {true, true},
		"@_irc_bridge_x:mairie.test":   {true, true},
		"@_irc_bridge_x:elsewhere":     {false, false},
		"@x_irc_bridge_x:mairie.test":  {false, false},
		"@alice:mairie.test":           {true, false},
		"@alicette:mairie.test":        {false, false},
		"@_irc_bot:elsewhere":          {false, false},
		"@_irc_bot:mairie.test:443":    {false, false},
		"@_irc_bridge_:mairie.testing": {false, false},
	} {
		if got := [2]bool{r.HasUser(user), r.OwnsUser(user)}; got != want {
			t.Errorf("%s: %v, want %v", user, got, want)
		}
	}
	if !s.UserTaken("@_irc_bridge_x:mairie.test", nil) || s.UserTaken("@_irc_bridge_x:mairie.test", r) || s.UserTaken("@alice:mairie.test", nil) {
		t.Error("users")
	}
	if !s.AliasTaken("#irc#a:mairie.test", nil) || s.AliasTaken("#irc#a:mairie.test", r) || s.AliasTaken("#_irc_bridge_a:mairie.test", nil) ||
		!r.HasAlias("#_irc_bridge_a:mairie.test") || r.HasAlias("#x:mairie.test") || r.HasRoom("!a") {
		t.Error("aliases and rooms")
	}
	var none *Set
	if none.ByToken("") != nil || none.UserTaken("@a:b", nil) || none.AliasTaken("#a:b", nil) || none.All() != nil {
		t.Error("no services")
	}
}

// What is wrong is said in one line, with the file's name, and without a secret.
func TestWrongRegistrations(t *testing.T) {
	other := strings.NewReplacer("IRC Bridge", "xmpp", "30c05a", "ffffff", "_irc_bot", "_xmpp_bot", "_irc_bridge_", "_xmpp_").Replace(irc)
	if _, err := Load(files(t, irc, other), "mairie.test"); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ from, to, want string }{
		"YAML":              {"namespaces:", "namespaces: [", "YAML attendu"},
		"another kind":      {"protocols: [irc]", "protocols: {a: b}", "YAML attendu"},
		"id":                {`id: "IRC Bridge"`, "", "id : attendu"},
		"id with a bar":     {"IRC Bridge", "IRC|Bridge", "id : attendu"},
		"url missing":       {`url: "http://127.0.0.1:1234/"`, "", "url : attendu"},
		"url of a file":     {"http://127.0.0.1:1234/", "file:///etc/passwd", "url : attendu"},
		"url, password":     {"http://127.0.0.1:1234/", "http://a:b@c/", "url : attendu"},
		"as_token":          {"30c05ae90a248a4188e620216fa72e34", "short", "as_token : attendu"},
		"hs_token":          {"312df522183efd404ec1cd22d2ffa4bb", "a token with spaces", "hs_token : attendu"},
		"sender":            {`"_irc_bot"`, `"IRC Bot"`, "sender_localpart : attendu"},
		"long sender":       {`"_irc_bot"`, strings.Repeat("a", 255), "sender_localpart : attendu"},
		"no namespaces":     {irc[strings.Index(irc, "namespaces:"):], "", "namespaces : attendu"},
		"unknown key":       {"protocols:", "protocol:", "protocol : ce réglage n'existe pas"},
		"unknown kind":      {"  rooms: []", "  room: []", "namespaces.room : ce réglage n'existe pas"},
		"unknown namespace": {"group_id", "groupid", "namespaces.aliases[1].groupid"},
		"exclusive":         {"{exclusive: true, ", "{", "namespaces.aliases[1].exclusive"},
		"regex":             {"#irc#.*", "(?=a)", "namespaces.aliases[1].regex"},
		"empty regex":       {`"#irc#.*"`, `""`, "namespaces.aliases[1].regex"},
		"protocol":          {"[irc]", `[""]`, "protocols : attendu"},
		"the same id":       {"IRC Bridge", "xmpp", `id = "xmpp" : c'est aussi celui de`},
		"the same token":    {"30c05ae90a", "ffffffe90a", "as_token : c'est aussi celui de"},
		"the same sender":   {"_irc_bot", "_xmpp_bot", "sender_localpart : c'est aussi celui de"},
		"taken sender":      {"_irc_bot", "_xmpp_x", "espace réservé"},
	} {
		names := files(t, other, strings.Replace(irc, c.from, c.to, 1))
		_, err := Load(names, "mairie.test")
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), names[1]+" : ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	missing := filepath.Join(t.TempDir(), "missing.yaml")
	large := files(t, strings.Repeat(" ", maxFile+1))[0]
	for _, name := range []string{missing, large} {
		if _, err := Load([]string{name}, "mairie.test"); err == nil || !strings.HasPrefix(err.Error(), name+" : ") {
			t.Error(err)
		}
	}
}

func TestAServiceWithoutTraffic(t *testing.T) {
	for _, url := range []string{"null", `""`, "~"} {
		r, err := Parse([]byte(strings.Replace(irc, `"http://127.0.0.1:1234/"`, url, 1)), "mairie.test")
		if err != nil || r.URL != "" {
			t.Error(url, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(irc))
	f.Add([]byte("id: &a [*a]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Parse(b, "mairie.test")
		if (r == nil) == (err == nil) {
			t.Fatal(r, err)
		}
	})
}
