package setup_test

import (
	"context"
	"crypto/rand"
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"beffroi/server/accounts"
	"beffroi/server/store/storetest"
	"beffroi/setup"
)

// An installation is a wizard on a real database behind a real HTTP server. What it founds is written down, and its homeserver answers "homeserver".
type installation struct {
	t       *testing.T
	options setup.Options
	url     string
	token   string

	mu       sync.Mutex
	wizard   *setup.Wizard
	now      time.Time
	remote   string // the address that requests seem to come from, where not empty
	founded  []setup.Answers
	foundErr error
}

func install(t *testing.T) *installation {
	t.Helper()
	i := &installation{t: t, now: time.Date(2026, 11, 23, 9, 5, 0, 0, time.UTC)}
	i.options = setup.Options{DB: storetest.Open(t).DB, DataDir: t.TempDir(), Reserved: "mairie", Now: i.clock, Random: rand.Reader, Log: zerolog.Nop(),
		HashPassword: func(ctx context.Context, password string) (string, error) {
			return accounts.HashPassword(ctx, accounts.Cost{MemoryKiB: 8, Iterations: 1, Threads: 1}, rand.Reader, password)
		},
		Found: i.found,
		Homeserver: func() http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "homeserver") })
		}}
	web := httptest.NewServer(http.HandlerFunc(i.serve))
	t.Cleanup(web.Close)
	i.url = web.URL
	i.start()
	return i
}

// start is the start of the process: a wizard on what is in the database, and a token on the console.
func (i *installation) start() {
	i.t.Helper()
	wizard, err := setup.New(i.t.Context(), i.options)
	if err != nil {
		i.t.Fatal(err)
	}
	var console strings.Builder
	if err := wizard.Announce(&console, []string{i.url}); err != nil {
		i.t.Fatal(err)
	}
	found := regexp.MustCompile(regexp.QuoteMeta(i.url) + `/installation\?jeton=(([A-Z2-7]{4}-){6}[A-Z2-7]{4})\n`).FindStringSubmatch(console.String())
	if found == nil {
		i.t.Fatalf("no address with a token on the console: %s", console.String())
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.token, i.wizard = found[1], wizard
}

func (i *installation) serve(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	wizard := i.wizard
	if i.remote != "" {
		r.RemoteAddr = i.remote
	}
	i.mu.Unlock()
	wizard.ServeHTTP(w, r)
}

func (i *installation) clock() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.now
}

func (i *installation) later(d time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.now = i.now.Add(d)
}

func (i *installation) from(remote string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.remote = remote
}

func (i *installation) found(_ context.Context, a setup.Answers) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.foundErr == nil {
		i.founded = append(i.founded, a)
	}
	return i.foundErr
}

// A browser keeps cookies and follows redirects.
type browser struct {
	t    *testing.T
	i    *installation
	http *http.Client
}

func (i *installation) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		i.t.Fatal(err)
	}
	return &browser{t: i.t, i: i, http: &http.Client{Jar: jar}}
}

// A page is what a browser shows in the end.
type page struct {
	status int
	path   string
	query  string
	body   string // with entities resolved
	header http.Header
}

func (b *browser) do(r *http.Request) page {
	b.t.Helper()
	answer, err := b.http.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if strings.Contains(string(body), "no value") {
		b.t.Errorf("a message lacks a value: %s", body)
	}
	u := answer.Request.URL
	return page{status: answer.StatusCode, path: u.Path, query: u.RawQuery, body: html.UnescapeString(string(body)), header: answer.Header}
}

