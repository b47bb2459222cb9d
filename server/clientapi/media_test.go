package clientapi_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"beffroi/server/media"
	"beffroi/server/merr"
)

const authedMedia = "/_matrix/client/v1/media/"

// upload uploads and gives server name and media id as a path.
func (s *contentServer) upload(contentType, fileName string, body io.Reader) (path string) {
	s.t.Helper()
	resp, b := s.send(alice, "POST", "/_matrix/media/v3/upload?filename="+url.QueryEscape(fileName), contentType, body)
	var answer struct {
		URI string `json:"content_uri"`
	}
	if err := json.Unmarshal(b, &answer); err != nil || resp.StatusCode != http.StatusOK {
		s.t.Fatalf("upload: %d %s", resp.StatusCode, b)
	}
	path, ok := strings.CutPrefix(answer.URI, "mxc://")
	if !ok {
		s.t.Fatalf("no mxc URI: %s", answer.URI)
	}
	return path
}

// files are the files in the content repository, without folders.
func (s *contentServer) files() (names []string) {
	s.t.Helper()
	root := filepath.Join(s.dir, "media")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, strings.TrimPrefix(path, root+"/"))
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return names
}

func TestUploadAndDownload(t *testing.T) {
	s := newContentServer(t)
	text := strings.Repeat("bonjour ", 1000)
	path := s.upload("text/plain; charset=utf-8", "vœux.txt", strings.NewReader(text))
	again := s.upload("text/html", "", struct{ io.Reader }{strings.NewReader(text)}) // chunked
	if path == again {
		t.Fatal("two uploads have one id")
	}
	if files := s.files(); len(files) != 1 || len(files[0]) != 65 || files[0][2] != '/' {
		t.Fatalf("stored once under its hash: %v", files)
	}

	resp, body := s.send(bob, "GET", authedMedia+"download/"+path, "", nil)
	if string(body) != text || resp.StatusCode != http.StatusOK {
		t.Fatalf("%d, %d bytes", resp.StatusCode, len(body))
	}
	for name, want := range map[string]string{
		"Content-Type":        "text/plain; charset=utf-8",
		"Content-Disposition": "inline; filename*=utf-8''v%C5%93ux.txt",
		"Content-Security-Policy": "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; " +
			"style-src 'unsafe-inline'; object-src 'self';",
		"Cross-Origin-Resource-Policy": "cross-origin",
		"X-Content-Type-Options":       "nosniff",
		"Cache-Control":                "private, max-age=31536000, immutable",
		"Access-Control-Allow-Origin":  "*",
	} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if resp, _ := s.send(bob, "GET", authedMedia+"download/"+again, "", nil); resp.Header.Get("Content-Disposition") != "attachment" {
		t.Errorf("HTML without a name: %s", resp.Header.Get("Content-Disposition"))
	}
	resp, _ = s.send(bob, "GET", authedMedia+"download/"+again+"/"+url.PathEscape(`a/"b"`+"\r\n.html"), "", nil)
	if kind, p, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition")); err != nil || kind != "attachment" || p["filename"] != "a/\"b\"\r\n.html" {
		t.Errorf("a given name: %q, %v", resp.Header.Get("Content-Disposition"), err)
	}
}

func TestRangesAndETags(t *testing.T) {
	s := newContentServer(t)
	path := authedMedia + "download/" + s.upload("", "", strings.NewReader("0123456789"))
	get := func(header, value string) (answer, string) {
		req, err := http.NewRequestWithContext(t.Context(), "GET", s.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+alice)
		req.Header.Set(header, value)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer{resp.StatusCode, resp.Header}, string(b)
	}
	resp, body := get("Range", "bytes=3-5")
	if resp.StatusCode != http.StatusPartialContent || body != "345" || resp.Header.Get("Content-Type") != "application/octet-stream" {
		t.Fatalf("%d %q %v", resp.StatusCode, body, resp.Header)
	}
	if resp, body := get("If-None-Match", resp.Header.Get("ETag")); resp.StatusCode != http.StatusNotModified || body != "" {
		t.Fatalf("%d %q", resp.StatusCode, body)
	}
}

