package mail

import (
	"strings"
	"testing"

	"beffroi/server/merr"
)

func TestAddresses(t *testing.T) {
	for text, want := range map[string]string{
		"agent@mairie.test":                      "agent@mairie.test",
		"Agent.Nom+x@Mairie.TEST":                "agent.nom+x@mairie.test",
		"Strauß@Example.com":                     "strauss@example.com", // the specification's example
		"agent@MAIRIÉ.fr":                        "agent@xn--mairi-fsa.fr",
		"agent@xn--mairi-fsa.fr":                 "agent@xn--mairi-fsa.fr",
		"ag\u212Aent@mairie.test":                "agkent@mairie.test", // the Kelvin sign folds: mail goes to the folded address only
		"o'brien@mairie.test":                    "o'brien@mairie.test",
		"":                                       "",
		"agent":                                  "",
		"@mairie.test":                           "",
		"agent@":                                 "",
		"agent@mairie":                           "",
		"agent@mairie.test.":                     "",
		"agent@.test":                            "",
		"agent@mairie..test":                     "",
		".agent@mairie.test":                     "",
		"a..b@mairie.test":                       "",
		"agent@mairie.test ":                     "",
		" agent@mairie.test":                     "",
		"<agent@mairie.test>":                    "",
		"Agent <agent@mairie.test>":              "",
		"a@mairie.test,b@mairie.test":            "",
		"a@mairie.test;b@mairie.test":            "",
		"a@b@mairie.test":                        "",
		"\"a b\"@mairie.test":                    "",
		"a(b)@mairie.test":                       "",
		"agent@[127.0.0.1]":                      "",
		"agent@mairie.test\nBcc: x@y":            "",
		"agent\r@mairie.test":                    "",
		"agent@mairie.test\x00":                  "",
		"é@mairie.test":                          "",
		"mailto:agent@mairie.test":               "",
		"agent@mairie.test?bcc=x@y.fr":           "",
		strings.Repeat("a", 65) + "@mairie.test": "",
		"a@" + strings.Repeat("a.", 130) + "fr":  "",
	} {
		got, err := ParseAddress(text)
		if got != want || (err == nil) != (want != "") || err != nil && !merr.Is(err, "M_INVALID_PARAM") {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, seed := range []string{"agent@mairie.test", "Strauß@Example.com", "a@xn--mairi-fsa.fr", "\"a\"@b.c", "a@b.c\r\n", "a@@b.c", "é@é.é"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		address, err := ParseAddress(text)
		if err != nil {
			return
		}
		if strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`<>(),;:\"[]`, r) }) || strings.Count(address, "@") != 1 {
			t.Fatalf("%q gives %q", text, address)
		}
		if again, err := ParseAddress(address); err != nil || again != address {
			t.Fatalf("%q gives %q, and that %q, %v", text, address, again, err)
		}
	})
}

func TestSettingsThatAreRefused(t *testing.T) {
	good := Settings{Host: "mail.mairie.test", Port: 587, TLS: StartTLS, User: "u", Password: "p", From: "m@mairie.test", Name: "Mairie"}
	f := start(t, nil)
	for name, change := range map[string]func(*Settings){
		"host":         func(s *Settings) { s.Host = "mail mairie" },
		"host's lines": func(s *Settings) { s.Host = "mail\r\n.test" },
		"port":         func(s *Settings) { s.Port = 0 },
		"high port":    func(s *Settings) { s.Port = 65536 },
		"mode":         func(s *Settings) { s.TLS = "opportunistic" },
		"no mode":      func(s *Settings) { s.TLS = "" },
		"from":         func(s *Settings) { s.From = "Mairie <m@mairie.test>" },
		"no from":      func(s *Settings) { s.From = "" },
		"name":         func(s *Settings) { s.Name = "Mairie\r\nBcc: x@y.fr" },
		"long name":    func(s *Settings) { s.Name = strings.Repeat("x", 101) },
		"user":         func(s *Settings) { s.User = "u\n" },
		"no user":      func(s *Settings) { s.User = "" },
		"timeout":      func(s *Settings) { s.Timeout = 301 },
		"neg. timeout": func(s *Settings) { s.Timeout = -1 },
	} {
		bad := good
		change(&bad)
		if err := f.Configure(t.Context(), bad); !merr.Is(err, "M_INVALID_PARAM") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if f.Ready() {
		t.Error("something was kept")
	}
}

// The password is never shown, stays where the server stays, and goes to no other.
func TestThePasswordIsKept(t *testing.T) {
	f := start(t, nil)
	put := func(change func(*Settings)) (has bool) {
		t.Helper()
		s := Settings{Host: "mail.mairie.test", Port: 587, TLS: StartTLS, User: "u", From: "m@mairie.test"}
		change(&s)
		if err := f.Configure(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		got, has, err := f.Settings(t.Context())
		if err != nil || got.Password != "" || got.Host != s.Host {
			t.Fatalf("%+v, %v", got, err)
		}
		return has
	}
	if !put(func(s *Settings) { s.Password = "p" }) || !put(func(s *Settings) { s.Name = "Mairie" }) {
		t.Error("the password is lost")
	}
	if put(func(s *Settings) { s.Host = "mal.test" }) {
		t.Error("the password goes to another server")
	}
	put(func(s *Settings) { s.Password = "p" })
	if put(func(s *Settings) { s.User = "v" }) {
		t.Error("the password is another user's")
	}
	put(func(s *Settings) { *s = Settings{} })
	if f.Ready() {
		t.Error("it still sends")
	}
}
