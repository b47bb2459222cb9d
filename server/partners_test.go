package server_test

import (
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"beffroi/server/federation/selftest"
	"beffroi/server/servertest"
)

const partnerCalls = "/_beffroi/admin/v1/federation"

// verdicts asks for a test and gives what it found.
func verdicts(t *testing.T, chief *servertest.User, server, lang string) []selftest.Words {
	t.Helper()
	var answer struct{ Findings []selftest.Words }
	chief.Must("POST", partnerCalls+"/test", object{"server": server, "lang": lang}, &answer)
	for _, w := range answer.Findings {
		if w.Found == "" || (w.Verdict == selftest.Good) != (w.Do == "") {
			t.Errorf("%+v", w)
		}
	}
	return answer.Findings
}

func worst(all []selftest.Words) selftest.Words {
	for _, v := range []selftest.Verdict{selftest.Bad, selftest.Odd} {
		if i := slices.IndexFunc(all, func(w selftest.Words) bool { return w.Verdict == v }); i >= 0 {
			return all[i]
		}
	}
	return selftest.Words{Verdict: selftest.Good}
}

func TestTwoPartnersTestEachOther(t *testing.T) {
	n := servertest.NewNetwork(t)
	a, b := n.Start("a.test"), n.Start("b.test")
	chief, theirs := a.RegisterAdmin(t, "chief"), governor(t, b)
	// The test's certificates end within the hour, which is told; all else is well.
	for _, server := range []string{"", "b.test"} {
		all := verdicts(t, chief, server, "fr")
		if w := worst(all); w.Verdict != selftest.Odd || !strings.Contains(w.Found, "certificat") || len(all) < 5 {
			t.Errorf("%s: %+v", server, all)
		}
	}
	theirs.Must("POST", policyCalls, object{"mode": "closed"}, nil)
	if w := worst(verdicts(t, chief, "b.test", "fr")); w.Verdict != selftest.Bad || w.Found != "b.test refuse les échanges avec a.test." {
		t.Errorf("%+v", w)
	}
	// Whom our own policy refuses is not asked.
	if w := worst(verdicts(t, theirs, "a.test", "en")); w.Verdict != selftest.Bad || w.Found != "Your settings don’t allow exchanges with a.test." {
		t.Errorf("%+v", w)
	}
	if w := worst(verdicts(t, chief, "no name", "fr")); w.Verdict != selftest.Bad {
		t.Errorf("%+v", w)
	}
}

func TestWhatIsWrongWithAPartnerIsSaid(t *testing.T) {
	n := servertest.NewNetwork(t)
	s, p := n.Start("a.test"), n.Peer()
	chief := s.RegisterAdmin(t, "chief")
	if w := worst(verdicts(t, chief, p.Name, "fr")); !strings.Contains(w.Found, "n’est pas un serveur Matrix") {
		t.Errorf("without a version: %+v", w)
	}
	p.Mux.HandleFunc("GET /_matrix/federation/v1/version", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"server":{"name":"Other","version":"1"}}`))
	})
	all := verdicts(t, chief, p.Name, "fr")
	if !slices.ContainsFunc(all, func(w selftest.Words) bool {
		return strings.Contains(w.Found, "n’arrivent pas jusqu’au serveur") && strings.Contains(w.Found, "PUT /_matrix/federation/v1/send/{txnId}")
	}) {
		t.Errorf("what answers nothing else: %+v", all)
	}
	if w := worst(verdicts(t, chief, "127.0.0.1:1", "fr")); !strings.Contains(w.Found, "ne répond pas") {
		t.Errorf("nobody there: %+v", w)
	}
}

func TestTheSheetInAllItsForms(t *testing.T) {
	n := servertest.NewNetwork(t)
	s := n.Start("a.test")
	chief, bob := s.RegisterAdmin(t, "chief"), s.Register(t, "bob")
	chief.Must("PUT", "/_beffroi/admin/v1/settings/support", object{"contacts": []object{{"role": "m.role.admin", "email_address": "dsi@a.test"}}}, nil)
	document := ask(t, s, "/_matrix/key/v2/server", http.StatusOK)
	key := ""
	for _, v := range document.Object("verify_keys").All() {
		o, _ := v.Object()
		key, _ = o.Text("key")
	}
	for _, lang := range []string{"fr", "en"} {
		for _, format := range []string{"json", "text", "toml", "page"} {
			status, raw := chief.Raw("GET", partnerCalls+"/sheet?lang="+lang+"&format="+url.QueryEscape(format), nil)
			for _, want := range []string{"a.test", key, "dsi@a.test"} {
				if status != http.StatusOK || !strings.Contains(html.UnescapeString(string(raw)), want) {
					t.Errorf("%s, %s: %d, %s is missing: %s", format, lang, status, want, raw)
				}
			}
		}
	}
	chief.MustFail(http.StatusBadRequest, "M_INVALID_PARAM", "GET", partnerCalls+"/sheet?format=pdf", nil)
	bob.MustFail(http.StatusForbidden, "M_FORBIDDEN", "GET", partnerCalls+"/sheet", nil)
}
