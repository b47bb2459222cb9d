package media

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"
	"time"

	"beffroi/server/media/mediatest"
	"beffroi/server/notify"
	"beffroi/server/store/storetest"
)

// exifJPEG is a JPEG of 40 × 20 pixels, red on the left and blue on the right, with an orientation.
func exifJPEG(t testing.TB, order binary.AppendByteOrder, orientation uint16) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 40, 20))
	for y := range 20 {
		for x := range 40 {
			img.SetRGBA(x, y, color.RGBA{R: 255, A: 255})
			if x >= 20 {
				img.SetRGBA(x, y, color.RGBA{B: 255, A: 255})
			}
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	tiff := []byte("MM")
	if order.String() == "LittleEndian" {
		tiff = []byte("II")
	}
	tiff = order.AppendUint32(order.AppendUint16(tiff, 42), 8)
	tiff = order.AppendUint16(tiff, 2) // entries
	for _, entry := range [][2]uint16{{0x0100, 40}, {0x0112, orientation}} {
		tiff = order.AppendUint32(order.AppendUint16(order.AppendUint16(tiff, entry[0]), 3), 1)
		tiff = order.AppendUint16(order.AppendUint16(tiff, entry[1]), 0)
	}
	app1 := append([]byte("Exif\x00\x00"), tiff...)
	segment := append(binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(app1)+2)), app1...)
	return append(append([]byte{0xff, 0xd8}, segment...), b.Bytes()[2:]...)
}

