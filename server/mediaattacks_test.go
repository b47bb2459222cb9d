package server_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime/metrics"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"beffroi/server/media/mediatest"
	"beffroi/server/servertest"
	"beffroi/server/store"
)

// attacked is a server with somebody who attacks it, and watches what it takes.
type attacked struct {
	*servertest.Server
	t     *testing.T
	alice *servertest.User
}

// answered is an answer, its body read.
type answered struct {
	status int
	header http.Header
}

func (a *attacked) do(method, path, contentType string, body io.Reader, header ...string) (answered, []byte) {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), method, a.URL+path, body)
	if err != nil {
		a.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+a.alice.AccessToken)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return answered{resp.StatusCode, resp.Header}, b
}

func (a *attacked) upload(contentType string, body []byte) (path string) {
	a.t.Helper()
	resp, b := a.do("POST", "/_matrix/media/v3/upload", contentType, bytes.NewReader(body))
	var answer struct {
		URI string `json:"content_uri"`
	}
	if err := json.Unmarshal(b, &answer); err != nil || resp.status != http.StatusOK {
		a.t.Fatalf("upload: %d %s", resp.status, b)
	}
	return strings.TrimPrefix(answer.URI, "mxc://")
}

// raw sends a request's head and as much of a body as it gets rid of, and gives the answer's status and how many bytes were taken.
func (a *attacked) raw(head string, body io.Reader) (status int, sent int64) {
	a.t.Helper()
	conn, err := new(net.Dialer).DialContext(a.t.Context(), "tcp", strings.TrimPrefix(a.URL, "http://"))
	if err != nil {
		a.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "POST /_matrix/media/v3/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s\r\n\r\n", a.alice.AccessToken, head); err != nil {
		a.t.Fatal(err)
	}
	done := make(chan int64, 1)
	go func() {
		n, _ := io.Copy(conn, body) // until the server has enough
		done <- n
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		a.t.Errorf("no answer: %v", err)
		return 0, 0
	}
	resp.Body.Close()
	conn.Close()
	return resp.StatusCode, <-done
}

func (a *attacked) nothingLeft() {
	a.t.Helper()
	eventually(a.t, "temporary files are gone", func() bool {
		left, err := os.ReadDir(filepath.Join(a.DataDir(), "media", "tmp"))
		return err == nil && len(left) == 0
	})
}

// watchHeap samples the heap until stop is called, which gives the most that was in use.
func watchHeap() (stop func() (most uint64)) {
	end, result := make(chan struct{}), make(chan uint64)
	go func() {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		most := uint64(0)
		for tick := time.NewTicker(2 * time.Millisecond); ; {
			select {
			case <-tick.C:
				metrics.Read(sample)
				most = max(most, sample[0].Value.Uint64())
			case <-end:
				tick.Stop()
				result <- most
				return
			}
		}
	}()
	return func() uint64 {
		close(end)
		return <-result
	}
}

// resident is the most memory that the process had.
func resident() string {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "unknown"
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line)
}

// mediaBudget is what all of it may take, with clients and test: two images at a time within 192 MiB, and the server.
const mediaBudget = 256 << 20

// TestAttacksWithMedia prints what each attack got and took: go test ./server -run AttacksWithMedia -v.
func TestAttacksWithMedia(t *testing.T) {
	s := servertest.Start(t)
	a := &attacked{s, t, s.Register(t, "alice")}
	stop := watchHeap()
	stalled := a.stall()
	a.images()
	a.activeContent()
	a.largeUploads()
	a.ranges()
	a.previews()
	<-stalled
	a.nothingLeft()
	most := stop()
	t.Logf("heap in use at most: %d MiB; budget %d MiB; resident at most, with test and clients: %s", most>>20, mediaBudget>>20, resident())
	if most > mediaBudget {
		t.Errorf("the heap had %d MiB", most>>20)
	}
}

