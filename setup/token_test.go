package setup_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"beffroi/server/store"
	"beffroi/setup"
)

func opens(t *testing.T, key, recipient string) bool {
	t.Helper()
	identity, err := age.ParseX25519Identity(key)
	if err != nil {
		t.Fatal(err)
	}
	return identity.Recipient().String() == recipient
}

// Without the token there is the page that asks for it, its clothes, and nothing else.
func TestWithoutToken(t *testing.T) {
	i := install(t)
	for _, path := range []string{"/installation/commune", "/installation/fiche", "/", "/installation/"} {
		p := i.browser().get(path)
		p.says(t, "Jeton d’installation")
		p.saysNot(t, "Étape", "AGE-SECRET")
	}
	b := i.browser()
	p := b.submit(page{path: "/installation/commune", body: b.get("/installation").body}, "commune", "Intrus")
	p.at(t, 200, "/installation")
	b.enter().saysNot(t, "Intrus")
	for _, path := range []string{"/installation/fin", "/installation/nulle-part", "/_matrix/client/versions", "/autre"} {
		if p := i.browser().get(path); p.status != 404 && p.path != "/installation" {
			t.Errorf("%s: %d at %s", path, p.status, p.path)
		}
	}
}

func TestTokenIsTypedInAnyShape(t *testing.T) {
	i := install(t)
	for _, typed := range []string{strings.ToLower(i.token), strings.ReplaceAll(i.token, "-", " "), " " + strings.ReplaceAll(i.token, "-", "") + "\n"} {
		b := i.browser()
		b.submit(b.get("/installation"), "jeton", typed).at(t, 200, "/installation/commune")
	}
	b := i.browser()
	wrong := b.submit(b.get("/installation"), "jeton", i.token[:len(i.token)-1]+"<")
	wrong.at(t, 403, "/installation")
	wrong.says(t, "Ce n’est pas le jeton", `aria-invalid="true"`)
}

// Only hashes are stored, and the file is the owner's alone.
func TestTokenAndSessionAreStoredAsHashes(t *testing.T) {
	i := install(t)
	b := i.browser()
	b.enter()
	file := filepath.Join(i.options.DataDir, "setup-token")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the token's file: %v, %v", info, err)
	}
	stored, err := store.Get(t.Context(), i.options.DB, func(r *store.Reader) (string, error) { return r.MetaText(store.MetaSetup) })
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{i.token, strings.ReplaceAll(i.token, "-", "")}
	for _, c := range b.http.Jar.Cookies(b.request("GET", "/installation", "").URL) {
		secrets = append(secrets, c.Value)
	}
	if len(secrets) != 3 {
		t.Fatalf("%d secrets", len(secrets))
	}
	for _, secret := range secrets {
		if strings.Contains(string(content)+stored, secret) {
			t.Errorf("%s is stored", secret)
		}
	}
}

func TestTokenLastsADay(t *testing.T) {
	i := install(t)
	i.later(24*time.Hour - time.Second)
	b := i.browser()
	b.enter().at(t, 200, "/installation/commune")
	i.later(time.Second)
	i.browser().enter().at(t, 403, "/installation")
	i.later(24*time.Hour - 2*time.Second)
	b.get("/installation/commune").at(t, 200, "/installation/commune")
	i.later(time.Second)
	b.get("/installation/commune").at(t, 200, "/installation") // the session has ended too
}

// A restart prints one more; `beffroi setup token` replaces all.
func TestNewToken(t *testing.T) {
	i := install(t)
	first := i.token
	i.start()
	i.browser().get("/installation?jeton="+first).at(t, 200, "/installation/commune")
	token, err := setup.NewToken(i.options.DataDir, "beffroi.db", rand.Reader, i.clock())
	if err != nil {
		t.Fatal(err)
	}
	for old, status := range map[string]int{first: 403, i.token: 403, token: 200} {
		if p := i.browser().get("/installation?jeton=" + old); p.status != status {
			t.Errorf("%s: %d, want %d", old, p.status, status)
		}
	}
}

