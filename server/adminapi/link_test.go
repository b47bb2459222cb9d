package adminapi_test

import (
	"crypto/sha256"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"beffroi/server/servertest"
	"beffroi/server/store"
)

// browse opens a page, or sends a form.
func browse(t *testing.T, address string, form url.Values) (status int, page string, h http.Header) {
	t.Helper()
	method, body := "GET", io.Reader(nil)
	if form != nil {
		method, body = "POST", strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(t.Context(), method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	return resp.StatusCode, string(raw), resp.Header
}

type linked struct {
	Link struct {
		URL     string
		Expires int64 `json:"expires_ts"`
	}
}

func makeLink(t *testing.T, chief *servertest.User, userID string) string {
	t.Helper()
	var l linked
	chief.Must("POST", ours+"/users/"+userID+"/password_link", object{}, &l)
	if in := time.Until(time.UnixMilli(l.Link.Expires)); in < 47*time.Hour || in > 48*time.Hour {
		t.Errorf("the link is good for %v", in)
	}
	return l.Link.URL
}

func logIn(u *servertest.User, name, password string) int {
	return u.Do("POST", client+"/login", object{"type": "m.login.password", "password": password, "identifier": object{"type": "m.id.user", "user": name}}, nil)
}

const good = "Mairie-2026-Beffroi"

func TestChoosingAPasswordByALink(t *testing.T) {
	s := servertest.Start(t)
	chief, alice, nobody := s.RegisterAdmin(t, "chief"), s.Register(t, "alice"), s.Anonymous(t)
	link := makeLink(t, chief, alice.UserID)
	if !strings.HasPrefix(link, s.URL+"/_beffroi/mot-de-passe/") {
		t.Fatal(link)
	}
	// Every session is closed, and the password she had is none any more.
	alice.MustFail(401, "M_UNKNOWN_TOKEN", "GET", client+"/account/whoami", nil)
	if status := logIn(nobody, "alice", "alice"); status != 403 {
		t.Error("the old password logs in", status)
	}

	for range 3 { // opening it uses nothing up
		status, page, h := browse(t, link, nil)
		if status != 200 || !strings.Contains(page, alice.UserID) || !strings.Contains(page, "Choisissez votre mot de passe") {
			t.Fatalf("%d %s", status, page)
		}
		if h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cache-Control") != "no-store" || !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Error(h)
		}
	}
	if _, page, _ := browse(t, link+"?langue=en", nil); !strings.Contains(page, "Choose your password") || !strings.Contains(page, `lang="en"`) {
		t.Error(page)
	}
	for password, want := range map[string]string{"": "Choisissez un mot de passe.", "court": "trop court", "Mairie-Beffroi!": "", strings.Repeat("a", 600): "trop long"} {
		status, page, _ := browse(t, link, url.Values{"mot_de_passe": {password}, "encore": {password}})
		if status != 422 && want != "" || !strings.Contains(page, want) {
			t.Errorf("%q: %d %s", password, status, page)
		}
		if want == "" && status != 200 {
			t.Errorf("%q is good enough: %d %s", password, status, page)
		}
		if want == "" {
			link = makeLink(t, chief, alice.UserID)
		}
	}
	if status, page, _ := browse(t, link, url.Values{"mot_de_passe": {good}, "encore": {good + "x"}}); status != 422 || !strings.Contains(page, "ne sont pas les mêmes") {
		t.Error(status, page)
	}
	capital := strings.ToUpper(link[strings.LastIndex(link, "/")+1:]) // as it is typed from paper
	typed := link[:strings.LastIndex(link, "/")+1] + capital[:4] + "-" + capital[4:]
	if status, page, _ := browse(t, typed, url.Values{"mot_de_passe": {good}, "encore": {good}}); status != 200 || !strings.Contains(page, "C’est fait") {
		t.Error(status, page)
	}
	if status := logIn(nobody, "alice", good); status != 200 {
		t.Error(status)
	}
	// Once.
	for _, form := range []url.Values{nil, {"mot_de_passe": {"Autre-2026-Beffroi"}, "encore": {"Autre-2026-Beffroi"}}} {
		if status, page, _ := browse(t, link, form); status != 404 || !strings.Contains(page, "plus valable") {
			t.Error(status, page)
		}
	}
	w := &town{Server: s, t: t, chief: chief}
	if last := w.acts()[0]; last["act"] != "user.password_chosen" || last["actor"] != alice.UserID {
		t.Error(last)
	}
}

// A link ends with the time, with the next one, with the account, and with a password that came otherwise; one that never was says the same.
func TestLinksThatAreNoneAnyMore(t *testing.T) {
	s := servertest.Start(t)
	chief, alice, bob := s.RegisterAdmin(t, "chief"), s.Register(t, "alice"), s.Register(t, "bob")
	replaced := makeLink(t, chief, alice.UserID)
	late := makeLink(t, chief, alice.UserID)
	ended := makeLink(t, chief, bob.UserID)
	chief.Must("POST", v1+"/deactivate/"+bob.UserID, object{}, nil)
	for name, link := range map[string]string{"replaced": replaced, "ended": ended, "invented": s.URL + "/_beffroi/mot-de-passe/aaaaaaaaaaaaaaaaaaaaaaaaaa", "odd": s.URL + "/_beffroi/mot-de-passe/%00%ff"} {
		for _, form := range []url.Values{nil, {"mot_de_passe": {good}, "encore": {good}}} {
			if status, page, _ := browse(t, link, form); status != 404 && name != "odd" || strings.Contains(page, "<form") {
				t.Errorf("%s: %d %s", name, status, page)
			}
		}
	}
	if status, _, _ := browse(t, late, nil); status != 200 {
		t.Error("the last link is good", status)
	}
	err := s.DB().Write(t.Context(), func(tx *store.Tx) error {
		user, err := tx.FindAtom(alice.UserID)
		if err != nil {
			return err
		}
		token := sha256.Sum256([]byte(late[strings.LastIndex(late, "/")+1:]))
		return tx.PutPasswordLink(store.PasswordLink{User: user, Token: token[:], Admin: user, Created: 1, Expires: time.Now().UnixMilli() - 1})
	})
	if err != nil {
		t.Fatal(err)
	}
	if status, page, _ := browse(t, late, url.Values{"mot_de_passe": {good}, "encore": {good}}); status != 404 || !strings.Contains(page, "48\u00a0heures") {
		t.Error(status, page)
	}
	chief.MustFail(404, "M_NOT_FOUND", "POST", ours+"/users/"+bob.UserID+"/password_link", object{})
	chief.MustFail(403, "M_FORBIDDEN", "POST", ours+"/users/@_commune:"+s.ServerName+"/password_link", object{})
	chief.MustFail(404, "M_NOT_FOUND", "POST", ours+"/users/@none:"+s.ServerName+"/password_link", object{})
}

// Who is reset hears of it in a room of the server's, and the administrator of a tool that shows no link has it as a notice.
func TestALinkIsTold(t *testing.T) {
	s := servertest.Start(t)
	chief, alice := s.RegisterAdmin(t, "chief"), s.Register(t, "alice")
	var answer map[string]struct{ URL string }
	chief.Must("POST", v1+"/reset_password/"+alice.UserID, object{"new_password": "chosen by the tool"}, &answer)
	link := answer["fr.beffroi.password_link"].URL
	if status, _, _ := browse(t, link, url.Values{"mot_de_passe": {good}, "encore": {good}}); status != 200 {
		t.Fatal(status)
	}
	var session struct {
		AccessToken string `json:"access_token"`
	}
	s.Anonymous(t).Must("POST", client+"/login", object{"type": "m.login.password", "password": good, "identifier": object{"type": "m.id.user", "user": "alice"}}, &session)
	alice.AccessToken = session.AccessToken
	if told := notices(t, alice); !strings.Contains(told, chief.UserID) || strings.Contains(told, link) {
		t.Errorf("alice was told %q", told)
	}
	if told := notices(t, chief); !strings.Contains(told, link) {
		t.Errorf("the chief was told %q", told)
	}
}

// notices accepts the invitation to the room of the server's notices, and gives what is said there.
func notices(t *testing.T, u *servertest.User) (said string) {
	t.Helper()
	room := ""
	for id := range u.Sync("", "").Rooms.Invite {
		room = string(id)
	}
	u.MustFail(403, "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM", "POST", client+"/rooms/"+room+"/leave", object{})
	u.MustFail(403, "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM", "PUT", client+"/rooms/"+room+"/state/m.room.member/"+u.UserID, object{"membership": "leave"})
	u.Join(room)
	synced := u.Sync("", "")
	joined := synced.Rooms.Join
	for id, r := range joined {
		if string(id) != room {
			continue
		}
		tagged := false
		for _, e := range r.AccountData.Events {
			tagged = tagged || strings.Contains(string(e.Content.VeryRaw), "m.server_notice")
		}
		if !tagged {
			t.Error("the room has no tag")
		}
		for _, e := range r.Timeline.Events {
			if body, ok := e.Content.Raw["body"].(string); ok {
				said += body + "\n"
			}
		}
	}
	return said
}