func (a *attacked) images() {
	const size = "?width=96&height=96&method=crop"
	announcing := mediatest.RIFF("VP8 ", append([]byte("\x50\x00\x00\x9d\x01\x2a\x10\x00\x10\x00"), make([]byte, 20)...))
	copy(announcing[4:], "\xf0\xff\xff\x7e")
	copy(announcing[16:], "\xe4\xff\xff\x7e")
	for _, c := range []struct {
		name   string
		image  []byte
		status int
	}{
		{"JPEG of 65,500 × 65,500 pixels", mediatest.JPEG(65500, 65500, false, 0, 0x11), 400},
		{"JPEG of 30,000 × 30,000 pixels", mediatest.JPEG(30000, 30000, false, 0, 0x11, 0x11, 0x11), 413},
		{"progressive JPEG of 12 megapixels, 100 scans", mediatest.JPEG(4000, 3000, true, 100, 0x22, 0x11, 0x11), 200},
		{"progressive JPEG of 12 megapixels, 1,000 scans", mediatest.JPEG(4000, 3000, true, 1000, 0x22, 0x11, 0x11), 400},
		{"PNG of 30,000 × 30,000 pixels", mediatest.PNG(30000, 30000, 8, 0, 0), 413},
		{"grey PNG that becomes colour, 13,000 × 13,000", mediatest.PNG(13000, 13000, 8, 0, 0, "tRNS\x00\x00"), 413},
		{"GIF of 5,000 images", mediatest.GIF(1000, 1000, 5000), 200},
		{"WebP of 16,383 × 16,383 pixels in 50 bytes", mediatest.FlatWebP(16383, 16383), 413},
		{"WebP that announces 2 GiB", announcing, 400},
		{"animated WebP", mediatest.AnimatedWebP(), 400},
		{"SVG", []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"><script>alert(1)</script></svg>`), 400},
	} {
		path := "/_matrix/client/v1/media/thumbnail/" + a.upload("image/jpeg", c.image) + size
		start, watched := time.Now(), watchHeap()
		resp, b := a.do("GET", path, "", nil)
		took, most := time.Since(start), watched()
		a.t.Logf("%-48s %7d bytes: %d in %v, heap %d MiB", c.name, len(c.image), resp.status, took.Round(time.Millisecond), most>>20)
		if resp.status != c.status || took > 30*time.Second {
			a.t.Errorf("%s: %d %.100s, want %d", c.name, resp.status, b, c.status)
		}
	}
	a.manyAtOnce()
}

// manyAtOnce asks for the thumbnails of many images, each of which takes nearly all of the memory that there is for images.
func (a *attacked) manyAtOnce() {
	n := 20
	if testing.Short() {
		n = 5 // without the limit still more than the budget; each takes two seconds under the race detector
	}
	status := make(chan int, n)
	watched := watchHeap()
	for i := range n {
		path := a.upload("", append(mediatest.JPEG(4000, 3000, true, 2, 0x22, 0x11, 0x11), byte(i)))
		go func() {
			resp, _ := a.do("GET", "/_matrix/client/v1/media/thumbnail/"+path+"?width=32&height=32&method=crop", "", nil)
			status <- resp.status
		}()
	}
	for range n {
		if got := <-status; got != http.StatusOK {
			a.t.Errorf("one of many: %d", got)
		}
	}
	a.t.Logf("%-48s heap %d MiB", fmt.Sprint(n, " progressive JPEGs of 12 megapixels at once"), watched()>>20)
}

// activeContent: whatever the type says, nothing runs in the browser.
func (a *attacked) activeContent() {
	for _, kind := range []string{"text/html", "TEXT/HTML; charset=utf-7", "image/svg+xml", "application/xhtml+xml", "text/xml", "application/xml; x=\"a;b\"", "text/html;,image/png", "image/png, text/html",
		"multipart/x-mixed-replace; boundary=x", "application/pdf", "application/javascript", "text/xsl", "message/rfc822", "*/*", "image/svg+xml ;a", "x", ""} {
		path := a.upload(kind, []byte("<html><script>alert(1)</script>"))
		for _, name := range []string{"", "/a.html", "/" + url.PathEscape("x\"; filename=y.html\r\nSet-Cookie: a=b\r\n.png")} {
			resp, _ := a.do("GET", "/_matrix/client/v1/media/download/"+path+name, "", nil)
			h := resp.header
			if !strings.HasPrefix(h.Get("Content-Disposition"), "attachment") || !strings.HasPrefix(h.Get("Content-Security-Policy"), "sandbox;") ||
				h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Set-Cookie") != "" {
				a.t.Errorf("%q %s: %v", kind, name, h)
			}
		}
		for _, frozen := range []string{"download", "thumbnail"} {
			resp, err := http.Get(a.URL + "/_matrix/media/v3/" + frozen + "/" + path + "?width=1&height=1") //nolint:noctx // a stranger
			if err != nil {
				a.t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusNotFound {
				a.t.Errorf("without a token: %d", resp.StatusCode)
			}
		}
	}
	a.t.Log("17 types that run script, three names each: attachment, sandbox, nosniff; nothing without a token")
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// chunks are a body without announced length that never ends.
func chunks() io.Reader {
	return io.MultiReader(strings.NewReader("FFFFFFFFFF\r\n"), endless{})
}

func (a *attacked) largeUploads() {
	const most = 50 << 20
	if status, sent := a.raw("Content-Length: 5368709120", strings.NewReader("")); status != http.StatusRequestEntityTooLarge || sent != 0 {
		a.t.Errorf("5 GB, announced: %d", status)
	}
	start, watched := time.Now(), watchHeap()
	status, sent := a.raw("Transfer-Encoding: chunked", chunks())
	a.t.Logf("upload of 5 GB announced: 413 before a byte; without end: %d after %d MiB in %v, heap %d MiB", status, sent>>20, time.Since(start).Round(time.Millisecond), watched()>>20)
	if status != http.StatusRequestEntityTooLarge || sent < most || sent > most+16<<20 {
		a.t.Errorf("without end: %d after %d bytes", status, sent)
	}
}

// stall begins an upload that says nothing more; done is closed when it was cut off. In the quick stage it does nothing.
func (a *attacked) stall() (done chan struct{}) {
	done = make(chan struct{})
	if testing.Short() {
		close(done)
		return done
	}
	go func() {
		defer close(done)
		start := time.Now()
		status, _ := a.raw("Content-Length: 1000", strings.NewReader("the beginning"))
		a.t.Logf("stalled upload: %d after %v", status, time.Since(start).Round(time.Second))
		if status != http.StatusRequestTimeout {
			a.t.Errorf("stalled: %d", status)
		}
	}()
	return done
}

func (a *attacked) ranges() {
	path := "/_matrix/client/v1/media/download/" + a.upload("text/plain", []byte("0123456789"))
	for header, want := range map[string]struct {
		status int
		body   string
	}{
		"bytes=10-":                   {416, ""},
		"bytes=99999999999-":          {416, ""},
		"bytes=-0":                    {206, ""},
		"bytes=99999999999999999999-": {416, ""},
		"bytes=5-2":                   {416, ""},
		"bytes=x":                     {416, ""},
		"bytes=8-99999999999":         {206, "89"},
		"bytes=-99":                   {206, "0123456789"},
		"bytes=0-0," + strings.Repeat("1-1,", 2000): {200, "0123456789"},
		"bytes=0-0,5-5": {200, "0123456789"},
		"lines=1-2":     {416, ""},
	} {
		resp, b := a.do("GET", path, "", nil, "Range", header)
		if resp.status != want.status || want.body != "" && string(b) != want.body || resp.header.Get("X-Content-Type-Options") != "nosniff" {
			a.t.Errorf("%.40s: %d %.50q", header, resp.status, b)
		}
	}
	a.t.Log("ranges beyond the end: 416; 2,000 ranges: the file, once")
}

// previews: the server is asked to fetch what is inside.
func (a *attacked) previews() {
	var reached atomic.Int32
	secret := a.site("127.0.0.1:0", func(http.ResponseWriter, *http.Request) { reached.Add(1) })
	outside := a.site("127.0.0.3:0", func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, secret.URL, http.StatusFound)
		case "/image":
			w.Header().Set("Content-Type", "text/html")
			_, _ = fmt.Fprintf(w, `<title>x</title><meta property="og:image" content="%s/">`, secret.URL)
		default:
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<title>outside</title>")
		}
	})
	port := secret.URL[strings.LastIndexByte(secret.URL, ':')+1:]
	get := func(address string) (int, string) {
		resp, b := a.do("GET", "/_matrix/client/v1/media/preview_url?url="+url.QueryEscape(address), "", nil)
		return resp.status, strings.TrimSpace(string(b))
	}
	if status, _ := get(outside.URL); status != http.StatusForbidden {
		a.t.Errorf("off by default: %d", status)
	}
	a.allowPreviews(outside, secret)
	for address, want := range map[string]string{
		outside.URL: `{"og:title":"outside"}`, outside.URL + "/redirect": "M_NOT_FOUND", outside.URL + "/image": `{"og:title":"x"}`,
		"http://localhost:" + port:          "M_NOT_FOUND", // a name, which stands for 127.0.0.1
		"http://[::ffff:127.0.0.1]:" + port: "M_NOT_FOUND", "http://2130706433:" + port: "M_NOT_FOUND", secret.URL: "M_NOT_FOUND", a.URL: "M_NOT_FOUND",
	} {
		if _, got := get(address); !strings.Contains(got, want) {
			a.t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
	if reached.Load() != 0 {
		a.t.Errorf("%d requests arrived inside", reached.Load())
	}
	a.t.Log("previews of what is inside, by redirect, DNS, image and other forms of the address: none arrived")
}

// site is a web site at an address of its own.
func (a *attacked) site(address string, h http.HandlerFunc) *httptest.Server {
	a.t.Helper()
	l, err := new(net.ListenConfig).Listen(a.t.Context(), "tcp", address)
	if err != nil {
		a.t.Fatal(err)
	}
	site := httptest.NewUnstartedServer(h)
	_ = site.Listener.Close()
	site.Listener = l
	site.Start()
	a.t.Cleanup(site.Close)
	return site
}

// allowPreviews switches previews on: beside the public Internet, of 127.0.0.3, at the ports of some sites.
func (a *attacked) allowPreviews(sites ...*httptest.Server) {
	a.t.Helper()
	var ports []int
	for _, site := range sites {
		ports = append(ports, site.Listener.Addr().(*net.TCPAddr).Port)
	}
	raw, err := json.Marshal(map[string]any{"enabled": true, "allow": []string{"127.0.0.3/32"}, "ports": ports})
	if err == nil {
		err = a.DB().Write(a.t.Context(), func(tx *store.Tx) error { return tx.PutMeta(store.MetaPreviews, raw) })
	}
	if err != nil {
		a.t.Fatal(err)
	}
}