func TestNewTokenBeforeTheFirstStartAndAfterTheEnd(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := setup.NewToken(dir, "beffroi.db", rand.Reader, time.Now()); err != nil {
		t.Error("in a folder that is not there yet:", err)
	}
	if err := setup.Forget(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "beffroi.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := setup.NewToken(dir, "beffroi.db", rand.Reader, time.Now()); !errors.Is(err, setup.ErrInstalled) {
		t.Error("got", err)
	}
}

func TestDamagedTokenFile(t *testing.T) {
	i := install(t)
	if err := os.WriteFile(filepath.Join(i.options.DataDir, "setup-token"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	i.browser().enter().at(t, 500, "/installation")
	i.start()
	i.browser().enter().at(t, 200, "/installation/commune")
}

// Wrong tries are slowed down per address; they change neither the token nor others' tries.
func TestWrongTriesAreSlowed(t *testing.T) {
	i := install(t)
	i.from("192.0.2.1:1")
	for n := range 4 {
		i.browser().get("/installation?jeton=AAAA").at(t, 403, "/installation")
		_ = n
	}
	for _, wait := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, time.Minute, time.Minute} {
		p := i.browser().enter()
		p.at(t, 429, "/installation")
		if got := p.header.Get("Retry-After"); got != fmt.Sprint(int(wait.Seconds())) {
			t.Errorf("Retry-After %s, want %s", got, wait)
		}
		i.later(wait)
		i.browser().get("/installation?jeton=BBBB").at(t, 403, "/installation")
	}
	i.from("192.0.2.2:1")
	i.browser().enter().at(t, 200, "/installation/commune")
	i.from("[2001:db8:0:1::1]:1")
	for range 4 {
		i.browser().get("/installation?jeton=AAAA").at(t, 403, "/installation")
	}
	i.from("[2001:db8:0:1:ffff::2]:1")
	i.browser().enter().at(t, 429, "/installation")
	i.from("[2001:db8:0:2::1]:1")
	i.browser().enter().at(t, 200, "/installation/commune")
	i.from("192.0.2.1:1")
	i.later(time.Minute)
	i.browser().enter().at(t, 200, "/installation/commune")
}

// The token typed on a second screen takes the session over, and the first one is told.
func TestSecondScreenTakesOver(t *testing.T) {
	i := install(t)
	first, second := i.browser(), i.browser()
	sheet := first.upToSheet()
	p := second.enter()
	p.at(t, 200, "/installation/fiche")
	if p.body == sheet.body || strings.Contains(p.body, typedBack(t, sheet)[1]) {
		t.Error("the key that the first screen saw is still in use")
	}
	lost := first.submit(sheet, typedBack(t, sheet)...)
	lost.at(t, 403, "/installation")
	lost.says(t, "L’installation continue sur un autre écran")
	if len(i.founded) != 0 {
		t.Fatal("the first screen founded a server")
	}
	first.submit(lost, "jeton", i.token).at(t, 200, "/installation/fiche")
	second.get("/installation/fiche").says(t, "L’installation continue sur un autre écran")
}

// A reload of the printed address, or a second tab, changes nothing for the browser that is in.
func TestSameBrowserTwice(t *testing.T) {
	i := install(t)
	b := i.browser()
	p := b.enter()
	b.enter().at(t, 200, "/installation/commune")
	b.submit(p, "commune", "Vauclair").at(t, 200, "/installation/adresse")
	b.get("/installation").at(t, 200, "/installation/adresse")
}

func TestCookie(t *testing.T) {
	i := install(t)
	var cookies []*http.Cookie
	b := i.browser()
	b.http.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		cookies = append(cookies, r.Response.Cookies()...)
		return nil
	}
	b.enter()
	if len(cookies) != 1 {
		t.Fatalf("%d cookies", len(cookies))
	}
	c := cookies[0]
	if c.Name != "beffroi-installation" || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Secure || c.Path != "/" {
		t.Errorf("on plain HTTP: %v", c)
	}
}
