package preview

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"beffroi/server/media"
	"beffroi/server/media/mediatest"
	"beffroi/server/merr"
	"beffroi/server/notify"
	"beffroi/server/store/storetest"

	"github.com/rs/zerolog"
)

// site is a web site on loopback; what each path answers with can be changed.
type site struct {
	*Service
	t     *testing.T
	web   *httptest.Server
	mu    sync.Mutex
	pages map[string]http.HandlerFunc
	asked atomic.Int32
	now   time.Time
	dir   string
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, pages: map[string]http.HandlerFunc{}, now: time.Now(), dir: t.TempDir()}
	s.web = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		s.mu.Lock()
		page, known := s.pages[r.URL.Path]
		s.mu.Unlock()
		if !known {
			http.NotFound(w, r)
			return
		}
		page(w, r)
	}))
	db := storetest.Open(t)
	clock := func() time.Time { return s.now }
	m, err := media.New(db.DB, notify.New(), media.Config{DataDir: s.dir, ServerName: "test"}, clock, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s.Service = New(db.DB, m, "test", Settings{Enabled: true, Allow: []string{"127.0.0.1/32"}, Ports: []uint16{0}}, clock, zerolog.Nop())
	t.Cleanup(func() {
		s.Close()
		m.Close()
		s.web.Close()
	})
	return s
}

func (s *site) port() (p uint16) {
	u, err := url.Parse(s.web.URL)
	if err == nil {
		_, err = fmt.Sscan(u.Port(), &p)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

func (s *site) set(v Settings) {
	s.t.Helper()
	if err := s.SetSettings(s.t.Context(), v); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) page(path, kind, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages[path] = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = io.WriteString(w, body)
	}
}

func (s *site) handle(path string, h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages[path] = h
}

// get gives the preview of a path, or of a whole address, as text; or the errcode.
func (s *site) get(path string) string {
	s.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = s.web.URL + path
	}
	answer, err := s.Get(s.t.Context(), 7, path)
	if err != nil {
		return merr.From(err).Code
	}
	return string(answer)
}

