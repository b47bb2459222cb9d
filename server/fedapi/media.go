package fedapi

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strconv"
	"time"

	"beffroi/server/httpx"
	"beffroi/server/media"
	"beffroi/server/merr"
)

// Source: server-server API, "Content Repository".
func (a *API) mediaRoutes() []route {
	const v1 = "/_matrix/federation/v1/media/"
	return []route{
		signed("GET", v1+"download/{mediaId}", a.download),
		signed("GET", v1+"thumbnail/{mediaId}", a.thumbnail),
	}
}

// wanted is media of this server, and how long it is waited for: 20 s where the query does not say.
func (a *API) wanted(r *request) (media.Wanted, error) {
	w := media.Wanted{Server: a.ServerName, ID: r.PathValue("mediaId"), Within: 20 * time.Second}
	if !r.URL.Query().Has("timeout_ms") {
		return w, nil
	}
	ms, err := millis(r.URL.Query(), "timeout_ms")
	w.Within = time.Duration(max(0, min(ms, time.Hour.Milliseconds()))) * time.Millisecond
	return w, err
}

func (a *API) download(r *request) (any, error) {
	w, err := a.wanted(r)
	if err != nil {
		return nil, err
	}
	f, err := a.Media.Open(r.Context(), w)
	if err != nil {
		return nil, err
	}
	return newParts(f)
}

func (a *API) thumbnail(r *request) (any, error) {
	w, err := a.wanted(r)
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	width, badWidth := strconv.Atoi(q.Get("width"))
	height, badHeight := strconv.Atoi(q.Get("height"))
	if badWidth != nil || badHeight != nil {
		return nil, merr.InvalidParam("width and height are numbers of pixels")
	}
	method := q.Get("method")
	if method == "" {
		method = media.Scale
	}
	f, err := a.Media.Thumbnail(r.Context(), w, width, height, method)
	if err != nil {
		return nil, err
	}
	return newParts(f)
}

// parts answers with a file as servers give it to each other: an object that says nothing yet, then the bytes.
type parts struct {
	*media.File
	boundary   string
	head, tail bytes.Buffer // what stands around the bytes
	size       int64        // of all of it
}

func newParts(f *media.File) (p *parts, err error) {
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	p = &parts{File: f}
	m := multipart.NewWriter(&p.head)
	first, err := m.CreatePart(textproto.MIMEHeader{"Content-Type": {"application/json"}})
	if err != nil {
		return nil, err
	}
	if _, err = io.WriteString(first, "{}"); err != nil {
		return nil, err
	}
	p.boundary = m.Boundary()
	// In this order and nothing between: Synapse takes another header's value for the disposition else.
	_, err = fmt.Fprintf(&p.head, "\r\n--%s\r\nContent-Type: %s\r\nContent-Disposition: %s\r\n\r\n", p.boundary, f.ContentType, f.Disposition())
	p.tail.WriteString("\r\n--" + p.boundary + "--\r\n")
	p.size = int64(p.head.Len()) + info.Size() + int64(p.tail.Len())
	return p, err
}

// Respond implements httpx.Responder.
func (p *parts) Respond(w http.ResponseWriter, _ *http.Request) {
	defer p.Close()
	w.Header().Set("Content-Type", "multipart/mixed; boundary="+p.boundary)
	w.Header().Set("Content-Length", strconv.FormatInt(p.size, 10))
	httpx.WriteWithin(w, p.size)
	_, _ = io.Copy(w, io.MultiReader(&p.head, p.File, &p.tail)) // who went away is not told
}
