package embedui

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

const immutable = "public, max-age=31536000, immutable"

func zip(t *testing.T, text string) *fstest.MapFile {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &fstest.MapFile{Data: b.Bytes()}
}

// client is what a build leaves in dist.
func client(t *testing.T) fstest.MapFS {
	return fstest.MapFS{
		".keep":                 {},
		"index.html.br":         {Data: []byte("page in brotli")},
		"index.html.gz":         zip(t, "<!doctype html>"),
		"assets/app-abc.js.br":  {Data: []byte("script in brotli")},
		"assets/app-abc.js.gz":  zip(t, "script()"),
		"assets/c-abc.wasm.br":  {Data: []byte("wasm in brotli")},
		"assets/c-abc.wasm.gz":  zip(t, "\x00asm"),
		"assets/font-abc.woff2": {Data: []byte("font")},
		"favicon.svg.br":        {Data: []byte("icon in brotli")},
		"favicon.svg.gz":        zip(t, "<svg/>"),
	}
}

func get(t *testing.T, h http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestFilesComeInTheSmallestFormThatTheBrowserTakes(t *testing.T) {
	h := handler(client(t), Config{})
	for _, c := range []struct{ path, accept, encoding, contentType, cache, body string }{
		{"/", "gzip, deflate, br, zstd", "br", "text/html; charset=utf-8", "no-cache", "page in brotli"},
		{"/", "br;q=0, gzip;q=0.5", "gzip", "text/html; charset=utf-8", "no-cache", "<!doctype html>"},
		{"/", "", "", "text/html; charset=utf-8", "no-cache", "<!doctype html>"},
		{"/salon/!abc:mairie.fr", "br", "br", "text/html; charset=utf-8", "no-cache", "page in brotli"},
		{"/espace/!abc:mairie.fr", "br", "br", "text/html; charset=utf-8", "no-cache", "page in brotli"},
		{"/reglages", "br", "br", "text/html; charset=utf-8", "no-cache", "page in brotli"},
		{"/reglages/apparence", "br", "br", "text/html; charset=utf-8", "no-cache", "page in brotli"},
		{"/salon/!abc/%24event", "br", "br", "text/html; charset=utf-8", "no-cache", "page in brotli"},
		{"/salon/!abc/details", "br", "br", "text/html; charset=utf-8", "no-cache", "page in brotli"},
		{"/assets/app-abc.js", "br", "br", "text/javascript; charset=utf-8", immutable, "script in brotli"},
		{"/assets/app-abc.js", "identity", "", "text/javascript; charset=utf-8", immutable, "script()"},
		{"/assets/c-abc.wasm", "br;q=1.0", "br", "application/wasm", immutable, "wasm in brotli"},
		{"/assets/font-abc.woff2", "br", "", "font/woff2", immutable, "font"},
		{"/favicon.svg", "gzip", "gzip", "image/svg+xml", "max-age=86400", "<svg/>"},
	} {
		w := get(t, h, c.path, "Accept-Encoding", c.accept)
		body := w.Body.String()
		if c.encoding == "gzip" {
			plain, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(plain)
			body = string(b)
		}
		got := []string{w.Header().Get("Content-Encoding"), w.Header().Get("Content-Type"), w.Header().Get("Cache-Control"), body}
		want := []string{c.encoding, c.contentType, c.cache, c.body}
		if w.Code != http.StatusOK || strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("%s, %q: %d %q, want %q", c.path, c.accept, w.Code, got, want)
		}
	}
}

func TestWhatIsNotAPlaceInTheClientIsNotThePage(t *testing.T) {
	h := handler(client(t), Config{})
	for _, path := range []string{"/version", "/index.html", "/salon", "/espace", "/assets/", "/assets/app-abc.js.br", "/assets/other.js", "/assets/../.keep", "/.keep", "/admin"} {
		w := get(t, h, path)
		if w.Code != http.StatusNotFound && w.Code != http.StatusTemporaryRedirect && w.Code != http.StatusMovedPermanently {
			t.Errorf("%s: %d", path, w.Code)
		}
		if w.Header().Get("Cache-Control") != "" || strings.Contains(w.Body.String(), "<html") {
			t.Errorf("%s: %v %q", path, w.Header(), w.Body)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST /: %d", w.Code)
	}
}

func TestThePageIsAskedForAgainButNotSentAgain(t *testing.T) {
	h := handler(client(t), Config{})
	tag := get(t, h, "/", "Accept-Encoding", "br").Header().Get("ETag")
	for _, encoding := range []string{"br", "gzip"} {
		if w := get(t, h, "/salon/x", "Accept-Encoding", encoding, "If-None-Match", tag); w.Code != http.StatusNotModified || w.Body.Len() > 0 {
			t.Errorf("%s: %d %q", encoding, w.Code, w.Body)
		}
	}
	newer := client(t)
	newer["index.html.gz"] = zip(t, "<!doctype html><title>newer</title>")
	if w := get(t, handler(newer, Config{}), "/", "Accept-Encoding", "br", "If-None-Match", tag); w.Code != http.StatusOK {
		t.Errorf("another build has the same tag: %d", w.Code)
	}
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	h := handler(client(t), Config{BaseURL: "https://api.mairie.fr"})
	for _, path := range []string{"/", "/config.json", "/assets/app-abc.js", "/nowhere"} {
		header := get(t, h, path).Header()
		policy := header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "connect-src 'self' https://api.mairie.fr"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: no %s in %q", path, part, policy)
			}
		}
		if strings.Contains(policy, "unsafe-inline") || strings.Contains(policy, "'unsafe-eval'") || strings.Contains(policy, "data:") {
			t.Errorf("%s: %q", path, policy)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin"} {
			if header.Get(name) != want {
				t.Errorf("%s: %s: %q", path, name, header.Get(name))
			}
		}
	}
}

func TestConfigIsTold(t *testing.T) {
	cfg := Config{ServerName: "mairie.fr", Name: "Saint-Aubin", Custodian: "@_commune:mairie.fr"}
	w := get(t, handler(client(t), cfg), "/config.json")
	var got Config
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got != cfg || w.Header().Get("Cache-Control") != "no-cache" {
		t.Errorf("%v %+v %v", err, got, w.Header())
	}
}

func TestABinaryWithoutTheClientSaysSo(t *testing.T) {
	for name, dist := range map[string]fstest.MapFS{"not built": {".keep": {}}, "noui": {}} {
		w := get(t, handler(dist, Config{}), "/")
		if w.Code != http.StatusOK || w.Header().Get("ETag") != "" || !strings.Contains(w.Body.String(), "n’est pas dans ce programme") ||
			!strings.Contains(w.Body.String(), "not in this binary") {
			t.Errorf("%s: %d %v %q", name, w.Code, w.Header(), w.Body)
		}
		if w := get(t, handler(dist, Config{}), "/assets/x.js"); w.Code != http.StatusNotFound {
			t.Errorf("%s: /assets/x.js: %d", name, w.Code)
		}
	}
	if w := get(t, Handler(Config{}), "/"); w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
		t.Errorf("what is embedded: %d %v", w.Code, w.Header())
	}
}
