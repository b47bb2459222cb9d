package media

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/jpeg"
	"io"
)

// jpegHeader is what the segments before the image data say.
type jpegHeader struct {
	orientation int // 1 to 8; 1 where nothing is said
	progressive bool
	jfif        bool
	components  [][2]int // how many blocks wide and high each is in a unit of the image
}

// readJPEGHeader reads segments up to the first scan. What it can't read says nothing. Source: ITU-T T.81, B.1 and B.2.
func readJPEGHeader(r io.Reader) jpegHeader {
	h := jpegHeader{orientation: 1}
	in := bufio.NewReader(r)
	_, _ = in.Discard(2) // SOI; where it is missing, so is what follows
	for {
		marker, body, ok := nextSegment(in)
		switch {
		case !ok || marker == 0xda || marker == 0xd9: // SOS, EOI
			return h
		case marker == 0xe1: // APP1
			if o := exifOrientation(body); o != 0 {
				h.orientation = o
			}
		case marker == 0xe0: // APP0
			h.jfif = h.jfif || bytes.HasPrefix(body, []byte("JFIF\x00"))
		case marker >= 0xc0 && marker <= 0xc2: // SOF0 to SOF2
			h.progressive = marker == 0xc2
			h.components = sampling(body)
		}
	}
}

// sampling reads the factors of the components out of a frame header.
func sampling(sof []byte) (components [][2]int) {
	const fixed, perComponent = 6, 3
	for i := fixed; i+perComponent <= len(sof); i += perComponent {
		components = append(components, [2]int{int(sof[i+1] >> 4), int(sof[i+1] & 15)})
	}
	if len(components) == 1 { // not interleaved: the factors mean nothing
		components[0] = [2]int{1, 1}
	}
	return components
}

func nextSegment(in *bufio.Reader) (marker byte, body []byte, ok bool) {
	b, err := in.ReadByte()
	if err != nil || b != 0xff {
		return 0, nil, false
	}
	for marker = 0xff; marker == 0xff; { // fill bytes
		if marker, err = in.ReadByte(); err != nil {
			return 0, nil, false
		}
	}
	if marker == 0xda || marker == 0xd9 {
		return marker, nil, true
	}
	var size [2]byte
	if _, err := io.ReadFull(in, size[:]); err != nil || binary.BigEndian.Uint16(size[:]) < 2 {
		return 0, nil, false
	}
	body = make([]byte, binary.BigEndian.Uint16(size[:])-2)
	_, err = io.ReadFull(in, body)
	return marker, body, err == nil
}

// exifOrientation finds the tag Orientation in the first directory of an APP1 segment; 0 where it isn't. Source: EXIF 2.3 and TIFF 6.0.
func exifOrientation(app1 []byte) int {
	tiff, ok := bytes.CutPrefix(app1, []byte("Exif\x00\x00"))
	if !ok || len(tiff) < 8 {
		return 0
	}
	var order binary.ByteOrder = binary.LittleEndian
	if string(tiff[:2]) == "MM" {
		order = binary.BigEndian
	}
	at := uint64(order.Uint32(tiff[4:]))
	if at+2 > uint64(len(tiff)) {
		return 0
	}
	entries := tiff[at+2:]
	for range order.Uint16(tiff[at:]) {
		if len(entries) < 12 {
			return 0
		}
		const orientation, short = 0x0112, 3
		if order.Uint16(entries) == orientation && order.Uint16(entries[2:]) == short {
			return validOrientation(int(order.Uint16(entries[8:])))
		}
		entries = entries[12:]
	}
	return 0
}

func validOrientation(o int) int {
	if o < 1 || o > 8 {
		return 0
	}
	return o
}

// pngHeader is what the chunks before the image data say.
type pngHeader struct{ animated, transparent, interlaced bool }

// readPNGHeader reads chunks up to the image data. Source: PNG, third edition, 11.2 and 11.3.
func readPNGHeader(r io.Reader) (h pngHeader) {
	in := bufio.NewReader(r)
	_, _ = in.Discard(8) // the signature was seen
	for {
		var head [8]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return h
		}
		switch string(head[4:]) {
		case "IDAT":
			return h
		case "acTL":
			h.animated = true
		case "tRNS":
			h.transparent = true
		case "IHDR":
			if b, err := in.Peek(13); err == nil {
				h.interlaced = b[12] != 0
			}
		}
		if _, err := in.Discard(int(binary.BigEndian.Uint32(head[:])) + 4); err != nil {
			return h
		}
	}
}

// webpHeader is what the beginning of a WebP says.
type webpHeader struct {
	bytes    int64 // of the whole file
	animated bool
	simple   bool // lossy, without transparency
}

// readWebPHeader holds a WebP's length to its bytes, since its decoder makes room for as many as it announces. Source: RFC 9649, 2.4 to 2.7.
func readWebPHeader(f io.ReaderAt) (h webpHeader, ok bool) {
	var head [21]byte
	if _, err := f.ReadAt(head[:], 0); err != nil || string(head[8:12]) != "WEBP" {
		return h, false
	}
	h.bytes = 8 + int64(binary.LittleEndian.Uint32(head[4:]))
	if n, _ := f.ReadAt(make([]byte, 1), h.bytes-1); n == 0 {
		return h, false
	}
	const animation, alpha = 1 << 1, 1 << 4
	switch string(head[12:16]) {
	case "VP8 ":
		h.simple = true
	case "VP8X":
		h.animated, h.simple = head[20]&animation != 0, head[20]&alpha == 0
	}
	return h, true
}

// maxScans is many times what encoders make of a progressive JPEG. Each scan walks over the whole image, however few bytes it has.
const maxScans = 100

var errScans = errors.New("too many scans")

// decodeJPEG is jpeg.Decode that refuses images made to take hours.
func decodeJPEG(r io.Reader) (image.Image, error) {
	return jpeg.Decode(&scanCounter{r: r})
}

// scanCounter lets maxScans markers SOS pass.
type scanCounter struct {
	r     io.Reader
	last  byte
	scans int
}

func (c *scanCounter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	for _, b := range p[:n] {
		if c.last == 0xff && b == 0xda {
			c.scans++
		}
		c.last = b
	}
	if c.scans > maxScans {
		return 0, errScans
	}
	return n, err
}
