package media

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"beffroi/server/merr"
)

// imageMemory bounds what decoded images take, in bytes. An image is counted with half of it at least, so that no more than two are
// made smaller at a time.
const imageMemory = 192 << 20

const jpegQuality = 80

// Methods of thumbnailing. Spec: client-server API, "Thumbnails".
const (
	Scale = "scale" // keeps the aspect ratio
	Crop  = "crop"  // has the aspect ratio that was asked for
)

// Thumbnail gives an image that is at least width × height pixels large, where the original is: a JPEG, PNG, GIF or WebP made smaller (as JPEG, or
// as PNG where it may be transparent, and where an emblem that was a PNG is made small), never animated, or the original. 400 M_UNKNOWN for what can't be made smaller,
// 413 M_TOO_LARGE for images that would take too much memory; waiting as Open does.
func (s *Service) Thumbnail(ctx context.Context, w Wanted, width, height int, method string) (*File, error) {
	if width <= 0 || height <= 0 || method != Scale && method != Crop {
		return nil, merr.InvalidParam("width and height are positive, method is scale or crop")
	}
	m, err := s.find(ctx, w)
	if err != nil {
		return nil, err
	}
	size := offered(width, height, method)
	path := s.thumbnailPath(m.SHA256, size)
	if f, err := openThumbnail(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	f, err := s.open(m)
	if err != nil {
		return nil, err
	}
	original, err := s.makeThumbnail(ctx, f.File, size, path)
	if err == nil && original != nil {
		f.ContentType, f.Name = original.contentType, "thumbnail."+original.extension
		return f, nil
	}
	f.Close()
	if err != nil {
		return nil, err
	}
	return openThumbnail(path)
}

func (s *Service) thumbnailPath(sum []byte, size box) string {
	name := fmt.Sprintf("%x", sum)
	return filepath.Join(s.dir, "thumbnails", name[:2], fmt.Sprintf("%s-%dx%d-%s", name[2:], size.w, size.h, size.method))
}

// openThumbnail opens a thumbnail made before. Its first bytes say what it is.
func openThumbnail(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	format, err := sniff(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	dir, name := filepath.Split(path)
	etag := fmt.Sprintf(`"%s%s"`, filepath.Base(dir), name)
	return &File{File: f, ContentType: format.contentType, Name: "thumbnail." + format.extension, ETag: etag}, nil
}

// makeThumbnail makes an image smaller and stores it at path. Where the image is to be served as it is, it gives its format instead.
func (s *Service) makeThumbnail(ctx context.Context, f *os.File, size box, path string) (original *format, err error) {
	pic, err := inspect(f)
	if err != nil {
		return nil, err
	}
	target := size.fit(pic.width, pic.height)
	if target.whole(pic.width, pic.height) && pic.still {
		return &pic.format, nil
	}
	weight := max(pic.memory+target.memory(), imageMemory/2)
	if weight > imageMemory {
		return nil, merr.TooLarge("The image is too large to be made smaller")
	}
	if err := s.images.Acquire(ctx, weight); err != nil {
		return nil, err
	}
	defer s.images.Release(weight)
	if _, err := os.Stat(path); err == nil {
		return nil, nil // somebody else made it while we waited
	}
	src, err := pic.decode(ctx, f)
	if err != nil {
		return nil, cannot(err)
	}
	return nil, s.storeThumbnail(pic.orient(target.cut(src, pic)), pic.extension == "png" && size.small(), path)
}

// storeThumbnail stores it in the format in which it looks best for its bytes.
func (s *Service) storeThumbnail(img *image.RGBA, lossless bool, path string) (err error) {
	f, err := os.CreateTemp(s.tmp(), "thumbnail-")
	if err != nil {
		return err
	}
	defer func() {
		if f.Close(); err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err = encode(f, img, lossless); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	return place(f, path)
}

func encode(w io.Writer, img *image.RGBA, lossless bool) error {
	if img.Opaque() && !lossless {
		return jpeg.Encode(w, img, &jpeg.Options{Quality: jpegQuality})
	}
	return png.Encode(w, img)
}

func cannot(cause error) error {
	return merr.New(400, "M_UNKNOWN", "Cannot generate thumbnails for the requested content").Because(cause)
}