func TestThumbnailsStandUpright(t *testing.T) {
	red, blue := "red", "blue"
	for orientation, want := range map[uint16]struct {
		turned      bool
		first, last string // at the left or top, at the right or bottom
	}{
		1: {false, red, blue}, 2: {false, blue, red}, 3: {false, blue, red}, 4: {false, red, blue},
		5: {true, red, blue}, 6: {true, red, blue}, 7: {true, blue, red}, 8: {true, blue, red},
	} {
		for _, order := range []binary.AppendByteOrder{binary.BigEndian, binary.LittleEndian} {
			f := bytes.NewReader(exifJPEG(t, order, orientation))
			p, err := inspect(f)
			if err != nil {
				t.Fatal(err)
			}
			src, err := p.decode(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			img := p.orient(box{10, 10, Scale}.fit(p.width, p.height).cut(src, p))
			size, far := image.Pt(20, 10), image.Pt(19, 5)
			if want.turned {
				size, far = image.Pt(10, 20), image.Pt(5, 19)
			}
			near := image.Pt(far.X%19, far.Y%19)
			if img.Bounds().Size() != size || colour(img, near) != want.first || colour(img, far) != want.last {
				t.Errorf("orientation %d, %v: %v, %s to %s; want %v, %s to %s", orientation, order, img.Bounds().Size(),
					colour(img, near), colour(img, far), size, want.first, want.last)
			}
		}
	}
}

func colour(img *image.RGBA, at image.Point) string {
	c := img.RGBAAt(at.X, at.Y)
	switch {
	case c.R > 200 && c.B < 50:
		return "red"
	case c.B > 200 && c.R < 50:
		return "blue"
	}
	return "neither"
}

func TestShrinkGivesTheMeanOfTheArea(t *testing.T) {
	src := image.NewGray(image.Rect(0, 0, 5, 3))
	copy(src.Pix, []byte{0, 30, 60, 90, 120, 0, 30, 60, 90, 120, 0, 30, 60, 90, 120})
	got := shrink(src, src.Rect, 2, 1)
	// Each result covers two and a half columns: (0 + 30 + 60/2) / 2.5 and (60/2 + 90 + 120) / 2.5.
	if got.Pix[0] != 24 || got.Pix[4] != 96 || got.Pix[3] != 255 {
		t.Fatalf("%v", got.Pix)
	}
}

func TestThumbnailSizes(t *testing.T) {
	for _, c := range []struct {
		w, h           int // asked for
		method         string
		imageW, imageH int
		want           target
	}{
		{32, 32, Scale, 4000, 3000, target{4000, 3000, 43, 32}},
		{32, 32, Scale, 3000, 4000, target{3000, 4000, 32, 43}},
		{32, 32, Crop, 4000, 3000, target{3000, 3000, 32, 32}},
		{640, 480, Crop, 3000, 4000, target{3000, 2250, 640, 480}},
		{801, 100, Scale, 4000, 3000, target{4000, 3000, 2134, 1600}},
		{1601, 100, Scale, 4000, 3000, target{4000, 3000, 4000, 3000}},
		{800, 600, Scale, 8000, 500, target{8000, 500, 8000, 500}},
		{96, 96, Crop, 95, 4000, target{95, 4000, 95, 4000}},
	} {
		if got := offered(c.w, c.h, c.method).fit(c.imageW, c.imageH); got != c.want {
			t.Errorf("%dx%d %s of %dx%d: %v, want %v", c.w, c.h, c.method, c.imageW, c.imageH, got, c.want)
		}
	}
}

func TestJPEGsOfManyScansAreRefused(t *testing.T) {
	whole := exifJPEG(t, binary.BigEndian, 1)
	scans := bytes.Repeat([]byte{0xff, 0xda, 0, 2}, maxScans+1)
	if _, err := decodeJPEG(bytes.NewReader(append(whole[:len(whole)-2:len(whole)-2], scans...))); err == nil {
		t.Fatal("decoded")
	}
	if _, err := decodeJPEG(bytes.NewReader(whole)); err != nil {
		t.Fatal(err)
	}
}

func TestTemporaryFilesOfACrashAreRemoved(t *testing.T) {
	db, dir := storetest.Open(t), t.TempDir()
	open := func() *Service {
		s, err := New(db.DB, notify.New(), Config{DataDir: dir, ServerName: "test", MaxUpload: 100}, time.Now, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	uri, err := s.Upload(context.Background(), Upload{Uploader: 1}, bytes.NewReader([]byte("kept")))
	if err != nil {
		t.Fatal(err)
	}
	orphan := filepath.Join(dir, "media", "tmp", "upload-1")
	if err := os.WriteFile(orphan, []byte("lost"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = open()
	if _, err := os.Stat(orphan); !os.IsNotExist(err) {
		t.Fatalf("still there: %v", err)
	}
	f, err := s.Open(context.Background(), Wanted{Server: "test", ID: filepath.Base(uri)})
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

func FuzzInspect(f *testing.F) {
	f.Add(exifJPEG(f, binary.LittleEndian, 6))
	f.Add([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x08acTL"))
	f.Add([]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00"))
	for _, b := range [][]byte{mediatest.LossyWebP(), mediatest.LosslessWebP(), mediatest.AlphaWebP(), mediatest.AnimatedWebP(), mediatest.FlatWebP(9, 9),
		mediatest.GIF(9, 9, 3), mediatest.JPEG(17, 9, true, 3, 0x22, 0x11, 0x11), mediatest.PNG(9, 9, 8, 0, 1, "tRNS\x00\x00")} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		readPNGHeader(bytes.NewReader(b))
		if h := readJPEGHeader(bytes.NewReader(b)); h.orientation < 1 || h.orientation > 8 {
			t.Fatalf("orientation %d", h.orientation)
		}
		p, err := inspect(bytes.NewReader(b))
		if err != nil || p.memory > 1<<20 {
			return
		}
		var src image.Image
		took := allocated(func() { src, err = p.decode(t.Context(), bytes.NewReader(b)) })
		if took > p.memory+int64(len(b))+1<<20 {
			t.Fatalf("%s estimated at %d bytes took %d", p.extension, p.memory, took)
		}
		if err != nil {
			return
		}
		img := p.orient(offered(32, 32, Crop).fit(p.width, p.height).cut(src, p))
		if img.Bounds().Dx() > max(p.width, 32) || img.Bounds().Dy() > max(p.height, 32) {
			t.Fatalf("%v of %d × %d", img.Bounds(), p.width, p.height)
		}
	})
}
