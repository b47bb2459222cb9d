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
		case marker == 0xc2: // SOF2
			h.progressive = true
		}
	}
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

// animatedPNG tells whether a PNG has an animation: the chunk acTL before the image data. Source: PNG, third edition, 11.3.6.1.
func animatedPNG(r io.Reader) bool {
	in := bufio.NewReader(r)
	_, _ = in.Discard(8) // the signature was seen
	for {
		var head [8]byte
		if _, err := io.ReadFull(in, head[:]); err != nil || string(head[4:]) == "IDAT" {
			return false
		}
		if string(head[4:]) == "acTL" {
			return true
		}
		if _, err := in.Discard(int(binary.BigEndian.Uint32(head[:])) + 4); err != nil {
			return false
		}
	}
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
