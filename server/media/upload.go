package media

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"os"
	"unicode/utf8"

	"beffroi/server/merr"
	"beffroi/server/store"
)

const (
	unknownType   = "application/octet-stream"
	maxTypeLength = 255 // bytes
	maxNameLength = 255
)

// Upload is what a client says of what it uploads.
type Upload struct {
	Uploader    store.Atom
	ContentType string // "" or malformed: application/octet-stream
	FileName    string // "": none
}

// Upload stores a body and gives its mxc:// URI. What is stored survives a power cut: the bytes are durable before they are
// known. 413 M_TOO_LARGE beyond MaxUpload.
func (s *Service) Upload(ctx context.Context, u Upload, body io.Reader) (uri string, err error) {
	m, err := s.describe(u)
	if err != nil {
		return "", err
	}
	if m.ID, err = s.newID(); err != nil {
		return "", err
	}
	return s.uri(m.ID), s.take(ctx, m, body, func(*store.Tx) error { return nil })
}

// describe is what will be known of an upload besides its bytes.
func (s *Service) describe(u Upload) (store.Media, error) {
	if len(u.FileName) > maxNameLength || !utf8.ValidString(u.FileName) {
		return store.Media{}, merr.InvalidParam("The file name is longer than %d bytes, or not UTF-8", maxNameLength)
	}
	return store.Media{ContentType: contentType(u.ContentType), FileName: u.FileName, Uploader: u.Uploader, Created: store.Millis(s.now())}, nil
}

// take receives a body and makes it known, unless with, in the same write, refuses.
func (s *Service) take(ctx context.Context, m store.Media, body io.Reader, with func(*store.Tx) error) error {
	f, err := s.receive(body, &m)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := s.keep(ctx, f, m, with); err != nil {
		return errors.Join(err, s.removeUnused(context.WithoutCancel(ctx), m))
	}
	return nil
}

// keep gives a received file its name for good, and then makes it known.
func (s *Service) keep(ctx context.Context, f *os.File, m store.Media, with func(*store.Tx) error) error {
	s.placing.RLock()
	defer s.placing.RUnlock()
	if err := place(f, s.path(m.SHA256)); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return s.db.Write(ctx, func(tx *store.Tx) error {
		if err := with(tx); err != nil {
			return err
		}
		return tx.InsertMedia(m)
	})
}

// newID makes a media id that can't be guessed: whoever knows it may have the media.
func (s *Service) newID() (string, error) {
	var b [18]byte
	if _, err := io.ReadFull(s.random, b[:]); err != nil {
		return "", fmt.Errorf("media id: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}

func contentType(given string) string {
	if _, _, err := mime.ParseMediaType(given); err != nil || len(given) > maxTypeLength {
		return unknownType
	}
	return given
}

// receive streams a body to a temporary file, synced, and notes its size and hash.
func (s *Service) receive(body io.Reader, m *store.Media) (*os.File, error) {
	f, err := os.CreateTemp(s.tmp(), "upload-")
	if err != nil {
		return nil, err
	}
	if err := s.stream(body, f, m); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return f, nil
}

func (s *Service) stream(body io.Reader, f *os.File, m *store.Media) (err error) {
	hash := sha256.New()
	if m.Size, err = io.Copy(io.MultiWriter(f, hash), io.LimitReader(body, s.max+1)); err != nil {
		return err
	}
	if m.Size > s.max {
		return s.tooLarge()
	}
	m.SHA256 = hash.Sum(nil)
	return f.Sync()
}

func (s *Service) tooLarge() error {
	return merr.TooLarge("The file is larger than %d bytes", s.max)
}

// Fits refuses a body whose announced size (-1: unknown) is too large, before it is sent: 413 M_TOO_LARGE.
func (s *Service) Fits(size int64) error {
	if size > s.max {
		return s.tooLarge()
	}
	return nil
}