func TestMediaRefusals(t *testing.T) {
	s := newContentServer(t)
	path := s.upload("text/plain", "", strings.NewReader("x"))
	id := strings.TrimPrefix(path, "test/")
	for name, c := range map[string]struct {
		user, path, errcode string
		status              int
	}{
		"no token":            {"", authedMedia + "download/" + path, "M_MISSING_TOKEN", http.StatusUnauthorized},
		"unknown id":          {alice, authedMedia + "download/test/none", "M_NOT_FOUND", http.StatusNotFound},
		"another server":      {alice, authedMedia + "download/example.org/" + id, "M_NOT_FOUND", http.StatusNotFound},
		"way out":             {alice, authedMedia + "download/test/..%2F..%2Fbeffroi.db", "M_NOT_FOUND", http.StatusNotFound},
		"frozen download":     {"", "/_matrix/media/v3/download/" + path, "M_NOT_FOUND", http.StatusNotFound},
		"frozen named":        {alice, "/_matrix/media/v3/download/" + path + "/x", "M_NOT_FOUND", http.StatusNotFound},
		"frozen thumbnail":    {"", "/_matrix/media/v3/thumbnail/" + path, "M_NOT_FOUND", http.StatusNotFound},
		"thumbnail of text":   {alice, authedMedia + "thumbnail/" + path + "?width=32&height=32", "M_UNKNOWN", http.StatusBadRequest},
		"no width":            {alice, authedMedia + "thumbnail/" + path + "?height=32", "M_INVALID_PARAM", http.StatusBadRequest},
		"negative height":     {alice, authedMedia + "thumbnail/" + path + "?width=32&height=-1", "M_INVALID_PARAM", http.StatusBadRequest},
		"unknown method":      {alice, authedMedia + "thumbnail/" + path + "?width=32&height=32&method=blur", "M_INVALID_PARAM", http.StatusBadRequest},
		"config unauthorised": {"", authedMedia + "config", "M_MISSING_TOKEN", http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) { s.want(c.status, c.errcode, c.user, "GET", c.path, "") })
	}
	for _, p := range []string{authedMedia + "config", "/_matrix/media/v3/config"} {
		if got := strings.TrimSpace(string(s.ok(alice, "GET", p, ""))); got != `{"m.upload.size":1048576}` {
			t.Errorf("%s: %s", p, got)
		}
	}
}

func TestTooLargeUploadsLeaveNothing(t *testing.T) {
	s := newContentServer(t)
	large := make([]byte, maxUpload+1)
	upload := "/_matrix/media/v3/upload"
	for name, body := range map[string]io.Reader{"announced": bytes.NewReader(large), "chunked": struct{ io.Reader }{bytes.NewReader(large)}} {
		t.Run(name, func(t *testing.T) {
			resp, b := s.send(alice, "POST", upload, "text/plain", body)
			if resp.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(string(b), "M_TOO_LARGE") {
				t.Fatalf("%d %s", resp.StatusCode, b)
			}
		})
	}
	if files := s.files(); len(files) != 0 {
		t.Fatalf("left behind: %v", files)
	}
	s.upload("", "", bytes.NewReader(large[1:]))
	s.want(http.StatusBadRequest, "M_INVALID_PARAM", alice, "POST", upload+"?filename="+strings.Repeat("x", 256), "x")
}

// striped is an image whose left half is red and whose right half is blue.
func striped(w, h int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.NRGBA{R: 255, A: 255}
			if x >= w/2 {
				c = color.NRGBA{B: 255, A: 255}
			}
			img.SetNRGBA(x, y, c)
		}
	}
	return img
}

