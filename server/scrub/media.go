package scrub

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"beffroi/server/media"
	"beffroi/server/store"
)

// uploads reads the files of the piece of media that was just read.
func (s *scrub) uploads(ctx context.Context) error {
	list := s.media
	s.media = nil
	for _, u := range list {
		if err := s.upload(ctx, u); err != nil {
			return err
		}
	}
	return nil
}

func (s *scrub) upload(ctx context.Context, u store.Media) error {
	f := Finding{Table: "media", What: u.FileName, Day: day(u.Created), Count: 1, Bytes: u.Size}
	sum, size, err := s.hash(ctx, filepath.Join(s.DataDir, media.Folder, media.Name(u.SHA256)))
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, fs.ErrNotExist):
		f.Kind, f.Details = MediaMissing, []string{u.ID + ": no file " + media.Name(u.SHA256)}
	case err != nil:
		f.Kind, f.Details = MediaAltered, []string{u.ID + ": " + err.Error()}
	case size != u.Size || !bytes.Equal(sum, u.SHA256):
		f.Kind, f.Details = MediaAltered, []string{fmt.Sprintf("%s: %d bytes of %d, SHA-256 %x", u.ID, size, u.Size, sum)}
	default:
		s.report.Files++
		s.report.Bytes += size
		return nil
	}
	// It may have been removed since its row was read.
	var there int64
	if err := s.r.one(ctx, `SELECT 1 FROM media WHERE media_id = ?`, []any{u.ID}, &there); err != nil && !damaged(err) || there == 0 {
		return err
	}
	s.found.add(f)
	return nil
}

// hash reads a file, in pieces.
func (s *scrub) hash(ctx context.Context, path string) (sum []byte, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	hash := sha256.New()
	for {
		start := time.Now()
		n, err := io.CopyN(hash, f, pieceBytes)
		size += n
		if errors.Is(err, io.EOF) {
			return hash.Sum(nil), size, s.r.pause(ctx, time.Since(start))
		}
		if err != nil {
			return nil, size, err
		}
		if err := s.r.pause(ctx, time.Since(start)); err != nil {
			return nil, size, err
		}
	}
}