func TestWhatPagesSay(t *testing.T) {
	s := newSite(t)
	for name, c := range map[string]struct{ kind, body, want string }{
		"OpenGraph": {"text/html; charset=utf-8", `<html><head><title>no</title><meta property="og:title" content="Fête &amp; bal"><meta name=description content=no>
			<meta property="og:description" content="Le 14 juillet"><meta property="og:site_name" content="Mairie"><meta property="og:type" content="article">`,
			`{"og:description":"Le 14 juillet","og:site_name":"Mairie","og:title":"Fête \u0026 bal","og:type":"article"}`},
		"its address":        {"text/html", `<meta property="og:url" content=" https://mairie.example/bal?jour=14#haut ">`, `{"og:url":"https://mairie.example/bal?jour=14"}`},
		"no web address":     {"text/html", `<meta property="og:url" content="javascript:alert(1)">`, `{}`},
		"part of an address": {"text/html", `<meta property="og:url" content="/bal">`, `{}`},
		"Twitter":            {"text/html", `<meta name="twitter:title" content="T"><meta name="twitter:description" content="D">`, `{"og:description":"D","og:title":"T"}`},
		"only HTML": {"text/html", `<title> Conseil
			municipal </title><nav><p>Menu</p></nav><script>var p = "<p>no</p>"</script><h1>H</h1><p>Un <b>premier</b></p><p>alinéa` + "\u202e\x00" + `</p>`,
			`{"og:description":"Un premier alinéa","og:title":"Conseil municipal"}`},
		"heading":        {"application/xhtml+xml", `<h1>Titre</h1>`, `{"og:title":"Titre"}`},
		"Latin 1":        {"text/html; charset=iso-8859-1", "<title>Mairie d'\xc9taples</title>", `{"og:title":"Mairie d'Étaples"}`},
		"said by a meta": {"text/html", "<meta charset=windows-1252><title>\x80</title>", `{"og:title":"€"}`},
		"empty":          {"text/html", "", `{}`},
		"a file":         {"application/pdf", "%PDF", `{}`},
		"no type":        {"", "<title>x</title>", `{}`},
		"long":           {"text/html", "<title>" + strings.Repeat("é", 300), `{"og:title":"` + strings.Repeat("é", 199) + `…"}`},
		"not UTF-8":      {"text/html; charset=utf-8", "<title>a\xffb</title>", `{"og:title":"ab"}`},
	} {
		path := "/" + url.PathEscape(name)
		s.page("/"+name, c.kind, c.body)
		if got := s.get(path); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestImagesOfPreviews(t *testing.T) {
	s := newSite(t)
	jpeg := mediatest.JPEG(30, 20, false, 1, 0x11)
	s.page("/i.jpg", "text/plain", string(jpeg)) // the type is looked for in the bytes
	s.page("/page", "text/html", `<title>x</title><meta property=og:image content="i.jpg#x"><meta property=og:image content="none">`)
	var got map[string]any
	if err := json.Unmarshal([]byte(s.get("/page")), &got); err != nil {
		t.Fatal(err)
	}
	uri, _ := got["og:image"].(string)
	id, ours := strings.CutPrefix(uri, "mxc://test/")
	if !ours || got["og:image:type"] != "image/jpeg" || got["og:image:width"] != 30. || got["og:image:height"] != 20. || got["matrix:image:size"] != float64(len(jpeg)) {
		t.Fatalf("%v", got)
	}
	f, err := s.media.Open(t.Context(), media.Wanted{Server: "test", ID: id})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if b, err := io.ReadAll(f); err != nil || !bytes.Equal(b, jpeg) {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	s.page("/direct.png", "image/png", string(mediatest.PNG(9, 9, 8, 0, 0)))
	if got := s.get("/direct.png"); !strings.Contains(got, `"og:title":"direct.png"`) || !strings.Contains(got, `"og:image":"mxc://test/`) {
		t.Errorf("an image itself: %s", got)
	}
	s.page("/large", "image/jpeg", string(jpeg)+strings.Repeat("x", maxImage))
	s.page("/svg", "image/svg+xml", `<svg onload="alert(1)"/>`)
	for _, image := range []string{"/large", "/svg", "/none", "http://127.0.0.2/", "http://[::1]/", "http://10.0.0.1/", "file:///etc/passwd", "data:image/png;base64,aaaa", "http://%zz"} {
		page := "/with" + url.QueryEscape(image)
		s.page(page, "text/html", `<title>x</title><meta property="og:image" content="`+image+`">`)
		if got := s.get("/with" + url.PathEscape(url.QueryEscape(image))); got != `{"og:title":"x"}` {
			t.Errorf("%s: %s", image, got)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(s.dir, "media", "tmp", "*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Who asks for pages with ever other images does not fill the disk with them.
func TestImagesOfPreviewsHaveALimit(t *testing.T) {
	s := newSite(t)
	for i := range 4 {
		s.page(fmt.Sprintf("/%d.png", i), "image/png", string(mediatest.PNG(9+uint32(i), 9, 8, 0, 0)))
		s.page(fmt.Sprint("/page", i), "text/html", fmt.Sprintf(`<title>x</title><meta property="og:image" content="/%d.png">`, i))
	}
	limits, err := s.media.Limits(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	limits.Remote = 2*int64(len(mediatest.PNG(12, 9, 8, 0, 0))) + 10
	if err := s.media.SetLimits(t.Context(), limits); err != nil {
		t.Fatal(err)
	}
	images := 0
	for i := range 4 {
		got := s.get(fmt.Sprint("/page", i))
		images += strings.Count(got, `"og:image":`)
		if !strings.Contains(got, `"og:title":"x"`) {
			t.Error(got)
		}
	}
	if images != 2 {
		t.Errorf("%d images are kept", images)
	}
}

func TestWhatGetsNoPreview(t *testing.T) {
	s := newSite(t)
	s.page("/there", "text/html", "<title>x</title>")
	s.page("/secret", "text/html", "<title>x</title>")
	for path, to := range map[string]string{"/inside": "http://127.0.0.2/", "/six": "http://[::1]/", "/port": "http://127.0.0.1:9/", "/refused": "/secret", "/file": "file:///etc/passwd"} {
		s.handle(path, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) })
	}
	s.handle("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.String(), http.StatusFound) })
	s.set(Settings{Enabled: true, Allow: []string{"127.0.0.1/32"}, Ports: []uint16{s.port()}, Refuse: []string{`/secret\b`, `^https?://([^/]*\.)?intra\.example`}})
	for address, want := range map[string]string{
		"/there": `{"og:title":"x"}`, "/there#fragment": `{"og:title":"x"}`, "/none": "M_NOT_FOUND", "/inside": "M_NOT_FOUND", "/six": "M_NOT_FOUND", "/port": "M_NOT_FOUND", "/refused": "M_NOT_FOUND", "/file": "M_NOT_FOUND", "/loop": "M_NOT_FOUND",
		"/secret": "M_FORBIDDEN", "https://www.intra.example/": "M_FORBIDDEN", "http://127.0.0.2/": "M_NOT_FOUND", "http://169.254.169.254/latest/": "M_NOT_FOUND", "http://[::ffff:127.0.0.2]/": "M_NOT_FOUND",
		"": "M_INVALID_PARAM", "ftp://a.example": "M_INVALID_PARAM", "http:///x": "M_INVALID_PARAM", "http://a:b@a.example": "M_INVALID_PARAM", "mairie.example": "M_INVALID_PARAM", "http://a.example/%zz": "M_INVALID_PARAM",
		"http://a.example/" + strings.Repeat("x", maxAddress): "M_INVALID_PARAM", "javascript:alert(1)": "M_INVALID_PARAM",
	} {
		if got := s.get(address); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
	s.set(Settings{Allow: []string{"127.0.0.1/32"}})
	if got := s.get("/there"); got != "M_FORBIDDEN" {
		t.Errorf("switched off: %s", got)
	}
}

func TestSettingsAreChecked(t *testing.T) {
	s := newSite(t)
	for _, v := range []Settings{{Refuse: []string{"("}}, {Refuse: []string{strings.Repeat("a", maxPattern+1)}}, {Allow: []string{"10.0.0.1"}}, {Refuse: make([]string, maxEntries+1)}} {
		if err := s.SetSettings(t.Context(), v); merr.From(err).Code != "M_INVALID_PARAM" {
			t.Errorf("%.100v: %v", v, err)
		}
	}
	if v, err := s.Settings(t.Context()); err != nil || !v.Enabled || len(v.Allow) != 1 {
		t.Errorf("%v, %v", v, err)
	}
}

// TestOneFetchForMany: whoever asks meanwhile or later gets what was fetched, until its time is over; what could not be fetched is remembered for less long.
func TestOneFetchForMany(t *testing.T) {
	s := newSite(t)
	goOn := make(chan struct{})
	s.handle("/slow", func(w http.ResponseWriter, _ *http.Request) {
		<-goOn
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<title>x</title>")
	})
	got := make(chan string, 20)
	for range cap(got) {
		go func() { got <- s.get("/slow") }()
	}
	close(goOn)
	for range cap(got) {
		if g := <-got; g != `{"og:title":"x"}` {
			t.Error(g)
		}
	}
	s.get("/slow")
	s.get("/none")
	s.get("/none")
	if n := s.asked.Load(); n != 2 {
		t.Errorf("%d requests", n)
	}
	s.now = s.now.Add(failedLife)
	s.get("/slow")
	s.get("/none")
	if n := s.asked.Load(); n != 3 {
		t.Errorf("after ten minutes %d requests", n)
	}
	s.now = s.now.Add(life)
	if err := s.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.get("/slow"); s.asked.Load() != 4 {
		t.Errorf("after a day %d requests", s.asked.Load())
	}
}

func TestAnAccountsPace(t *testing.T) {
	var p pace
	now := time.Unix(1_800_000_000, 0)
	for i := range maxSaved {
		if p.take(1, now) != 0 {
			t.Fatalf("refused at %d", i)
		}
	}
	if wait := p.take(1, now); wait != interval || p.take(2, now) != 0 {
		t.Errorf("wait %v", wait)
	}
	if now = now.Add(interval); p.take(1, now) != 0 || p.take(1, now) == 0 {
		t.Error("one more each interval")
	}
	if now = now.Add(time.Hour); p.take(3, now) != 0 || len(p.full) != 1 {
		t.Errorf("%d accounts are remembered", len(p.full))
	}
	s := newSite(t)
	s.page("/a", "text/html", "<title>x</title>")
	s.get("/a")
	for s.pace.take(7, s.now) == 0 {
	}
	if got := s.get("/b") + s.get("/a"); got != `M_LIMIT_EXCEEDED{"og:title":"x"}` {
		t.Errorf("%s", got)
	}
}

// TestPagesThatAreBombs: depth, length, packing, one tag without end, a site that never ends.
func TestPagesThatAreBombs(t *testing.T) {
	s := newSite(t)
	s.page("/deep", "text/html", "<title>x</title>"+strings.Repeat("<div><b>", 100_000))
	s.page("/tag", "text/html", `<title>x</title><meta content="`+strings.Repeat("a", 900_000)+`">`)
	s.page("/attributes", "text/html", `<title>x</title><meta `+strings.Repeat("a=b ", 10_000)+`>`)
	s.handle("/endless", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<title>x</title>")
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 32<<10)); err != nil {
				return
			}
		}
	})
	for _, path := range []string{"/deep", "/tag", "/attributes", "/endless"} {
		start := time.Now()
		if got := s.get(path); got != `{"og:title":"x"}` {
			t.Errorf("%s: %s", path, got)
		}
		t.Log(path, time.Since(start))
	}
}

func TestTheEndEndsFetches(t *testing.T) {
	s := newSite(t)
	begun := make(chan struct{})
	s.handle("/slow", func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
	})
	got := make(chan string)
	go func() { got <- s.get("/slow") }()
	<-begun
	s.Close()
	if g := <-got; g != "M_UNKNOWN" { // 500: nothing was learnt, so nothing is remembered
		t.Error(g)
	}
}

func FuzzPage(f *testing.F) {
	f.Add([]byte(`<title>x</title><meta property="og:image" content="a"><svg/><p>x`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := readPage(bytes.NewReader(b)).card()
		for name, v := range c {
			if s, ok := v.(string); !ok || s == "" || len([]rune(s)) > maxDescription || strings.ContainsAny(s, "\n\x00\u202e") {
				t.Errorf("%s: %q", name, v)
			}
		}
		if _, err := json.Marshal(c); err != nil {
			t.Error(err)
		}
	})
}
