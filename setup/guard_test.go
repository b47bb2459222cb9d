package setup_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestEveryAnswerIsProtected(t *testing.T) {
	i := install(t)
	b := i.browser()
	b.enter()
	for _, path := range []string{"/installation", "/installation/commune", "/installation/style.css", "/installation/beffroi.svg", "/nulle-part"} {
		h := b.get(path).header
		for name, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
		csp := h.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: %s", path, csp)
		}
	}
	for _, path := range []string{"/installation", "/installation/commune"} {
		p := b.get(path)
		p.saysNot(t, "<style", "<script", " style=", " onclick=")
	}
}

func TestForeignFormsAreRefused(t *testing.T) {
	i := install(t)
	b := i.browser()
	p := b.enter()
	for name, change := range map[string]func(*http.Request){
		"another site's Origin":     func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		"Sec-Fetch-Site cross-site": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"Sec-Fetch-Site same-site":  func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
		"an Origin that is no URL":  func(r *http.Request) { r.Header.Set("Origin", "file://") },
	} {
		r := b.form(p, "commune", "Intrus")
		change(r)
		if got := b.do(r); got.status != 403 {
			t.Errorf("%s: %d", name, got.status)
		}
	}
	stale := p
	stale.body = strings.Replace(p.body, hidden(p), "wrong", 1)
	b.submit(stale, "commune", "Intrus").at(t, 403, "/installation/commune")
	stale.body = ""
	b.submit(stale, "commune", "Intrus").at(t, 403, "/installation/commune")
	b.get("/installation/commune").saysNot(t, "Intrus")

	door := i.browser()
	r := door.form(door.get("/installation"), "jeton", i.token)
	r.Header.Set("Origin", "https://evil.example")
	door.do(r).at(t, 403, "/installation")
	i.browser().submit(page{path: "/installation"}, "jeton", i.token).at(t, 403, "/installation") // no cookie, no form token
}

// What browsers send with no-referrer: a null Origin, and Sec-Fetch-Site where they trust the address.
func TestOwnFormsAreTaken(t *testing.T) {
	i := install(t)
	b := i.browser()
	p := b.enter()
	for _, site := range []string{"same-origin", ""} {
		r := b.form(p, "commune", "Vauclair")
		r.Header.Set("Origin", "null")
		if site != "" {
			r.Header.Set("Sec-Fetch-Site", site)
		}
		b.do(r).at(t, 200, "/installation/adresse")
	}
}

func TestLimits(t *testing.T) {
	i := install(t)
	b := i.browser()
	p := b.enter()
	b.submit(p, "commune", strings.Repeat("a", 64<<10)).at(t, 413, "/installation/commune")
	b.submit(p, "commune", strings.Repeat("é", 101)).at(t, 422, "/installation/commune")
	r := b.request("POST", "/installation/commune", "a=%zz")
	b.do(r).at(t, 400, "/installation/commune")
	for _, method := range []string{"PUT", "DELETE", "PATCH", "OPTIONS"} {
		got := b.do(b.request(method, "/installation/commune", ""))
		got.at(t, 405, "/installation/commune")
		if got.header.Get("Allow") != "GET, HEAD, POST" {
			t.Errorf("Allow: %q", got.header.Get("Allow"))
		}
	}
	if got := b.do(b.request("HEAD", "/installation/commune", "")); got.status != 200 || got.body != "" {
		t.Errorf("HEAD: %d %q", got.status, got.body)
	}
	i.browser().do(b.request("HEAD", "/installation?jeton="+i.token, "")).at(t, 200, "/installation")
	b.get("/installation/commune").at(t, 200, "/installation/commune") // a HEAD took nothing over
}

func TestPlainHTTPIsExplained(t *testing.T) {
	const warning = "Cette page n’est pas chiffrée"
	i := install(t)
	b := i.browser()
	b.get("/installation").saysNot(t, warning)
	i.from("192.0.2.7:1234")
	b.get("/installation").says(t, warning)
	b.enter()
	p := b.submit(b.get("/installation/commune"), "commune", "Vauclair")
	p = b.submit(p, "adresse", "vauclair.fr")
	p.saysNot(t, warning)
	b.submit(p, "nom", "Claire").says(t, warning, `type="password"`)
}

// On https, our own or a proxy's, the cookie is tied to the host, and nothing is exposed.
func TestSecure(t *testing.T) {
	i := install(t)
	i.options.PublicURL = "https://matrix.vauclair.fr"
	i.start()
	for name, change := range map[string]func(*http.Request){
		"our own": func(r *http.Request) { r.TLS = &tls.ConnectionState{}; r.RemoteAddr = "192.0.2.1:1" },
		"proxy":   func(r *http.Request) { r.Host = "matrix.vauclair.fr"; r.RemoteAddr = "127.0.0.1:1" },
	} {
		r := httptest.NewRequest("GET", "/installation", nil)
		change(r)
		w := httptest.NewRecorder()
		i.wizard.ServeHTTP(w, r)
		c := w.Result().Cookies()[0]
		if c.Name != "__Host-beffroi-installation" || !c.Secure || c.Path != "/" || c.Domain != "" {
			t.Errorf("%s: %v", name, c)
		}
		if strings.Contains(w.Body.String(), "chiffrée") {
			t.Errorf("%s: the page says that it is exposed", name)
		}
	}
}

// A link on another site sends no cookie: the browser comes again by itself, and keeps the session that it may have.
func TestLinkFromAnotherSite(t *testing.T) {
	i := install(t)
	b := i.browser()
	r := b.request("GET", "/installation", "")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	p := b.do(r)
	p.at(t, 200, "/installation")
	if p.header.Get("Refresh") != "0; url=/installation" || p.header.Get("Set-Cookie") != "" {
		t.Errorf("got %v", p.header)
	}
	r = b.request("GET", "/installation?jeton="+i.token, "")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	b.do(r).at(t, 200, "/installation/commune")
}
