package media

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"runtime"
	"testing"

	"beffroi/server/media/mediatest"
)

// allocated is what f allocates, in bytes: what it holds at a time is no more.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

func encoded(t *testing.T, encode func(*bytes.Buffer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestImagesTakeWhatTheirHeadersSay: never more, and not so much less that ordinary images are refused.
func TestImagesTakeWhatTheirHeadersSay(t *testing.T) {
	const w, h = 1000, 700
	size := image.Rect(0, 0, w, h)
	asPNG := func(img image.Image) []byte {
		return encoded(t, func(b *bytes.Buffer) error { return png.Encode(b, img) })
	}
	clear := image.NewNRGBA(size)
	grey16, deep := image.NewGray16(size), image.NewNRGBA64(size)
	for name, b := range map[string][]byte{
		"JPEG, grey":              mediatest.JPEG(w, h, false, 1, 0x11),
		"JPEG 4:2:0":              mediatest.JPEG(w, h, false, 1, 0x22, 0x11, 0x11),
		"JPEG 4:4:4":              mediatest.JPEG(w, h, false, 1, 0x11, 0x11, 0x11),
		"JPEG 4:2:0, progressive": mediatest.JPEG(w, h, true, 6, 0x22, 0x11, 0x11),
		"JPEG 4:4:4, progressive": mediatest.JPEG(w, h, true, 6, 0x11, 0x11, 0x11),
		"JPEG 4:1:1, progressive": mediatest.JPEG(w, h, true, 6, 0x41, 0x11, 0x11),
		"JPEG of Go":              encoded(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, clear, nil) }),
		"PNG, grey":               asPNG(image.NewGray(size)),
		"PNG, colours":            asPNG(image.NewRGBA(size)),
		"PNG, transparent":        asPNG(clear),
		"PNG, 16 bits, grey":      asPNG(grey16),
		"PNG, 16 bits":            asPNG(deep),
		"PNG, palette":            asPNG(image.NewPaletted(size, color.Palette{color.White, color.Black})),
		"GIF":                     mediatest.GIF(w, h, 3),
		"WebP, lossless":          mediatest.FlatWebP(w, h),
		"WebP, lossy":             mediatest.LossyWebP(),
		"WebP, lossy with alpha":  mediatest.AlphaWebP(),
		"WebP, lossless, small":   mediatest.LosslessWebP(),
	} {
		p, err := inspect(bytes.NewReader(b))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		took := allocated(func() {
			if _, e := p.decode(t.Context(), bytes.NewReader(b)); e != nil {
				err = e
			}
		})
		const decoder = 256 << 10 // of its own
		if err != nil || took > p.memory+decoder || p.memory > 4*took+decoder {
			t.Errorf("%s: estimated %d KB, took %d KB; %v", name, p.memory>>10, took>>10, err)
		}
	}
}

// TestWhatPhonesMakeIsMadeSmaller: a budget that refuses them is none.
func TestWhatPhonesMakeIsMadeSmaller(t *testing.T) {
	for name, b := range map[string][]byte{
		"12 megapixels, progressive 4:2:0": mediatest.JPEG(4000, 3000, true, 1, 0x22, 0x11, 0x11),
		"24 megapixels, 4:2:0":             mediatest.JPEG(6000, 4000, false, 1, 0x22, 0x11, 0x11),
		"a screenshot, 4K":                 mediatest.PNG(3840, 2160, 8, 6, 0),
		"12 megapixels, WebP":              mediatest.FlatWebP(4000, 3000),
	} {
		p, err := inspect(bytes.NewReader(b))
		if err != nil || p.memory > imageMemory {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
}

// TestBombsAreRefusedByTheirHeaders: nothing is decoded, and reading the header takes next to nothing.
func TestBombsAreRefusedByTheirHeaders(t *testing.T) {
	huge := mediatest.RIFF("VP8 ", append([]byte("\x50\x00\x00\x9d\x01\x2a\x10\x00\x10\x00"), make([]byte, 20)...))
	copy(huge[4:], "\xf0\xff\xff\x7e") // the file says that it has 2 GiB, and so does its chunk
	copy(huge[16:], "\xe4\xff\xff\x7e")
	for name, b := range map[string][]byte{
		"JPEG, 65,500 × 65,500":             mediatest.JPEG(65500, 65500, false, 0, 0x11),
		"JPEG, 30,000 × 30,000":             mediatest.JPEG(30000, 30000, false, 0, 0x11, 0x11, 0x11),
		"PNG, 30,000 × 30,000":              mediatest.PNG(30000, 30000, 8, 0, 0),
		"PNG, grey that becomes colour":     mediatest.PNG(13000, 13000, 8, 0, 0, "tRNS\x00\x00"),
		"PNG, 16 bits, becomes colour":      mediatest.PNG(9000, 9000, 16, 0, 0, "tRNS\x00\x00"),
		"PNG, interlaced":                   mediatest.PNG(6000, 6000, 8, 6, 1),
		"GIF, 60,000 × 60,000":              append([]byte("GIF89a\x60\xea\x60\xea\x80\x00\x00\xff\xff\xff\x00\x00\x00,"), make([]byte, 9)...),
		"WebP, 16,383 × 16,383 in 50 bytes": mediatest.FlatWebP(16383, 16383),
		"WebP that announces 2 GiB":         huge,
	} {
		took := allocated(func() {
			p, err := inspect(bytes.NewReader(b))
			if err == nil && p.memory <= imageMemory {
				t.Errorf("%s: %d MB", name, p.memory>>20)
			}
		})
		if took > 1<<20 {
			t.Errorf("%s: its header took %d KB", name, took>>10)
		}
	}
}
