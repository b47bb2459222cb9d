package media

import (
	"errors"
	"image/color"
	"io"
)

var errHeader = errors.New("a header that can't be")

// read reads what the header says beside width and height, and gives what decoding takes at most, in bytes. What the decoders of the standard library and
// golang.org/x/image allocate was read in their sources, and is held against them by a test.
func (p *picture) read(f io.ReaderAt, model color.Model) (int64, error) {
	pixels := int64(p.width) * int64(p.height)
	switch p.extension {
	case "jpg":
		h := readJPEGHeader(from(f))
		p.orientation, p.still = h.orientation, true
		return h.memory(int64(p.width), int64(p.height))
	case "png":
		h := readPNGHeader(from(f))
		p.still = !h.animated
		return h.perPixel(model) * pixels, nil
	case "webp":
		h, ok := readWebPHeader(f)
		if !ok {
			return 0, errHeader
		}
		p.still = !h.animated
		return h.memory(pixels), nil
	}
	return 2 * pixels, nil // GIF: palette indexes, and once more to undo interlacing
}

// memory is a byte for each sample, in whole units; four more for each coefficient where they are collected; and four for each pixel that may yet be converted: an
// Adobe marker, which makes an image RGB, may come late, but not where the file is JFIF.
func (h jpegHeader) memory(width, height int64) (int64, error) {
	if len(h.components) == 0 || h.components[0][0] == 0 || h.components[0][1] == 0 {
		return 0, errHeader
	}
	unitW, unitH := int64(8*h.components[0][0]), int64(8*h.components[0][1])
	units := ((width + unitW - 1) / unitW) * ((height + unitH - 1) / unitH)
	var blocks int64
	for _, c := range h.components {
		blocks += units * int64(c[0]) * int64(c[1])
	}
	perSample := int64(1)
	if h.progressive {
		perSample = 5
	}
	memory := 64 * blocks * perSample
	if n := len(h.components); n > 3 || n == 3 && !h.jfif {
		memory += 4 * width * height
	}
	return memory, nil
}

// perPixel is what the decoder takes for a pixel.
func (h pngHeader) perPixel(m color.Model) int64 {
	n := int64(4)
	_, paletted := m.(color.Palette)
	switch deep := m == color.Gray16Model || m == color.RGBA64Model || m == color.NRGBA64Model; {
	case deep && (h.transparent || m != color.Gray16Model):
		n = 8
	case deep:
		n = 2
	case paletted, m == color.GrayModel && !h.transparent:
		n = 1
	}
	if h.interlaced {
		n *= 2 // seven smaller images
	}
	return n
}

// What the Huffman trees of a lossless WebP take at most, for a byte and in all.
const (
	treesPerByte = 256
	allTrees     = 132 << 20
)

func (h webpHeader) memory(pixels int64) int64 {
	if h.simple {
		return 2*pixels + h.bytes
	}
	return 11*pixels + h.bytes + min(treesPerByte*h.bytes, allTrees)
}
