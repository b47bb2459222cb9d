package media

import (
	"image"
	"image/draw"
)

// shrink makes the part r of src smaller, to w × h pixels, at most its own size. Each pixel becomes the mean of the area that it covers, in
// integers: pixels of the source count w and h units wide and high, pixels of the result as many as r is. Where r has more than src
// (the first image of a GIF may be smaller than its canvas), it is transparent.
func shrink(src image.Image, r image.Rectangle, w, h int) *image.RGBA {
	s := shrinker{src: src, r: r, line: image.NewRGBA(image.Rect(0, 0, r.Dx(), 1)), sums: make([]uint32, 4*w), at: -1}
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	total := make([]uint64, 4*w)
	area := uint64(r.Dx()) * uint64(r.Dy())
	for y := range h {
		clear(total)
		top, bottom := y*r.Dy(), (y+1)*r.Dy()
		for line := top / h; line*h < bottom; line++ {
			weight := uint64(min(bottom, (line+1)*h) - max(top, line*h))
			for i, v := range s.sumsOf(line) {
				total[i] += weight * uint64(v)
			}
		}
		for i, v := range total {
			dst.Pix[y*dst.Stride+i] = uint8((v + area/2) / area)
		}
	}
	return dst
}

// shrinker makes lines of the source shorter. It holds one line only, however large the image is.
type shrinker struct {
	src  image.Image
	r    image.Rectangle
	line *image.RGBA // premultiplied, so that transparent pixels have no colour to give
	sums []uint32    // per channel of the shortened line
	at   int         // the line that sums is of
}

func (s *shrinker) sumsOf(line int) []uint32 {
	if line == s.at {
		return s.sums
	}
	s.at = line
	clear(s.line.Pix)
	draw.Draw(s.line, s.line.Rect, s.src, s.r.Min.Add(image.Pt(0, line)), draw.Src)
	from, w := s.r.Dx(), len(s.sums)/4
	for x := range w {
		left, right := x*from, (x+1)*from
		var c [4]uint32
		for i := left / w; i*w < right; i++ {
			weight := uint32(min(right, (i+1)*w) - max(left, i*w))
			p := s.line.Pix[4*i : 4*i+4 : 4*i+4]
			c[0] += weight * uint32(p[0])
			c[1] += weight * uint32(p[1])
			c[2] += weight * uint32(p[2])
			c[3] += weight * uint32(p[3])
		}
		copy(s.sums[4*x:], c[:])
	}
	return s.sums
}