func (b *browser) request(method, path, body string) *http.Request {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.i.url+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if method == "POST" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

func (b *browser) get(path string) page { b.t.Helper(); return b.do(b.request("GET", path, "")) }

// submit sends a page's form, with its hidden field. fields are pairs.
func (b *browser) submit(p page, fields ...string) page {
	b.t.Helper()
	return b.do(b.form(p, fields...))
}

func (b *browser) form(p page, fields ...string) *http.Request {
	b.t.Helper()
	values := url.Values{"formulaire": {hidden(p)}}
	for n := 0; n < len(fields); n += 2 {
		values.Set(fields[n], fields[n+1])
	}
	r := b.request("POST", p.path, values.Encode())
	r.Header.Set("Origin", b.i.url)
	return r
}

func hidden(p page) string {
	found := regexp.MustCompile(`name="formulaire" value="([^"]+)"`).FindStringSubmatch(p.body)
	if found == nil {
		return ""
	}
	return found[1]
}

// enter opens the session by the address of the console.
func (b *browser) enter() page {
	b.t.Helper()
	return b.get("/installation?jeton=" + b.i.token)
}

const goodPassword = "Tilleul-1789-ok"

// upToSheet answers all but the last page.
func (b *browser) upToSheet() page {
	b.t.Helper()
	p := b.enter()
	p = b.submit(p, "commune", "Mairie de Saint-Aubin")
	p = b.submit(p, "adresse", "saint-aubin.fr")
	p = b.submit(p, "nom", "Élodie Le Goff")
	p = b.submit(p, "identifiant", "elodie.legoff", "mot_de_passe", goodPassword, "encore", goodPassword)
	p.at(b.t, 200, "/installation/fiche")
	return p
}

// typedBack reads from the sheet what its form asks for.
func typedBack(t *testing.T, p page) []string {
	t.Helper()
	printed := regexp.MustCompile(`<li>([A-Z0-9]{4,6})</li>`).FindAllStringSubmatch(p.body, -1)
	asked := regexp.MustCompile(`Groupe (\d) de la clé`).FindAllStringSubmatch(p.body, -1)
	if len(printed) != 10 || len(asked) != 2 {
		t.Fatalf("a sheet of %d groups, %d asked for", len(printed), len(asked))
	}
	group := func(n int) string { return strings.ToLower(printed[asked[n][1][0]-'1'][1]) }
	return []string{"groupe_1", group(0), "groupe_2", group(1)}
}

func (p page) at(t *testing.T, status int, path string) {
	t.Helper()
	if p.status != status || p.path != path {
		t.Fatalf("got %d at %s, want %d at %s: %s", p.status, p.path, status, path, p.body)
	}
}

func (p page) says(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(p.body, text) {
			t.Errorf("the page does not say %q: %s", text, p.body)
		}
	}
}

func (p page) saysNot(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(p.body, text) {
			t.Errorf("the page says %q", text)
		}
	}
}

func TestFromTokenToServer(t *testing.T) {
	i := install(t)
	b := i.browser()
	b.get("/").at(t, 200, "/installation")
	p := b.enter()
	p.at(t, 200, "/installation/commune")
	if p.query != "" {
		t.Error("the token stays in the address:", p.query)
	}
	p.says(t, "Étape 1 sur 5", `lang="fr"`)
	p = b.submit(p, "commune", "  Mairie de\tSaint-Aubin ")
	p.at(t, 200, "/installation/adresse")
	p.says(t, "ne pourra plus jamais changer")
	p = b.submit(p, "adresse", "https://Saint-Aubin.fr/")
	p.at(t, 200, "/installation/administrateur")
	p = b.submit(p, "nom", "Élodie Le Goff")
	p.at(t, 200, "/installation/compte")
	p.says(t, `value="elodie.legoff"`, "Mairie de Saint-Aubin")
	p = b.submit(p, "identifiant", "elodie.legoff", "mot_de_passe", goodPassword, "encore", goodPassword)
	p.at(t, 200, "/installation/fiche")
	p.says(t, "@elodie.legoff:saint-aubin.fr", "lundi 23 novembre 2026", "AGE-SECRET-KEY-1")
	key := regexp.MustCompile(`AGE-SECRET-KEY-1[A-Z0-9]{58}`).FindString(p.body)

	wrong := b.submit(p, "groupe_1", "AAAAAA", "groupe_2", "")
	wrong.at(t, 422, "/installation/fiche")
	wrong.says(t, "Ce n’est pas le groupe", key)
	if len(i.founded) != 0 {
		t.Fatal("founded without a sheet")
	}
	p = b.submit(p, typedBack(t, p)...)
	p.at(t, 200, "/installation/fin")
	p.says(t, "La messagerie de la commune est prête", "@elodie.legoff:saint-aubin.fr", `href="/"`)
	p.saysNot(t, key[20:])

	if len(i.founded) != 1 {
		t.Fatalf("founded %d times", len(i.founded))
	}
	a := i.founded[0]
	if a.Commune != "Mairie de Saint-Aubin" || a.ServerName != "saint-aubin.fr" || a.Localpart != "elodie.legoff" || a.DisplayName != "Élodie Le Goff" ||
		!strings.HasPrefix(a.PasswordHash, "$argon2id$") || !opens(t, key, a.BackupRecipient) {
		t.Errorf("founded with %+v", a)
	}
}

