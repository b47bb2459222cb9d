package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"time"

	"golang.org/x/image/webp"
)

// format is an image format that thumbnails are made from.
type format struct {
	contentType string
	extension   string
	magic       string
	config      func(io.Reader) (image.Config, error)
	decode      func(io.Reader) (image.Image, error)
}

func formats() []format {
	return []format{
		{"image/jpeg", "jpg", "\xff\xd8\xff", jpeg.DecodeConfig, decodeJPEG},
		{"image/png", "png", "\x89PNG\r\n\x1a\n", png.DecodeConfig, png.Decode},
		{"image/gif", "gif", "GIF8", gif.DecodeConfig, gif.Decode},
		{"image/webp", "webp", "RIFF", webp.DecodeConfig, webp.Decode},
	}
}

// sniff finds the format of a file by its first bytes, whatever its uploader said. 400 M_UNKNOWN for other files.
func sniff(f io.ReaderAt) (format, error) {
	head := make([]byte, 8)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return format{}, err
	}
	for _, known := range formats() {
		if bytes.HasPrefix(head[:n], []byte(known.magic)) {
			return known, nil
		}
	}
	return format{}, cannot(nil)
}

// picture is what an image's header says.
type picture struct {
	format
	width, height int // as it is looked at
	orientation   int // 1 to 8, as in EXIF
	memory        int64
	still         bool // surely not animated
}

const longestSide = 1 << 15 // pixels; sums of a line fit into 32 bits

// inspect reads an image's header, without decoding it.
func inspect(f io.ReaderAt) (*picture, error) {
	known, err := sniff(f)
	if err != nil {
		return nil, err
	}
	c, err := known.config(from(f))
	if err != nil || c.Width <= 0 || c.Height <= 0 || c.Width > longestSide || c.Height > longestSide {
		return nil, cannot(err)
	}
	p := &picture{format: known, width: c.Width, height: c.Height, orientation: 1}
	if p.memory, err = p.read(f, c.ColorModel); err != nil {
		return nil, cannot(err)
	}
	if p.turned() {
		p.width, p.height = p.height, p.width
	}
	return p, nil
}

// from reads a file from its beginning.
func from(f io.ReaderAt) io.Reader { return io.NewSectionReader(f, 0, 1<<62) }

// decodeTime is how long an image may take. Decoders look for it when they read.
const decodeTime = 10 * time.Second

func (p *picture) decode(ctx context.Context, f io.ReaderAt) (img image.Image, err error) {
	ctx, cancel := context.WithTimeout(ctx, decodeTime)
	defer cancel()
	defer func() {
		if p := recover(); p != nil { // bytes of a stranger in somebody else's decoder
			err = fmt.Errorf("the decoder panicked: %v", p)
		}
	}()
	return p.format.decode(timed{ctx, from(f)})
}

// timed reads until ctx ends.
type timed struct {
	ctx context.Context //nolint:containedctx // what io.Reader has no place for
	io.Reader
}

func (t timed) Read(p []byte) (int, error) {
	if err := t.ctx.Err(); err != nil {
		return 0, err
	}
	return t.Reader.Read(p)
}

// turned tells whether width and height are exchanged when the image is looked at.
func (p *picture) turned() bool { return p.orientation >= 5 }

// orient turns and mirrors an image the way it is looked at. Source: EXIF 2.3, tag Orientation.
func (p *picture) orient(src *image.RGBA) *image.RGBA {
	if p.orientation == 1 {
		return src
	}
	w, h := src.Rect.Dx(), src.Rect.Dy()
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	if p.turned() {
		dst = image.NewRGBA(image.Rect(0, 0, h, w))
	}
	for y := range dst.Rect.Dy() {
		for x := range dst.Rect.Dx() {
			dst.SetRGBA(x, y, src.RGBAAt(p.source(x, y, w, h)))
		}
	}
	return dst
}

// source is the pixel of the stored image (w × h) that is seen at x, y.
func (p *picture) source(x, y, w, h int) (int, int) {
	switch p.orientation {
	case 2:
		return w - 1 - x, y
	case 3:
		return w - 1 - x, h - 1 - y
	case 4:
		return x, h - 1 - y
	case 5:
		return y, x
	case 6:
		return y, h - 1 - x
	case 7:
		return w - 1 - y, h - 1 - x
	case 8:
		return w - 1 - y, x
	}
	return x, y
}
