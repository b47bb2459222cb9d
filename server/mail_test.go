package server_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"beffroi/server/mail/mailtest"
	"beffroi/server/servertest"
	"beffroi/server/store"
)

// answer is what a page's answer begins with.
type answer struct {
	StatusCode int
	Header     http.Header
}

// browser opens and sends pages as a browser does, without following.
type browser struct {
	t    *testing.T
	http http.Client
}

func newBrowser(t *testing.T) *browser {
	transport := new(http.Transport)
	t.Cleanup(transport.CloseIdleConnections)
	return &browser{t: t, http: http.Client{Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

func (b *browser) do(method, address string, form url.Values) (answer, string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := b.http.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header}, string(page)
}

func link(t *testing.T, s *servertest.Server, m mailtest.Mail) (address, token string) {
	t.Helper()
	_, rest, ok := strings.Cut(m.Text, s.URL+"/_beffroi/courriel?jeton=")
	token, _, _ = strings.Cut(rest, "\n")
	if !ok || token == "" {
		t.Fatal("no link in ", m.Text)
	}
	return s.URL + "/_beffroi/courriel?jeton=" + token, token
}

// From the request to the first log-in, with the page in between.
func TestRegistrationByMail(t *testing.T) {
	box := mailtest.Start(t, mailtest.Options{})
	s := servertest.Start(t)
	s.SendMailTo(box, "mairie-vauclair.fr")
	somebody, b := s.Anonymous(t), newBrowser(t)
	somebody.MustFail(403, "M_THREEPID_DENIED", "POST", "/_matrix/client/v3/register/email/requestToken",
		map[string]any{"client_secret": "s", "email": "elodie@gmail.test", "send_attempt": 1})
	var begun struct{ SID string }
	somebody.Must("POST", "/_matrix/client/v3/register/email/requestToken",
		map[string]any{"client_secret": "s", "email": "elodie@mairie-vauclair.fr", "send_attempt": 1, "next_link": s.URL + "/connexion"}, &begun)
	address, token := link(t, s, box.Wait(1))

	register := map[string]any{"username": "elodie", "password": "assez long pour aller", "auth": map[string]any{
		"type": "m.login.email.identity", "threepid_creds": map[string]any{"sid": begun.SID, "client_secret": "s"}}}
	for range 2 { // a program that looks into mails changes nothing
		resp, page := b.do("GET", address, nil)
		if resp.StatusCode != 200 || !strings.Contains(page, "elodie@mairie-vauclair.fr") || !strings.Contains(page, `<form method="post"`) {
			t.Fatal(resp.StatusCode, page)
		}
		for header, want := range map[string]string{"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Frame-Options": "DENY",
			"Content-Type": "text/html; charset=utf-8"} {
			if got := resp.Header.Get(header); got != want {
				t.Errorf("%s: %q", header, got)
			}
		}
	}
	if resp, _ := b.do("HEAD", address, nil); resp.StatusCode != 200 {
		t.Error(resp.StatusCode)
	}
	somebody.MustFail(401, "M_FORBIDDEN", "POST", "/_matrix/client/v3/register", register)
	resp, _ := b.do("POST", s.URL+"/_beffroi/courriel", url.Values{"jeton": {token}, "langue": {"fr"}})
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != s.URL+"/connexion" {
		t.Fatal(resp.StatusCode, resp.Header)
	}
	if _, page := b.do("GET", address, nil); !strings.Contains(page, "Votre adresse est confirmée") || strings.Contains(page, "<form") {
		t.Error(page)
	}
	somebody.Must("POST", "/_matrix/client/v3/register", register, nil)
	if resp, page := b.do("GET", address, nil); resp.StatusCode != 404 || !strings.Contains(page, "plus valable") {
		t.Error(resp.StatusCode, page)
	}
	somebody.Must("POST", "/_matrix/client/v3/login", map[string]any{"type": "m.login.password", "password": "assez long pour aller",
		"identifier": map[string]any{"type": "m.id.thirdparty", "medium": "email", "address": "elodie@mairie-vauclair.fr"}}, nil)
}

// The page after the click, in the language of the mail or the one that is chosen, and what doesn't fit.
func TestThePageOfAMail(t *testing.T) {
	box := mailtest.Start(t, mailtest.Options{})
	s := servertest.Start(t)
	s.SendMailTo(box)
	b := newBrowser(t)
	s.Register(t, "elodie").Must("POST", "/_matrix/client/v3/account/3pid/email/requestToken",
		map[string]any{"client_secret": "s", "email": "elodie@mairie-vauclair.fr", "send_attempt": 1}, nil)
	address, token := link(t, s, box.Wait(1))
	if _, page := b.do("GET", address+"&langue=en", nil); !strings.Contains(page, `<html lang="en">`) || !strings.Contains(page, "Confirm this address") {
		t.Error(page)
	}
	if _, page := b.do("GET", address+"&langue=xx", nil); !strings.Contains(page, `<html lang="fr">`) {
		t.Error(page)
	}
	page := s.URL + "/_beffroi/courriel"
	resp, _ := b.do("POST", page, url.Values{"jeton": {token}, "langue": {"en"}})
	if at := resp.Header.Get("Location"); resp.StatusCode != http.StatusSeeOther || at != "/_beffroi/courriel?jeton="+token+"&langue=en" {
		t.Fatal(resp.StatusCode, at)
	}
	if _, text := b.do("GET", s.URL+resp.Header.Get("Location"), nil); !strings.Contains(text, "Your address is confirmed") {
		t.Error(text)
	}
	for name, c := range map[string]struct {
		method, address string
		form            url.Values
		status          int
	}{
		"no token":      {"GET", page, nil, 404},
		"wrong token":   {"GET", page + "?jeton=x", nil, 404},
		"nothing sent":  {"POST", page, nil, 404},
		"wrong, sent":   {"POST", page, url.Values{"jeton": {"x"}}, 404},
		"in the query":  {"POST", address, nil, 404}, // a form sends it
		"large":         {"POST", page, url.Values{"jeton": {strings.Repeat("x", 5000)}}, 413},
		"another verb":  {"PUT", page, nil, 405},
		"the style":     {"GET", page + "/style.css", nil, 200},
		"the tower":     {"GET", page + "/beffroi.svg", nil, 200},
		"another file":  {"GET", page + "/look.go", nil, 404},
		"long language": {"GET", address + "&langue=" + strings.Repeat("x", 5000), nil, 200},
	} {
		if resp, text := b.do(c.method, c.address, c.form); resp.StatusCode != c.status {
			t.Errorf("%s: %d %.200s", name, resp.StatusCode, text)
		}
	}
}

// What was not sent when the server stopped is sent when it is back, and settings stay.
func TestMailsOutliveTheServer(t *testing.T) {
	s := servertest.Start(t)
	broken := mailtest.Start(t, mailtest.Options{User: "u", Password: "p"}) // the server does not know it
	s.SendMailTo(broken)
	s.Register(t, "elodie").Must("POST", "/_matrix/client/v3/account/3pid/email/requestToken",
		map[string]any{"client_secret": "s", "email": "elodie@mairie-vauclair.fr", "send_attempt": 1}, nil)
	s.Restart()
	box := mailtest.Start(t, mailtest.Options{})
	s.SendMailTo(box)
	if m := box.Wait(1); m.To != "elodie@mairie-vauclair.fr" {
		t.Errorf("%+v", m)
	}
}

// A digest goes to one's own address only, and ends with a click in the mail program or on the page.
func TestDigestsEndByALink(t *testing.T) {
	box := mailtest.Start(t, mailtest.Options{})
	s := servertest.Start(t)
	s.SendMailTo(box)
	u, b := s.Register(t, "elodie"), newBrowser(t)
	set := map[string]any{"kind": "email", "app_id": "m.email", "pushkey": "elodie@mairie-vauclair.fr", "app_display_name": "Courriel",
		"device_display_name": "Courriel", "lang": "fr", "data": map[string]any{}}
	const path = "/_matrix/client/v3/pushers/set"
	u.MustFail(400, "M_INVALID_PARAM", "POST", path, set)
	var user store.Atom
	err := s.DB().Write(t.Context(), func(tx *store.Tx) (err error) {
		if user, err = tx.Atom(u.UserID); err != nil {
			return err
		}
		return tx.PutThreepid(store.Threepid{Address: "elodie@mairie-vauclair.fr", User: user, Language: "fr"})
	})
	if err != nil {
		t.Fatal(err)
	}
	page := s.URL + "/_beffroi/courriel/resume"
	for name, send := range map[string]func(token string) (answer, string){
		"the page's button": func(token string) (answer, string) {
			return b.do("POST", page, url.Values{"jeton": {token}, "langue": {"fr"}})
		},
		"the mail program's": func(token string) (answer, string) {
			return b.do("POST", page+"?jeton="+token, url.Values{"List-Unsubscribe": {"One-Click"}})
		},
	} {
		u.Must("POST", path, set, nil)
		var p store.Pusher
		found := func() (found bool) {
			err := s.DB().Read(t.Context(), func(r *store.Reader) (err error) {
				p, found, err = r.PusherByKey(user, "m.email", "elodie@mairie-vauclair.fr")
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return found
		}
		if !found() || p.Token == "" {
			t.Fatal(name, "no pusher")
		}
		token := p.Token
		if resp, text := b.do("GET", page+"?jeton="+token, nil); resp.StatusCode != 200 || !strings.Contains(text, `<form method="post" action="/_beffroi/courriel/resume"`) || !found() {
			t.Error(name, resp.StatusCode, text)
		}
		if resp, text := send(token); resp.StatusCode != 200 || !strings.Contains(text, "Vous ne recevrez plus le résumé") || found() {
			t.Error(name, resp.StatusCode, text)
		}
		if resp, _ := send(token); resp.StatusCode != 404 {
			t.Error(name, "twice:", resp.StatusCode)
		}
	}
}