func jpegOf(t *testing.T, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pngOf(t *testing.T, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (s *contentServer) thumbnail(path, query string) (img image.Image, contentType string, raw []byte) {
	s.t.Helper()
	resp, b := s.send(bob, "GET", authedMedia+"thumbnail/"+path+"?"+query, "", nil)
	if resp.StatusCode != http.StatusOK {
		s.t.Fatalf("%d %s", resp.StatusCode, b)
	}
	img, kind, err := image.Decode(bytes.NewReader(b))
	contentType = resp.Header.Get("Content-Type")
	if err != nil || contentType != "image/"+kind {
		s.t.Fatalf("%s: %v", contentType, err)
	}
	if d := resp.Header.Get("Content-Disposition"); !strings.HasPrefix(d, "inline; filename=thumbnail.") {
		s.t.Errorf("disposition %q", d)
	}
	return img, contentType, b
}

// Crests and icons keep their edges.
func TestSmallThumbnailsOfPNG(t *testing.T) {
	s := newContentServer(t)
	emblem := s.upload("image/png", "", bytes.NewReader(pngOf(t, striped(400, 200))))
	for query, want := range map[string]string{"width=32&height=32&method=scale": "image/png", "width=96&height=96&method=crop": "image/png", "width=112&height=112&method=crop": "image/jpeg"} {
		if _, kind, _ := s.thumbnail(emblem, query); kind != want {
			t.Errorf("a PNG made smaller by %s: %s", query, kind)
		}
	}
}

func TestThumbnails(t *testing.T) {
	s := newContentServer(t)
	large := s.upload("text/plain", "", bytes.NewReader(jpegOf(t, striped(400, 200)))) // the type is a lie
	for query, want := range map[string]image.Point{
		"width=32&height=32&method=crop":   {X: 32, Y: 32},
		"width=90&height=90&method=scale":  {X: 192, Y: 96},
		"width=100&height=50":              {X: 400, Y: 200}, // of the sizes kept, 320x240 comes next: the original is smaller
		"width=800&height=600&method=crop": {X: 400, Y: 200},
		"width=9000&height=9000":           {X: 400, Y: 200},
	} {
		img, kind, _ := s.thumbnail(large, query)
		if got := img.Bounds().Size(); got != want || kind != "image/jpeg" {
			t.Errorf("%s: %v %s, want %v", query, got, kind, want)
		}
		if r, _, b, _ := img.At(1, img.Bounds().Dy()/2).RGBA(); r < 0xe000 || b > 0x2000 {
			t.Errorf("%s: left is not red: %x %x", query, r, b)
		}
		if r, _, b, _ := img.At(img.Bounds().Dx()-2, img.Bounds().Dy()/2).RGBA(); b < 0xe000 || r > 0x2000 {
			t.Errorf("%s: right is not blue: %x %x", query, r, b)
		}
	}
	if n := len(s.files()); n != 3 {
		t.Fatalf("%d files, want the original and two thumbnails: %v", n, s.files())
	}
	path := filepath.Join(s.dir, "media", s.files()[1])
	if err := os.WriteFile(path, []byte("\xff\xd8\xffkept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, b := s.send(bob, "GET", authedMedia+"thumbnail/"+large+"?width=20&height=20&method=crop", "", nil); string(b) != "\xff\xd8\xffkept" {
		if _, b = s.send(bob, "GET", authedMedia+"thumbnail/"+large+"?width=96&height=96", "", nil); string(b) != "\xff\xd8\xffkept" {
			t.Error("a kept thumbnail was made again")
		}
	}
}

func TestTransparentThumbnailsStayTransparent(t *testing.T) {
	s := newContentServer(t)
	img := striped(200, 200)
	for y := range 100 {
		clear(img.Pix[y*img.Stride : (y+1)*img.Stride])
	}
	small, kind, _ := s.thumbnail(s.upload("image/png", "", bytes.NewReader(pngOf(t, img))), "width=32&height=32&method=crop")
	_, _, _, top := small.At(5, 2).RGBA()
	r, _, _, bottom := small.At(5, 30).RGBA()
	if kind != "image/png" || top != 0 || bottom != 0xffff || r != 0xffff {
		t.Fatalf("%s, alpha %x over %x, red %x", kind, top, bottom, r)
	}
}

func TestThumbnailsAreNotAnimated(t *testing.T) {
	s := newContentServer(t)
	var b bytes.Buffer
	frame := image.NewPaletted(image.Rect(0, 0, 20, 10), color.Palette{color.White, color.Black})
	inner := image.NewPaletted(image.Rect(5, 5, 10, 10), color.Palette{color.White, color.Black})
	if err := gif.EncodeAll(&b, &gif.GIF{Image: []*image.Paletted{frame, inner}, Delay: []int{1, 1}}); err != nil {
		t.Fatal(err)
	}
	img, kind, _ := s.thumbnail(s.upload("image/gif", "", &b), "width=96&height=96&animated=false")
	if kind == "image/gif" || img.Bounds().Size() != image.Pt(20, 10) {
		t.Fatalf("%s %v", kind, img.Bounds())
	}
	still := pngOf(t, striped(20, 10))
	if _, _, raw := s.thumbnail(s.upload("image/png", "", bytes.NewReader(still)), "width=96&height=96"); !bytes.Equal(raw, still) {
		t.Fatal("a small PNG is not served as it is")
	}
	// An APNG: the chunk acTL after the 33 bytes of signature and IHDR.
	chunk := "acTL\x00\x00\x00\x01\x00\x00\x00\x00"
	moving := slices.Concat(still[:33], []byte("\x00\x00\x00\x08"+chunk+pngCRC([]byte(chunk))), still[33:])
	if _, _, raw := s.thumbnail(s.upload("image/png", "", bytes.NewReader(moving)), "width=96&height=96"); bytes.Contains(raw, []byte("acTL")) {
		t.Fatal("a small APNG is served as it is")
	}
}

func TestThumbnailsOfHostileImages(t *testing.T) {
	s := newContentServer(t)
	// A PNG of 30,000 × 30,000 pixels by its header.
	bomb := pngOf(t, image.NewGray(image.Rect(0, 0, 64, 64)))
	copy(bomb[16:], "\x00\x00\x75\x30\x00\x00\x75\x30")
	copy(bomb[29:], pngCRC(bomb[12:29]))
	path := s.upload("image/png", "", bytes.NewReader(bomb))
	s.want(http.StatusRequestEntityTooLarge, "M_TOO_LARGE", alice, "GET", authedMedia+"thumbnail/"+path+"?width=32&height=32", "")
	cut := s.upload("image/jpeg", "", bytes.NewReader(jpegOf(t, striped(400, 200))[:700]))
	s.want(http.StatusBadRequest, "M_UNKNOWN", alice, "GET", authedMedia+"thumbnail/"+cut+"?width=32&height=32", "")
	if n := len(s.files()); n != 2 {
		t.Fatalf("left behind: %v", s.files())
	}
}

func pngCRC(chunk []byte) string {
	return string(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(chunk)))
}

// farMedia are other servers' media, in memory: texts by id.
type farMedia map[string]string

func (f farMedia) Fetch(_ context.Context, server, id string) (*media.Incoming, error) {
	text, known := f[server+"/"+id]
	if !known {
		return nil, merr.NotFound("There is no such media")
	}
	return &media.Incoming{Body: io.NopCloser(strings.NewReader(text)), Size: int64(len(text)), ContentType: "text/html", Name: "<a>.html"}, nil
}

func TestMediaOfOtherServers(t *testing.T) {
	s := newContentServer(t)
	const there = "/_matrix/media/v3/download/far.example/a"
	s.want(http.StatusNotFound, "M_NOT_FOUND", alice, "GET", authedMedia+"download/far.example/a?allow_remote=false", "")
	resp, body := s.send(alice, "GET", authedMedia+"download/far.example/a", "", nil)
	if string(body) != "far away" || resp.Header.Get("Content-Disposition") != `attachment; filename="<a>.html"` || resp.Header.Get("Content-Type") != "text/html" {
		t.Errorf("%d %s %v", resp.StatusCode, body, resp.Header)
	}
	for path, want := range map[string]struct {
		status  int
		errcode string
	}{
		"download/far.example/none":                         {404, "M_NOT_FOUND"},
		"download/far.example/large":                        {502, "M_TOO_LARGE"},
		"download/far%20example/a":                          {404, "M_NOT_FOUND"},
		"download/far.example/..%2Fa":                       {404, "M_NOT_FOUND"},
		"thumbnail/far.example/none?width=1&height=1":       {404, "M_NOT_FOUND"},
		"thumbnail/far.example/a?width=1&height=1":          {400, "M_UNKNOWN"},
		"download/far.example/a?timeout_ms=-1":              {400, "M_INVALID_PARAM"},
		"download/far.example/a/name.txt?allow_remote=true": {200, ""},
	} {
		s.want(want.status, want.errcode, alice, "GET", authedMedia+path, "")
	}
	s.want(http.StatusNotFound, "M_NOT_FOUND", "", "GET", there, "") // newly cached, so frozen
	s.want(http.StatusUnauthorized, "M_MISSING_TOKEN", "", "GET", authedMedia+"download/far.example/a", "")
}
