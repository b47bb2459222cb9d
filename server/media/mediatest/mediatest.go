// Package mediatest makes images for tests: ordinary ones of each format, and such as are made to exhaust who decodes them.
package mediatest

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/png"
)

// Images of 40 × 20 pixels, red on the left and blue on the right, made with libwebp.
func LossyWebP() []byte {
	return decoded("UklGRnIAAABXRUJQVlA4IGYAAADQBACdASooABQAPrVKnkmnJCKhMAgA4BaJQBmJet8g+QClAVf/uAAF7zBn9qjJgAD+7L2P9aCSjHP/+uA2/7f/5ibXIzOfhHKTtv75fCOUnfzLP728pP1spz9vKUT7gHl8vOUAAAA=")
}
func LosslessWebP() []byte {
	return decoded("UklGRigAAABXRUJQVlA4TBsAAAAvJ8AEAA8Q87//8x8OBAKEA/+1BgRE9D9K2AMA")
}
func AlphaWebP() []byte {
	return decoded("UklGRqIAAABXRUJQVlA4WAoAAAAQAAAAJwAAEwAAQUxQSBUAAAABD/DA/4iIIBAgHPivNSAgov9Rwh4AVlA4IGYAAADQBACdASooABQAPrVKnkmnJCKhMAgA4BaJQBmJet8g+QClAVf/uAAF7zBn9qjJgAD+7L2P9aCSjHP/+uA2/7f/5ibXIzOfhHKTtv75fCOUnfzLP728pP1spz9vKUT7gHl8vOUAAAA=")
}
func AnimatedWebP() []byte {
	return decoded("UklGRu4AAABXRUJQVlA4WAoAAAACAAAAJwAAEwAAQU5JTQYAAAAAAAAAAABBTk1GYgAAAAAAAAAAACcAABMAAAAAAAJWUDggSgAAANADAJ0BKigAFAA+bTaXSKQjIiElaACADYlnAND6gH4AArRcgxcMAAD+8JtD/+QXLC65Gv/8gP+QH/ID/+QH/5a0L0/y0YcUAAAAQU5NRlgAAAAAAAAAAAAnAAATAAAAAAAAVlA4IEAAAAD0AgCdASooABQAPm0ukUiCVgAA2JZwB2AATE+hbBkiAAD++R3b//5Af/5Af/5Af/yA//4hd7Ic//IZaf8hgAAA")
}

func decoded(text string) []byte {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return b
}

// JPEG is a grey JPEG of w × h pixels, of components with these sampling factors: a scan of all of them, and where it is progressive further scans of a few bytes,
// each of which walks over the whole first component.
func JPEG(w, h int, progressive bool, scans int, factors ...byte) []byte {
	frame, dc := byte(0xc0), byte(63)
	if progressive {
		frame, dc = 0xc2, 0
	}
	b := []byte("\xff\xd8")
	b = segment(b, 0xdb, make([]byte, 65))                                           // quantisation: all is zero
	b = segment(b, 0xc4, append([]byte{0x00, 1}, make([]byte, 16)...))               // DC: one bit says 0
	b = segment(b, 0xc4, append(append([]byte{0x10, 1}, make([]byte, 15)...), 0))    // AC: one bit ends the block
	b = segment(b, 0xc4, append(append([]byte{0x11, 1}, make([]byte, 15)...), 0xe0)) // AC: one bit, and 14 more, end thousands of blocks
	head := append(binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16([]byte{8}, uint16(h)), uint16(w)), byte(len(factors)))
	first := []byte{byte(len(factors))}
	blocks := 0
	for i, f := range factors {
		head = append(head, byte(i+1), f, 0)
		first = append(first, byte(i+1), 0)
		blocks += ((w+7)/8 + 3) * ((h+7)/8 + 3) // as if none were sampled down
	}
	b = segment(b, frame, head)
	b = segment(b, 0xda, append(first, 0, dc, 0))
	if scans > 0 { // else it ends where the image data begins
		b = append(b, make([]byte, blocks/4+8)...)
	}
	for range scans - 1 {
		b = segment(b, 0xda, []byte{1, 1, 0x01, 1, 63, 0})
		b = append(b, make([]byte, blocks/16384*2+8)...)
	}
	return append(b, 0xff, 0xd9)
}

func segment(b []byte, marker byte, body []byte) []byte {
	return append(binary.BigEndian.AppendUint16(append(b, 0xff, marker), uint16(len(body)+2)), body...)
}

// PNG is the beginning of a PNG with a header of w × h pixels: bits of each sample, colour type and interlacing as in IHDR, and chunks before the image data, of
// which there is some.
func PNG(w, h uint32, depth, colour, interlace byte, more ...string) []byte {
	b := []byte("\x89PNG\r\n\x1a\n")
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	b = chunk(b, "IHDR", append(head, depth, colour, 0, 0, interlace))
	for _, c := range more {
		b = chunk(b, c[:4], []byte(c[4:]))
	}
	var small bytes.Buffer
	if err := png.Encode(&small, image.NewGray(image.Rect(0, 0, 500, 500))); err != nil {
		panic(err)
	}
	return append(b, small.Bytes()[33:]...)
}

func chunk(b []byte, kind string, body []byte) []byte {
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(body))), kind...)
	b = append(b, body...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[len(b)-len(body)-4:]))
}

// GIF is a GIF of w × h pixels and many images of which only the first is as large.
func GIF(w, h, images int) []byte {
	palette := color.Palette{color.White, color.Black}
	g := &gif.GIF{Config: image.Config{Width: w, Height: h, ColorModel: palette}}
	for i := range images {
		r := image.Rect(0, 0, 1, 1)
		if i == 0 {
			r = image.Rect(0, 0, w, h)
		}
		g.Image, g.Delay = append(g.Image, image.NewPaletted(r, palette)), append(g.Delay, 1)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// FlatWebP is a lossless WebP of w × h pixels of one colour, in fifty bytes.
func FlatWebP(w, h int) []byte {
	bits := &bitWriter{}
	bits.write(0x2f, 8)
	bits.write(uint64(w-1), 14)
	bits.write(uint64(h-1), 14)
	bits.write(0, 1+3+1+1+1) // no alpha, version 0, no transform, no colour cache, one group of codes
	for _, symbol := range []uint64{0x80, 0xff, 0x80, 0xff} {
		bits.write(0b101, 3) // a simple code of one symbol of eight bits, which takes no bit
		bits.write(symbol, 8)
	}
	bits.write(0b0001, 4) // and of one symbol of one bit
	return RIFF("VP8L", append(bits.bytes, bits.last()...))
}

// RIFF is a WebP of one chunk.
func RIFF(kind string, body []byte) []byte {
	if len(body)%2 == 1 {
		body = append(body, 0)
	}
	b := append([]byte("RIFF"), binary.LittleEndian.AppendUint32(nil, uint32(len(body)+12))...)
	b = append(b, "WEBP"+kind...)
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(body))), body...)
}

// bitWriter writes the least significant bit first.
type bitWriter struct {
	bytes []byte
	rest  uint64
	n     int
}

func (w *bitWriter) write(v uint64, n int) {
	w.rest |= v << w.n
	for w.n += n; w.n >= 8; w.n -= 8 {
		w.bytes = append(w.bytes, byte(w.rest))
		w.rest >>= 8
	}
}

func (w *bitWriter) last() []byte { return []byte{byte(w.rest)} }
