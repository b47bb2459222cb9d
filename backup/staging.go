package backup

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"beffroi/backup/archive"
	"beffroi/backup/snapshot"
	"beffroi/server/media"
	"beffroi/server/store"
)

// staging makes a data folder of an archive while it is read.
type staging struct {
	ctx    context.Context
	dir    string
	filler *snapshot.Filler
}

func (s *staging) Begin(h archive.Header) (err error) {
	if known := store.SchemaVersion(); h.Schema > known {
		return &archive.NewerError{What: "schema", Has: h.Schema, Known: known}
	}
	if h.Schema < 1 {
		return archive.ErrDamaged
	}
	s.filler, err = snapshot.Create(s.ctx, filepath.Join(s.dir, store.FileName), h.Schema)
	return err
}

func (s *staging) Table(name string, columns []string) error {
	return s.filler.Table(s.ctx, name, columns)
}

func (s *staging) Row(row []any) error { return s.filler.Row(s.ctx, row) }

// File writes a file under the name that its content must have; where it hasn't, the whole archive is refused.
func (s *staging) File(sum archive.Sum, _ int64, bytes io.Reader) error {
	path := filepath.Join(s.dir, media.Folder, media.Name(sum[:]))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return &snapshot.SchemaError{What: "a file twice"}
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(f, bytes)
	return errors.Join(err, f.Close())
}

func (s *staging) End(archive.Manifest) error {
	err := s.filler.Finish(s.ctx)
	err = errors.Join(err, s.filler.Close())
	s.filler = nil
	return err
}

// close ends what an error left open.
func (s *staging) close() {
	if s.filler != nil {
		_ = s.filler.Close() // the folder is removed
	}
}
