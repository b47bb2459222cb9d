package server_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"beffroi/server/servertest"
)

// created asks for a media id and gives server name and id as a path.
func created(u *servertest.User) string {
	var answer struct {
		URI     string `json:"content_uri"`
		Expires int64  `json:"unused_expires_at"`
	}
	u.Must("POST", "/_matrix/media/v1/create", nil, &answer)
	if left := time.Until(time.UnixMilli(answer.Expires)); left < 23*time.Hour || left > 24*time.Hour {
		panic("expires in " + left.String())
	}
	return strings.TrimPrefix(answer.URI, "mxc://")
}

const (
	uploadTo   = "/_matrix/media/v3/upload/"
	downloadOf = "/_matrix/client/v1/media/download/"
)

func TestUploadsToIDsMadeBefore(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	file := created(alice)
	bob.MustFail(504, "M_NOT_YET_UPLOADED", "GET", downloadOf+file+"?timeout_ms=0", nil)
	bob.MustFail(504, "M_NOT_YET_UPLOADED", "GET", "/_matrix/client/v1/media/thumbnail/"+file+"?width=1&height=1&timeout_ms=1", nil)
	bob.MustFail(400, "M_INVALID_PARAM", "GET", downloadOf+file+"?timeout_ms=soon", nil)
	bob.MustFail(403, "M_FORBIDDEN", "PUT", uploadTo+file, []byte("his"))
	for _, unknown := range []string{s.ServerName + "/none", "elsewhere.invalid/" + filepath.Base(file), s.ServerName + "/a%2Fb"} {
		alice.MustFail(404, "M_NOT_FOUND", "PUT", uploadTo+unknown, []byte("x"))
	}
	alice.MustFail(400, "M_INVALID_PARAM", "PUT", uploadTo+file+"?filename="+strings.Repeat("x", 256), []byte("x"))
	alice.MustFail(504, "M_NOT_YET_UPLOADED", "GET", downloadOf+file+"?timeout_ms=0", nil)

	if status, answer := alice.Raw("PUT", uploadTo+file+"?filename=a.txt", []byte("hers")); status != 200 || string(answer) != "{}" {
		t.Errorf("%d %s", status, answer)
	}
	if status, got := bob.Raw("GET", downloadOf+file, nil); status != 200 || string(got) != "hers" {
		t.Errorf("%d %s", status, got)
	}
	alice.MustFail(409, "M_CANNOT_OVERWRITE_MEDIA", "PUT", uploadTo+file, []byte("again"))
	bob.MustFail(403, "M_FORBIDDEN", "PUT", uploadTo+file, []byte("his"))
	if files, err := filepath.Glob(filepath.Join(s.DataDir(), "media", "??", "*")); err != nil || len(files) != 1 {
		t.Errorf("files: %v, %v", files, err)
	}
	for range 49 {
		created(alice)
	}
	last := created(alice) // what is uploaded does not count
	alice.MustFail(429, "M_LIMIT_EXCEEDED", "POST", "/_matrix/media/v1/create", nil)
	created(bob)
	alice.Must("PUT", uploadTo+last, []byte("hers"), nil)
	created(alice)
}

// A download that waits gets what is uploaded meanwhile, and the server's stop ends it.
func TestDownloadsWaitForUploads(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	begin := func(file string) (got chan string) {
		got = make(chan string, 1)
		go func() {
			_, body := bob.Raw("GET", downloadOf+file, nil)
			got <- string(body)
		}()
		eventually(t, "the download waits", func() bool { return s.Waiting() == 1 })
		return got
	}
	file := created(alice)
	got := begin(file)
	alice.Must("PUT", uploadTo+file, bytes.Repeat([]byte("x"), 100), nil)
	if body := <-got; body != strings.Repeat("x", 100) {
		t.Errorf("got %q", body)
	}
	got = begin(created(alice))
	s.Restart()
	if body := <-got; !strings.Contains(body, "M_NOT_YET_UPLOADED") {
		t.Errorf("at the stop: %q", body)
	}
}

// Whoever is erased while they upload leaves nothing behind; two uploads to one id leave one.
func TestUploadsThatCrossOthers(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	file := created(alice)
	status := make(chan int, 8)
	for i := range cap(status) {
		go func() {
			code, _ := alice.Raw("PUT", uploadTo+file, bytes.Repeat([]byte{byte('a' + i)}, 1000))
			status <- code
		}()
	}
	stored := 0
	for range cap(status) {
		switch code := <-status; code {
		case 200:
			stored++
		case 409:
		default:
			t.Errorf("status %d", code)
		}
	}
	files, err := filepath.Glob(filepath.Join(s.DataDir(), "media", "[0-9a-f][0-9a-f]", "*"))
	if err != nil || stored != 1 || len(files) != 1 {
		t.Errorf("%d stored, files %v, %v", stored, files, err)
	}
	if left, err := os.ReadDir(filepath.Join(s.DataDir(), "media", "tmp")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
