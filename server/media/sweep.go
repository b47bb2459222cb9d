package media

import (
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"beffroi/server/store"
)

// strayAge is how old a file without a row must be before it goes: an upload gets its row at once.
const strayAge = 24 * time.Hour

// sweep removes files that no row names, which a crash or a restored database left, a folder at a time.
func (s *Service) sweep(ctx context.Context) error {
	folders, err := filepath.Glob(filepath.Join(s.dir, "[0-9a-f][0-9a-f]"))
	for _, folder := range folders {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err = errors.Join(err, s.sweepFolder(ctx, folder))
	}
	return err
}

func (s *Service) sweepFolder(ctx context.Context, folder string) error {
	files, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	var stray [][]byte
	err = s.db.Read(ctx, func(r *store.Reader) error {
		for _, f := range files {
			sum, err := hex.DecodeString(filepath.Base(folder) + f.Name())
			if err != nil || len(sum) != 32 || !s.old(f) {
				continue // not ours
			}
			used, err := r.MediaUsed(sum)
			if err != nil {
				return err
			}
			if !used {
				stray = append(stray, sum)
			}
		}
		return nil
	})
	for _, sum := range stray {
		err = errors.Join(err, s.removeUnused(ctx, sum))
	}
	return err
}

func (s *Service) old(f fs.DirEntry) bool {
	info, err := f.Info()
	return err == nil && s.now().Sub(info.ModTime()) > strayAge
}
