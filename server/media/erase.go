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

// erasedPerWrite is how many files are forgotten in one write, so that nobody waits for a large erasure.
const erasedPerWrite = 50

// Erase removes all that a user uploaded: nobody finds it any more, and the bytes go where nobody else uploaded the same.
// Source: client-server API, "Account deactivation", erase.
func (s *Service) Erase(ctx context.Context, uploader store.Atom) error {
	if err := s.db.Write(ctx, func(tx *store.Tx) error { return tx.DeletePendingMediaOf(uploader) }); err != nil {
		return err
	}
	return s.deleteAll(ctx, func(r *store.Reader) ([]store.Media, error) { return r.MediaOf(uploader, erasedPerWrite) })
}

// Tidy removes what the server itself kept for a time that is over, and what a crash left between a file and its row. It is done at night.
func (s *Service) Tidy(ctx context.Context) error {
	now := store.Millis(s.now())
	err := s.deleteAll(ctx, func(r *store.Reader) ([]store.Media, error) { return r.ExpiredMedia(now, erasedPerWrite) })
	return errors.Join(err, s.sweep(ctx))
}

// deleteAll deletes uploads until next gives fewer than erasedPerWrite.
func (s *Service) deleteAll(ctx context.Context, next func(*store.Reader) ([]store.Media, error)) error {
	for {
		n, err := s.drop(ctx, func(tx *store.Tx) (sums [][]byte, err error) {
			list, err := next(&tx.Reader)
			for _, m := range list {
				err = errors.Join(err, tx.DeleteMedia(m.ID))
				sums = append(sums, m.SHA256)
			}
			return sums, err
		})
		if err != nil || n < erasedPerWrite {
			return err
		}
	}
}

// drop forgets files in one write, and removes the bytes that are nobody's then. It tells how many were forgotten.
func (s *Service) drop(ctx context.Context, forget func(*store.Tx) (sums [][]byte, err error)) (n int, err error) {
	s.placing.Lock()
	defer s.placing.Unlock()
	var unused [][]byte
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		sums, err := forget(tx)
		n = len(sums)
		for _, sum := range sums {
			used, e := tx.MediaUsed(sum)
			if err = errors.Join(err, e); !used {
				unused = append(unused, sum)
			}
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	for _, sum := range unused {
		err = errors.Join(err, s.remove(sum))
	}
	return n, err
}

// removeUnused removes bytes that came and are nobody's upload.
func (s *Service) removeUnused(ctx context.Context, sum []byte) error {
	_, err := s.drop(ctx, func(*store.Tx) ([][]byte, error) { return [][]byte{sum}, nil })
	return err
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
