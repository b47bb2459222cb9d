// Package look is what the pages wear that this server draws itself: the style of the design system, and the bell tower. Pages with more than that are the web
// client's.
package look

import (
	"embed"
	"net/http"
)

//go:embed files
var embedded embed.FS

// The files.
const (
	Style = "style.css"
	Tower = "beffroi.svg"
)

// Serve answers with one of the files.
func Serve(w http.ResponseWriter, r *http.Request, name string) {
	http.ServeFileFS(w, r, embedded, "files/"+name)
}

// Protect sets what every answer of such pages says to the browser: nothing of others is loaded, nobody frames them, and their address, which may hold a secret,
// is told to nobody and kept nowhere.
func Protect(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}
