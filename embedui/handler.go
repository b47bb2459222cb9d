// Package embedui serves the web client that is built into the binary, with the headers that keep it safe. The client is in
// web/ (TypeScript); `make build` puts what is built into dist/. The build tag noui leaves it out.
package embedui

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"strings"
)

// Config is what the web client is told at /config.json.
type Config struct {
	BaseURL    string `json:"base_url"`    // where the Matrix API is, without a slash at the end; empty: where the page came from
	ServerName string `json:"server_name"` // what follows the colon in user ids
	Name       string `json:"name"`        // the commune's name, for people; may be empty
	Custodian  string `json:"custodian"`   // user id of the town hall's account in salons; empty: none
}

// Handler serves the web client: hashed assets, /config.json, and the page itself for every path that the client shows as
// a place in it. Everything else is 404, so that nothing is mistaken for the page. It keeps the config.
func Handler(cfg Config) http.Handler { return handler(files(), cfg) }

func handler(dist fs.FS, cfg Config) http.Handler {
	u := &ui{dist: dist, cfg: cfg, policy: policy(cfg.BaseURL)}
	if page, err := fs.ReadFile(dist, "index.html.gz"); err == nil {
		u.tag = etag(page)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /config.json", u.config)
	mux.HandleFunc("GET /favicon.svg", u.icon)
	mux.HandleFunc("GET /assets/", u.asset)
	for _, place := range []string{"GET /{$}", "GET /salon/", "GET /espace/", "GET /reglages", "GET /reglages/"} { // embedui/web/src/app/route.ts
		mux.HandleFunc(place, u.page)
	}
	return u.guarded(mux)
}

type ui struct {
	dist   fs.FS
	cfg    Config
	policy string
	tag    string // of the page; empty: the client is not in this binary
}

// guarded adds what every answer has: no foreign content, no frames, no guessing of types, no address told to others.
func (u *ui) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", u.policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()")
		next.ServeHTTP(w, r)
	})
}

// policy is the content security policy. 'wasm-unsafe-eval' lets the cryptography (WebAssembly) run; it allows no script.
func policy(baseURL string) string {
	connect := "'self'"
	if baseURL != "" {
		connect += " " + baseURL
	}
	return strings.Join([]string{
		"default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "style-src 'self'", "font-src 'self'",
		"img-src 'self' blob:", "media-src 'self' blob:", "connect-src " + connect, "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
	}, "; ")
}

func (u *ui) config(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache")
	_ = json.NewEncoder(w).Encode(u.cfg) // the client is gone: nobody to tell
}
