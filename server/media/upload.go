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
	Size        int64  // announced bytes; -1: unknown
}

// Upload stores a body and gives its mxc:// URI. What is stored survives a power cut: the bytes are durable before they are
// known. Refused, where the size is announced before a byte is read: 413 M_TOO_LARGE beyond MaxUpload, 403 M_FORBIDDEN beyond the account's quota, 429
// M_LIMIT_EXCEEDED where too many of the account's uploads are under way, 507 where the disk is nearly full.
//
// Spec: client-server API, "POST /_matrix/media/v3/upload".
func (s *Service) Upload(ctx context.Context, u Upload, body io.Reader) (uri string, err error) {
	m, err := s.describe(u)
	if err != nil {
		return "", err
	}
	if m.ID, err = s.newID(); err != nil {
		return "", err
	}
	return s.uri(m.ID), s.take(ctx, m, u.Size, body, func(*store.Tx) error { return nil })
}

// describe is what will be known of an upload besides its bytes.
func (s *Service) describe(u Upload) (store.Media, error) {
	if !validName(u.FileName) {
		return store.Media{}, merr.InvalidParam("The file name is longer than %d bytes, or not UTF-8", maxNameLength)
	}
	return store.Media{ContentType: contentType(u.ContentType), FileName: u.FileName, Uploader: u.Uploader, Created: store.Millis(s.now())}, nil
}

// take receives a body and makes it known, unless with, in the same write, refuses.
func (s *Service) take(ctx context.Context, m store.Media, size int64, body io.Reader, with func(*store.Tx) error) error {
	leave, err := s.admit(ctx, m.Uploader, size)
	if err != nil {
		return err
	}
	defer leave()
	f, err := s.receive(body, s.max)
	if errors.Is(err, errLong) {
		return s.tooLarge()
	}
	if err != nil {
		return err
	}
	defer f.Close()
	m.Size, m.SHA256 = f.size, f.sum
	return s.known(ctx, f, func(tx *store.Tx) error {
		if err := with(tx); err != nil {
			return err
		}
		if err := s.within(&tx.Reader, m.Uploader, m.Size); err != nil {
			return err
		}
		return tx.InsertMedia(m)
	})
}

// known gives a received file its name for good, and then makes it known by a write. Where that fails nothing stays.
func (s *Service) known(ctx context.Context, f *received, write func(*store.Tx) error) error {
	err := s.keep(ctx, f, write)
	if err != nil {
		return errors.Join(err, s.removeUnused(context.WithoutCancel(ctx), f.sum))
	}
	return nil
}

func (s *Service) keep(ctx context.Context, f *received, write func(*store.Tx) error) error {
	s.placing.RLock()
	defer s.placing.RUnlock()
	if err := place(f.File, s.path(f.sum)); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return s.db.Write(ctx, write)
}

// newID makes a media id that can't be guessed: whoever knows it may have the media.
func (s *Service) newID() (string, error) {
	var b [18]byte
	if _, err := io.ReadFull(s.random, b[:]); err != nil {
		return "", fmt.Errorf("media id: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}

func validName(name string) bool { return len(name) <= maxNameLength && utf8.ValidString(name) }

func contentType(given string) string {
	if _, _, err := mime.ParseMediaType(given); err != nil || len(given) > maxTypeLength {
		return unknownType
	}
	return given
}

// received is a file that came whole and is synced, but is nobody's yet.
type received struct {
	*os.File
	size int64
	sum  []byte // SHA-256
}

// errLong is that a body is longer than it may be.
var errLong = errors.New("the body is too long")

// receive streams a body of most bytes at most to a temporary file. Where it fails, the file is gone.
func (s *Service) receive(body io.Reader, most int64) (*received, error) {
	f, err := os.CreateTemp(s.tmp(), "upload-")
	if err != nil {
		return nil, err
	}
	r := &received{File: f}
	if err := r.stream(body, most); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return r, nil
}

func (r *received) stream(body io.Reader, most int64) (err error) {
	hash := sha256.New()
	if r.size, err = io.Copy(io.MultiWriter(r.File, hash), io.LimitReader(body, most+1)); err != nil {
		return err
	}
	if r.size > most {
		return errLong
	}
	r.sum = hash.Sum(nil)
	return r.Sync()
}

func (s *Service) tooLarge() error {
	return merr.TooLarge("The file is larger than %d bytes", s.max)
}
