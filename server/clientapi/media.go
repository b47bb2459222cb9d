package clientapi

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"beffroi/server/httpx"
	"beffroi/server/limits"
	"beffroi/server/media"
	"beffroi/server/merr"
	"beffroi/server/store"
)

// Spec: client-server API, "Content Repository". The endpoints without authentication were frozen before this server's first
// upload, so they have nothing, but where OpenMedia says otherwise.
func (a *API) mediaRoutes() []route {
	const authed, old = "/_matrix/client/v1/media", "/_matrix/media/v3"
	openDownload, openThumbnail := frozen, frozen
	if a.OpenMedia {
		openDownload, openThumbnail = a.download, a.thumbnail
	}
	return []route{
		{Method: "POST", Path: old + "/upload", Handle: a.upload, Limit: -1, Class: limits.Upload},
		{Method: "POST", Path: "/_matrix/media/v1/create", Handle: a.createMedia, Class: limits.Upload},
		{Method: "PUT", Path: old + "/upload/{serverName}/{mediaId}", Handle: a.uploadTo, Limit: -1, Class: limits.Upload},
		{Method: "GET", Path: authed + "/config", Handle: a.mediaConfig},
		{Method: "GET", Path: authed + "/download/{serverName}/{mediaId}", Handle: a.download, Class: limits.Download},
		{Method: "GET", Path: authed + "/download/{serverName}/{mediaId}/{fileName}", Handle: a.download, Class: limits.Download},
		{Method: "GET", Path: authed + "/thumbnail/{serverName}/{mediaId}", Handle: a.thumbnail, Class: limits.Download},
		{Method: "GET", Path: authed + "/preview_url", Handle: a.previewURL},
		{Method: "GET", Path: old + "/config", Handle: a.mediaConfig},
		{Method: "GET", Path: old + "/preview_url", Handle: a.previewURL},
		{Method: "GET", Path: old + "/download/{serverName}/{mediaId}", Handle: openDownload, Auth: httpx.None, Class: limits.Download},
		{Method: "GET", Path: old + "/download/{serverName}/{mediaId}/{fileName}", Handle: openDownload, Auth: httpx.None, Class: limits.Download},
		{Method: "GET", Path: old + "/thumbnail/{serverName}/{mediaId}", Handle: openThumbnail, Auth: httpx.None, Class: limits.Download},
	}
}

func frozen(*request) (any, error) {
	return nil, merr.NotFound("Media needs an access token: /_matrix/client/v1/media")
}

func (a *API) mediaConfig(*request) (any, error) {
	return map[string]int64{"m.upload.size": a.Media.MaxUpload()}, nil
}

// previewURL tells what stands behind an address now: what stood there at the time ts is not kept, as the specification allows.
func (a *API) previewURL(r *request) (any, error) {
	v := r.URL.Query()
	if !v.Has("url") {
		return nil, merr.MissingParam("url is missing")
	}
	if v.Has("ts") {
		if _, err := strconv.ParseInt(v.Get("ts"), 10, 64); err != nil {
			return nil, merr.InvalidParam("ts is not a time in milliseconds")
		}
	}
	answer, err := a.Previews.Get(r.Context(), r.Session.User, v.Get("url"))
	return httpx.Raw(answer), err
}

func (a *API) upload(r *request) (any, error) {
	uri := ""
	err := a.receive(r, func(u media.Upload, body io.Reader) (err error) {
		uri, err = a.Media.Upload(r.Context(), u, body)
		return err
	})
	return map[string]string{"content_uri": uri}, err
}

// receive takes a body in, for as long as it comes.
func (a *API) receive(r *request, take func(u media.Upload, body io.Reader) error) error {
	body := newPacedBody(r.Body, http.NewResponseController(r.Writer), uploadPace())
	err := take(media.Upload{
		Uploader:    r.Session.User,
		ContentType: r.Header.Get("Content-Type"),
		FileName:    r.URL.Query().Get("filename"),
		Size:        r.ContentLength,
	}, body)
	if err != nil {
		return body.explain(err)
	}
	return nil
}

func (a *API) createMedia(r *request) (any, error) {
	uri, expires, err := a.Media.Create(r.Context(), r.Session.User)
	return map[string]any{"content_uri": uri, "unused_expires_at": store.Millis(expires)}, err
}

func (a *API) uploadTo(r *request) (any, error) {
	return nil, a.receive(r, func(u media.Upload, body io.Reader) error {
		return a.Media.UploadTo(r.Context(), r.PathValue("serverName"), r.PathValue("mediaId"), u, body)
	})
}

// wanted is the media that a path names, and how the query says that it is waited for: 20 s where it says nothing.
//
// Spec: the parameters timeout_ms and allow_remote of downloads.
func wanted(r *request) (w media.Wanted, err error) {
	v := r.URL.Query()
	w = media.Wanted{Server: r.PathValue("serverName"), ID: r.PathValue("mediaId"), Within: 20 * time.Second, NotRemote: v.Get("allow_remote") == "false"}
	if v.Has("timeout_ms") {
		w.Within, err = milliseconds(v, "timeout_ms")
	}
	return w, err
}

func (a *API) download(r *request) (any, error) {
	w, err := wanted(r)
	if err != nil {
		return nil, err
	}
	f, err := a.Media.Open(r.Context(), w)
	if err != nil {
		return nil, err
	}
	if name := r.PathValue("fileName"); name != "" {
		f.Name = name
	}
	return served{f}, nil
}

func (a *API) thumbnail(r *request) (any, error) {
	query := r.URL.Query()
	width, err := strconv.Atoi(query.Get("width"))
	if err != nil {
		return nil, merr.InvalidParam("width is not a number of pixels")
	}
	height, err := strconv.Atoi(query.Get("height"))
	if err != nil {
		return nil, merr.InvalidParam("height is not a number of pixels")
	}
	method := query.Get("method")
	if method == "" {
		method = media.Scale
	}
	w, err := wanted(r)
	if err != nil {
		return nil, err
	}
	f, err := a.Media.Thumbnail(r.Context(), w, width, height, method)
	if err != nil {
		return nil, err
	}
	return served{f}, nil
}

// served answers with a file, whole or in part.
type served struct{ *media.File }

// Respond implements httpx.Responder. Spec: client-server API, "Content Repository", first section and "Serving inline content".
func (s served) Respond(w http.ResponseWriter, r *http.Request) {
	defer s.Close()
	h := w.Header()
	h.Set("Content-Type", s.ContentType)
	h.Set("Content-Disposition", s.Disposition())
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; "+
		"style-src 'unsafe-inline'; object-src 'self';")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "private, max-age=31536000, immutable")
	h.Set("ETag", s.ETag)
	if info, err := s.Stat(); err == nil {
		httpx.WriteWithin(w, info.Size())
	}
	if strings.Contains(r.Header.Get("Range"), ",") { // an answer of many parts can be larger than the file; RFC 9110, 14.2, lets us ignore it
		r.Header.Del("Range")
	}
	http.ServeContent(w, r, "", time.Time{}, s.File)
}
