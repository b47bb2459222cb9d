package media

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"beffroi/server/merr"
	"beffroi/server/store"
)

// Image is what is known of an image that the server stored for itself.
type Image struct {
	ID            string
	ContentType   string
	Size          int64 // bytes
	Width, Height int   // pixels, as it is looked at
}

// StoreImage stores a JPEG, PNG, GIF or WebP of most bytes at most for the server itself, until a time: 413 M_TOO_LARGE beyond, and where all of
// these are more than Limits.Remote; 400 M_UNKNOWN for anything else.
func (s *Service) StoreImage(ctx context.Context, body io.Reader, most int64, until time.Time) (Image, error) {
	if err := s.room(ctx, most); err != nil {
		return Image{}, err
	}
	f, err := s.receive(body, most)
	if errors.Is(err, errLong) {
		return Image{}, merr.TooLarge("The image is larger than %d bytes", most)
	}
	if err != nil {
		return Image{}, err
	}
	defer f.Close()
	p, err := inspect(f)
	if err != nil {
		return Image{}, errors.Join(err, os.Remove(f.Name()))
	}
	m := store.Media{ContentType: p.contentType, Size: f.size, SHA256: f.sum, Created: store.Millis(s.now()), Expires: store.Millis(until)}
	if m.ID, err = s.newID(); err != nil {
		return Image{}, errors.Join(err, os.Remove(f.Name()))
	}
	image := Image{ID: m.ID, ContentType: m.ContentType, Size: m.Size, Width: p.width, Height: p.height}
	return image, s.known(ctx, f, func(tx *store.Tx) error {
		if err := s.within(&tx.Reader, 0, m.Size); err != nil {
			return err
		}
		return tx.InsertMedia(m)
	})
}
