package server_test

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"beffroi/server/config"
	"beffroi/server/media/mediatest"
	"beffroi/server/preview"
	"beffroi/server/servertest"
)

// What the configuration says of previews holds until the administration says something else, which stays.
func TestPreviewsOfTheConfiguration(t *testing.T) {
	s := servertest.Start(t, func(c *config.Config) {
		c.Previews = config.Previews{Enabled: true, Allow: "127.0.0.3/32", Ports: "80, 0"}
	})
	chief, alice := s.RegisterAdmin(t, "chief"), s.Register(t, "alice")
	a := &attacked{s, t, alice}
	page := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, `<title>Mairie</title>`)
	}
	const path, settings = "/_matrix/client/v1/media/preview_url?url=", "/_beffroi/admin/v1/settings/previews"
	named, other := path+url.QueryEscape(a.site("127.0.0.3:0", page).URL), path+url.QueryEscape(a.site("127.0.0.4:0", page).URL)
	alice.Must("GET", named, nil, nil)
	alice.MustFail(404, "M_NOT_FOUND", "GET", other, nil)
	var now preview.Settings
	chief.Must("GET", settings, nil, &now)
	if !now.Enabled || !slices.Equal(now.Allow, []string{"127.0.0.3/32"}) || !slices.Equal(now.Ports, []uint16{80, 0}) {
		t.Errorf("%+v", now)
	}
	chief.Must("POST", "/_beffroi/admin/v1/confirmation", object{"password": "chief"}, nil)
	chief.Must("PUT", settings, object{"enabled": false}, nil)
	alice.MustFail(403, "M_FORBIDDEN", "GET", named, nil)
}

func TestPreviews(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	a := &attacked{s, t, alice}
	const authed, old = "/_matrix/client/v1/media/preview_url", "/_matrix/media/v3/preview_url"
	for _, path := range []string{authed, old} {
		alice.MustFail(403, "M_FORBIDDEN", "GET", path+"?url=https://mairie.example/", nil) // off
		s.Anonymous(t).MustFail(401, "M_MISSING_TOKEN", "GET", path+"?url=https://mairie.example/", nil)
		alice.MustFail(400, "M_MISSING_PARAM", "GET", path, nil)
		alice.MustFail(400, "M_INVALID_PARAM", "GET", path+"?url=https://mairie.example/&ts=soon", nil)
		alice.MustFail(405, "M_UNRECOGNIZED", "POST", path, map[string]any{})
	}
	web := a.site("127.0.0.3:0", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/image" {
			_, _ = w.Write(mediatest.JPEG(30, 20, false, 1, 0x11))
			return
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, `<title>Mairie</title><meta property="og:image" content="/image">`)
	})
	a.allowPreviews(web)
	var preview struct {
		Title string `json:"og:title"`
		Image string `json:"og:image"`
	}
	for _, path := range []string{authed, old} {
		alice.Must("GET", path+"?url="+url.QueryEscape(web.URL), nil, &preview)
		if preview.Title != "Mairie" || !strings.HasPrefix(preview.Image, "mxc://"+s.ServerName+"/") {
			t.Errorf("%+v", preview)
		}
	}
	if status, _ := s.Register(t, "bob").Raw("GET", downloadOf+strings.TrimPrefix(preview.Image, "mxc://"), nil); status != 200 {
		t.Errorf("the image: %d", status)
	}
	for _, address := range []string{"", "mairie.example", "file:///etc/passwd", "http://", "https://a:b@mairie.example"} {
		alice.MustFail(400, "M_INVALID_PARAM", "GET", authed+"?url="+url.QueryEscape(address), nil)
	}
	for _, address := range []string{"http://127.0.0.1/", "http://[::1]/", "http://192.168.1.1/", "http://169.254.169.254/"} {
		alice.MustFail(404, "M_NOT_FOUND", "GET", old+"?ts=1510610716656&url="+url.QueryEscape(address), nil)
	}
}