func TestAfterTheEndNothingAnswers(t *testing.T) {
	i := install(t)
	b := i.browser()
	p := b.upToSheet()
	again := b.form(p, typedBack(t, p)...)
	b.submit(p, typedBack(t, p)...).at(t, 200, "/installation/fin")

	// who finished may reload the last page and press its button twice, for a while
	b.get("/installation/fin").at(t, 200, "/installation/fin")
	b.do(again).at(t, 200, "/installation/fin")
	b.get("/installation/style.css").at(t, 200, "/installation/style.css")
	gone := []string{"", "?jeton=" + i.token, "/", "/commune", "/fiche", "/fin?x=1", "/style.css", "/nulle-part"}
	for _, path := range gone {
		i.browser().get("/installation"+path).at(t, 404, "/installation"+strings.Split(path, "?")[0])
	}
	for _, path := range []string{"", "/commune", "/fiche"} {
		b.get("/installation"+path).at(t, 404, "/installation"+path)
	}
	i.later(11 * time.Minute)
	b.get("/installation/fin").at(t, 404, "/installation/fin")
	if p := i.browser().get("/_matrix/client/versions"); p.body != "homeserver" {
		t.Error("the homeserver does not answer:", p.body)
	}
	if _, err := os.Stat(filepath.Join(i.options.DataDir, "setup-token")); !errors.Is(err, os.ErrNotExist) {
		t.Error("the token's file is still there:", err)
	}
	if p := i.browser().get("/installation"); p.header.Get("Cache-Control") != "no-store" {
		t.Error("a browser may keep the 404")
	}
}

func TestClosed(t *testing.T) {
	h := setup.Closed(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	for path, want := range map[string]int{"/installation": 404, "/installation/commune": 404, "/installations": 418, "/": 418} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != want {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// Two presses of the last button at once found one server, and both browsers' answers are the last page.
func TestFinishTwiceAtOnce(t *testing.T) {
	i := install(t)
	b := i.browser()
	p := b.upToSheet()
	var both sync.WaitGroup
	for range 2 {
		r := b.form(p, typedBack(t, p)...)
		both.Go(func() {
			if got := b.do(r); got.path != "/installation/fin" || got.status != 200 {
				t.Errorf("got %d at %s", got.status, got.path)
			}
		})
	}
	both.Wait()
	if len(i.founded) != 1 {
		t.Errorf("founded %d times", len(i.founded))
	}
}

func TestFailedFoundingLosesNothing(t *testing.T) {
	i := install(t)
	b := i.browser()
	p := b.upToSheet()
	i.foundErr = errors.New("disk full")
	b.submit(p, typedBack(t, p)...).at(t, 500, "/installation/fiche")
	if again := b.get("/installation/fiche"); again.body != p.body {
		t.Error("another sheet than the one that was printed")
	}
	i.foundErr = nil
	b.submit(p, typedBack(t, p)...).at(t, 200, "/installation/fin")
}

func TestGoingBackKeepsInput(t *testing.T) {
	i := install(t)
	b := i.browser()
	p := b.submit(b.enter(), "commune", "Vauclair")
	p = b.submit(p, "adresse", "pas une adresse", "retour", "1")
	p.at(t, 200, "/installation/commune")
	p.says(t, `value="Vauclair"`)
	p = b.submit(p, "commune", "Vauclair")
	p.says(t, `value="pas une adresse"`)
	b.get("/installation/administrateur").at(t, 200, "/installation/adresse") // no step is jumped over

	p = b.submit(p, "adresse", "vauclair.fr")
	p = b.submit(p, "nom", "Claire Martin")
	p = b.submit(p, "identifiant", "claire", "mot_de_passe", goodPassword, "encore", goodPassword)
	p = b.submit(p, "retour", "1")
	p.at(t, 200, "/installation/compte")
	p.says(t, `value="claire"`, "Un mot de passe est déjà choisi")
	p.saysNot(t, goodPassword)
	b.submit(p, "identifiant", "claire", "mot_de_passe", "", "encore", "").at(t, 200, "/installation/fiche")
}

// A restart of the process keeps session and answers; the key that nobody confirmed is another one.
func TestRestart(t *testing.T) {
	i := install(t)
	b := i.browser()
	p := b.upToSheet()
	old := i.token
	i.start()
	fresh := b.submit(p, typedBack(t, p)...)
	fresh.at(t, 409, "/installation/fiche")
	fresh.says(t, "C’est une nouvelle clé", "saint-aubin.fr")
	b.submit(fresh, typedBack(t, p)...).at(t, 422, "/installation/fiche")
	b.submit(fresh, typedBack(t, fresh)...).at(t, 200, "/installation/fin")
	if old == i.token {
		t.Error("the same token twice")
	}
}
