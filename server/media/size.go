package media

import "image"

// box is the size of a thumbnail that is kept, in pixels.
type box struct {
	w, h   int
	method string
}

// largest is the largest width and height that thumbnails are made for. Who asks for more gets the original.
const largest = 1600

// emblem is the largest width and height at which a PNG stays one: crests and icons are small then, and JPEG blurs their edges.
const emblem = 96

func (b box) small() bool { return b.w > 0 && b.w <= emblem && b.h <= emblem }

// offered is the size that is made for a request: at least as large, and one of few, so that not every pixel more makes a file.
// Spec: client-server API, "Thumbnails".
func offered(w, h int, method string) box {
	if w > largest || h > largest {
		return box{0, 0, method}
	}
	if method == Crop {
		return box{(w + 15) / 16 * 16, (h + 15) / 16 * 16, method}
	}
	for _, size := range []box{{32, 32, Scale}, {96, 96, Scale}, {320, 240, Scale}, {640, 480, Scale}, {800, 600, Scale}} {
		if w <= size.w && h <= size.h {
			return size
		}
	}
	return box{largest, largest, Scale}
}

// target says which part of an image, in its middle, becomes a thumbnail of which size.
type target struct {
	cutW, cutH int
	w, h       int
}

// fit finds the target for an image of w × h pixels: at least the box's size, the image's own where that would need upscaling.
func (b box) fit(w, h int) target {
	if b.w == 0 || w < b.w || h < b.h {
		return target{w, h, w, h}
	}
	if b.method == Crop {
		cutW, cutH := w, w*b.h/b.w
		if cutH > h {
			cutW, cutH = h*b.w/b.h, h
		}
		return target{cutW, cutH, b.w, b.h}
	}
	if w*b.h > h*b.w { // wider than the box: the height decides
		return target{w, h, (w*b.h + h - 1) / h, b.h}
	}
	return target{w, h, b.w, (h*b.w + w - 1) / w}
}

// whole tells whether the thumbnail of an image of w × h pixels is the image itself.
func (t target) whole(w, h int) bool { return t == target{w, h, w, h} }

// memory is what a thumbnail takes while it is made and turned, in bytes.
func (t target) memory() int64 { return 2 * 4 * int64(t.w) * int64(t.h) }

// cut makes the thumbnail of a decoded picture, as it is stored: turned by a quarter, its own width is the target's height.
func (t target) cut(src image.Image, p *picture) *image.RGBA {
	w, h := p.width, p.height
	if p.turned() {
		w, h, t = h, w, target{t.cutH, t.cutW, t.h, t.w}
	}
	x, y := (w-t.cutW)/2, (h-t.cutH)/2
	return shrink(src, image.Rect(x, y, x+t.cutW, y+t.cutH), t.w, t.h)
}
