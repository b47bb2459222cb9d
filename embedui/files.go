package embedui

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"path"
	"strings"
	"time"
)

// contentTypes are those of the files that a build makes; the machine's own table is not asked.
var contentTypes = map[string]string{
	".css":   "text/css; charset=utf-8",
	".html":  "text/html; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".svg":   "image/svg+xml",
	".wasm":  "application/wasm",
	".woff2": "font/woff2",
}

// page serves the client's one page. It names the assets by their hashes, so it is asked for again each time.
func (u *ui) page(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-cache")
	if u.tag == "" {
		absent(w)
		return
	}
	w.Header().Set("ETag", u.tag)
	u.file(w, r, "index.html")
}

// asset serves what has a hash in its name: it never changes.
func (u *ui) asset(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	u.file(w, r, strings.TrimPrefix(r.URL.Path, "/"))
}

func (u *ui) icon(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "max-age=86400")
	u.file(w, r, "favicon.svg")
}

// file sends a file of the client in the smallest form that the browser takes. What can be compressed is there compressed
// only (web/scripts/compress.mjs), so a browser that takes neither form gets the gzip one unpacked.
func (u *ui) file(w http.ResponseWriter, r *http.Request, name string) {
	contentType, known := contentTypes[path.Ext(name)]
	if !known {
		missing(w)
		return
	}
	w.Header().Set("Content-Type", contentType)
	if u.send(w, r, name, "") {
		return
	}
	w.Header().Add("Vary", "Accept-Encoding")
	for _, form := range []struct{ encoding, suffix string }{{"br", ".br"}, {"gzip", ".gz"}} {
		if accepts(r, form.encoding) && u.send(w, r, name+form.suffix, form.encoding) {
			return
		}
	}
	u.unpack(w, name+".gz")
}

// send answers with a file as it is, and tells whether there is one.
func (u *ui) send(w http.ResponseWriter, r *http.Request, name, encoding string) bool {
	f, err := u.dist.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	content, seekable := f.(io.ReadSeeker)
	if !seekable { // a folder
		return false
	}
	if encoding != "" {
		w.Header().Set("Content-Encoding", encoding)
	}
	http.ServeContent(w, r, "", time.Time{}, content)
	return true
}

func (u *ui) unpack(w http.ResponseWriter, name string) {
	f, err := u.dist.Open(name)
	if err != nil {
		missing(w)
		return
	}
	defer f.Close()
	plain, err := gzip.NewReader(f)
	if err != nil {
		missing(w)
		return
	}
	_, _ = io.Copy(w, plain) // the client is gone: nobody to tell
}

// missing is a 404 that nobody keeps.
func missing(w http.ResponseWriter) {
	w.Header().Del("Cache-Control")
	http.Error(w, "404", http.StatusNotFound)
}

// absent is the page of a binary without the web client.
func absent(w http.ResponseWriter) {
	w.Header().Set("Content-Type", contentTypes[".html"])
	_, _ = io.WriteString(w, absentPage) // the client is gone: nobody to tell
}

const absentPage = `<!doctype html>
<html lang="fr"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Beffroi</title></head>
<body><main><h1>Le serveur fonctionne</h1>
<p>La messagerie pour le navigateur n’est pas dans ce programme. Utilisez une application Matrix avec cette adresse,
ou installez le paquet complet.</p>
<div lang="en"><h2>The server is running</h2>
<p>The web client is not in this binary. Use a Matrix application with this address, or install the full package.</p></div></main></body></html>
`

// accepts tells whether the browser takes an encoding. Source: RFC 9110, "Accept-Encoding".
func accepts(r *http.Request, encoding string) bool {
	for offer := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(strings.ReplaceAll(offer, " ", ""), ";")
		if strings.EqualFold(name, encoding) {
			return !strings.HasPrefix(weight, "q=0") || strings.Trim(weight, "q=0.") != ""
		}
	}
	return false
}

// etag is weak: the forms of a file differ in their bytes.
func etag(content []byte) string {
	sum := sha256.Sum256(content)
	return `W/"` + hex.EncodeToString(sum[:8]) + `"`
}
