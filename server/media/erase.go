package media

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"beffroi/server/store"
)

// erasedPerWrite is how many uploads are forgotten in one write, so that nobody waits for a large erasure.
const erasedPerWrite = 50

// Erase removes all that a user uploaded: nobody finds it any more, and the bytes go where nobody else uploaded the same.
// Source: client-server API, "Account deactivation", erase.
func (s *Service) Erase(ctx context.Context, uploader store.Atom) error {
	if err := s.db.Write(ctx, func(tx *store.Tx) error { return tx.DeletePendingMediaOf(uploader) }); err != nil {
		return err
	}
	for {
		n, err := s.erasePart(ctx, uploader)
		if err != nil || n < erasedPerWrite {
			return err
		}
	}
}

func (s *Service) erasePart(ctx context.Context, uploader store.Atom) (int, error) {
	s.placing.Lock()
	defer s.placing.Unlock()
	var part, unused []store.Media
	err := s.db.Write(ctx, func(tx *store.Tx) (err error) {
		if part, err = tx.MediaOf(uploader, erasedPerWrite); err != nil {
			return err
		}
		unused, err = forget(tx, part)
		return err
	})
	for _, m := range unused {
		if err == nil {
			err = s.remove(m.SHA256)
		}
	}
	return len(part), err
}

// forget deletes uploads and gives those whose bytes are nobody's now.
func forget(tx *store.Tx, uploads []store.Media) (unused []store.Media, err error) {
	for _, m := range uploads {
		if err := tx.DeleteMedia(m.ID); err != nil {
			return nil, err
		}
	}
	for _, m := range uploads {
		used, err := tx.MediaUsed(m.SHA256)
		if err != nil {
			return nil, err
		}
		if !used {
			unused = append(unused, m)
		}
	}
	return unused, nil
}

// removeUnused removes bytes that came and are nobody's upload.
func (s *Service) removeUnused(ctx context.Context, m store.Media) error {
	s.placing.Lock()
	defer s.placing.Unlock()
	used, err := store.Get(ctx, s.db, func(r *store.Reader) (bool, error) { return r.MediaUsed(m.SHA256) })
	if err != nil || used {
		return err
	}
	return s.remove(m.SHA256)
}

// remove removes bytes and the thumbnails made from them.
func (s *Service) remove(sum []byte) error {
	name := fmt.Sprintf("%x", sum)
	files, err := filepath.Glob(filepath.Join(s.dir, "thumbnails", name[:2], name[2:]+"-*"))
	for _, f := range append(files, s.path(sum)) {
		if e := os.Remove(f); !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}
