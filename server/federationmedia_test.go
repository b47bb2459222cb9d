package server_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"beffroi/server/servertest"
)

// upload stores a body and gives its media id.
func upload(t *testing.T, u *servertest.User, name string, body []byte) string {
	t.Helper()
	var answer struct {
		URI string `json:"content_uri"`
	}
	u.Must("POST", "/_matrix/media/v3/upload?filename="+name, body, &answer)
	return answer.URI[strings.LastIndex(answer.URI, "/")+1:]
}

const clientMedia = "/_matrix/client/v1/media/"

func TestMediaOfAnotherServer(t *testing.T) {
	n := servertest.NewNetwork(t)
	a, b := n.Start("a.test"), n.Start("b.test")
	alice, bob := a.Register(t, "alice"), b.Register(t, "bob")
	large := bytes.Repeat([]byte("plan "), 1<<20)
	id := upload(t, bob, "plan.txt", large)
	status, got := alice.Raw("GET", clientMedia+"download/b.test/"+id, nil)
	if status != http.StatusOK || !bytes.Equal(got, large) {
		t.Errorf("%d, %d bytes", status, len(got))
	}
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewRGBA(image.Rect(0, 0, 300, 300))); err != nil {
		t.Fatal(err)
	}
	id = upload(t, bob, "a.png", picture.Bytes())
	status, got = alice.Raw("GET", clientMedia+"thumbnail/b.test/"+id+"?width=32&height=32", nil)
	if c, _, err := image.DecodeConfig(bytes.NewReader(got)); status != http.StatusOK || err != nil || c.Width > 96 {
		t.Errorf("%d %v %v", status, c, err)
	}
	alice.MustFail(404, "M_NOT_FOUND", "GET", clientMedia+"download/b.test/none", nil)
}

func TestMediaIsGivenToServers(t *testing.T) {
	n := servertest.NewNetwork(t)
	s, p := n.Start(""), n.Peer()
	alice := s.Register(t, "alice")
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewRGBA(image.Rect(0, 0, 300, 300))); err != nil {
		t.Fatal(err)
	}
	id := upload(t, alice, "été.png", picture.Bytes())
	for _, uri := range []string{"media/download/" + id, "media/thumbnail/" + id + "?width=32&height=32&method=crop", "media/thumbnail/" + id + "?width=400&height=400"} {
		status, header, answer := p.Ask(s, "GET", fed+uri)
		kind, parameters, err := mime.ParseMediaType(header.Get("Content-Type"))
		if status != http.StatusOK || kind != "multipart/mixed" || err != nil || header.Get("Content-Length") != fmt.Sprint(len(answer)) {
			t.Fatalf("%s: %d %v", uri, status, header)
		}
		if !regexp.MustCompile(`\r\nContent-Type: [^\r]+\r\nContent-Disposition: [^\r]+\r\n\r\n`).Match(answer) {
			t.Errorf("%s: Synapse finds the file's name only where its headers come in this order: %.300q", uri, answer)
		}
		parts := multipart.NewReader(bytes.NewReader(answer), parameters["boundary"])
		first, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(first); err != nil || string(b) != "{}" || first.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %q %v", uri, b, first.Header)
		}
		second, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(second)
		if _, _, bad := image.DecodeConfig(bytes.NewReader(b)); bad != nil || err != nil || strings.Contains(uri, "thumbnail") && second.Header.Get("Content-Type") != "image/png" {
			t.Errorf("%s: %d bytes, %v", uri, len(b), second.Header)
		}
		if uri == "media/download/"+id && (!bytes.Equal(b, picture.Bytes()) || second.FileName() != "été.png") {
			t.Errorf("%s: %d bytes of %q", uri, len(b), second.FileName())
		}
		if _, err := parts.NextPart(); err != io.EOF {
			t.Errorf("%s: %v", uri, err)
		}
	}
	for uri, want := range map[string]int{"media/download/none": 404, "media/download/" + id + "?timeout_ms=x": 400, "media/thumbnail/" + id: 400,
		"media/thumbnail/" + id + "?width=0&height=1": 400, "media/thumbnail/none?width=1&height=1": 404} {
		if status, answer := p.Do(s, "GET", fed+uri, nil); status != want {
			t.Errorf("%s: %d %s", uri, status, answer)
		}
	}
}

func TestMediaOfServersOfAllKinds(t *testing.T) {
	n := servertest.NewNetwork(t)
	s, p, cdn := n.Start(""), n.Peer(), n.Peer()
	alice := s.Register(t, "alice")
	const download = "GET /_matrix/federation/v1/media/download/"
	mixed := func(id, second string) {
		p.Mux.HandleFunc(download+id, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "multipart/mixed; boundary=x")
			_, _ = io.WriteString(w, "--x\r\nContent-Type: application/json\r\n\r\n{}\r\n--x\r\n"+second+"\r\n--x--\r\n")
		})
	}
	mixed("plain", "Content-Type: text/plain\r\n\r\nhere")
	mixed("moved", "Location: https://"+cdn.Name+"/file\r\n\r\n")
	mixed("unsafe", "Location: http://"+cdn.Name+"/file\r\n\r\n")
	mixed("inside", "Location: https://10.0.0.1/file\r\n\r\n")
	mixed("on", "Location: https://"+cdn.Name+"/on\r\n\r\n")
	cdn.Mux.HandleFunc("GET /file", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("a stranger gets a signature")
		}
		_, _ = io.WriteString(w, "elsewhere")
	})
	cdn.Mux.Handle("GET /on", http.RedirectHandler("/file", http.StatusFound))
	p.Mux.HandleFunc(download+"cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "multipart/mixed; boundary=x")
		_, _ = io.WriteString(w, "--x\r\n\r\n{}\r\n--x\r\n\r\nhalf of")
	})
	p.Mux.HandleFunc(download+"page", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") })
	refuse := func(id, code string) {
		p.Mux.HandleFunc(download+id, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"errcode":"`+code+`"}`)
		})
	}
	refuse("old", "M_UNRECOGNIZED")
	refuse("gone", "M_NOT_FOUND")
	p.Mux.HandleFunc(download+"older", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "what?", http.StatusBadRequest) })
	p.Mux.HandleFunc("GET /_matrix/media/v3/download/{server}/{id}", func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.PathValue("id"), "old") || r.PathValue("server") != p.Name || r.URL.RawQuery != "allow_remote=false" || r.Header.Get("Authorization") != "" {
			t.Errorf("%s is asked for the old way", r.URL)
		}
		_, _ = io.WriteString(w, "old way")
	})
	for id, want := range map[string]string{"plain": "here", "moved": "elsewhere", "old": "old way", "older": "old way", "gone": "M_NOT_FOUND", "unsafe": `"M_UNKNOWN"`, "inside": `"M_UNKNOWN"`,
		"on": `"M_UNKNOWN"`, "cut": `"M_UNKNOWN"`, "page": `"M_UNKNOWN"`} {
		status, got := alice.Raw("GET", clientMedia+"download/"+p.Name+"/"+id, nil)
		if !strings.Contains(string(got), want) || strings.Contains(want, "M_") != (status != http.StatusOK) {
			t.Errorf("%s: %d %s, want %s", id, status, got, want)
		}
	}
}
