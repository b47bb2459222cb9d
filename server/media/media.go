// Package media is the content repository: uploads stored once per content under the name of their SHA-256, downloads, and
// thumbnails of images.
//
//	DATA/media/ab/cdef…            bytes whose SHA-256 in hexadecimal is abcdef…
//	DATA/media/thumbnails/ab/cdef…  what can be made again from them
//	DATA/media/tmp/                uploads under way; emptied at the start
//
// Spec: client-server API, "Content Repository".
package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"beffroi/server/merr"
	"beffroi/server/notify"
	"beffroi/server/store"

	"golang.org/x/sync/semaphore"
)

// Service keeps the media of one server.
type Service struct {
	db         *store.DB
	hub        *notify.Hub
	dir        string
	serverName string
	max        int64
	now        func() time.Time
	random     io.Reader
	placing    sync.RWMutex        // held for writing while bytes that nobody's upload names are removed
	images     *semaphore.Weighted // bytes of memory that images take while they are made smaller
}

// New opens the content repository in the data folder. max is the size in bytes of what may be uploaded.
func New(db *store.DB, hub *notify.Hub, dataDir, serverName string, max int64, now func() time.Time, random io.Reader) (*Service, error) {
	s := &Service{db: db, hub: hub, dir: filepath.Join(dataDir, Folder), serverName: serverName, max: max, now: now, random: random}
	s.images = semaphore.NewWeighted(imageMemory)
	if err := os.RemoveAll(s.tmp()); err != nil { // what a crash left there belongs to nobody
		return nil, fmt.Errorf("media: %w", err)
	}
	if err := os.MkdirAll(s.tmp(), 0o700); err != nil {
		return nil, fmt.Errorf("media: %w", err)
	}
	return s, errors.Join(syncDir(s.dir), syncDir(dataDir))
}

// MaxUpload is the size in bytes of what may be uploaded: m.upload.size.
func (s *Service) MaxUpload() int64 { return s.max }

func (s *Service) tmp() string { return filepath.Join(s.dir, "tmp") }

// A File is open content that a client may have. Who gets it closes it.
type File struct {
	*os.File
	ContentType string
	Name        string // "": none
	ETag        string // quoted; the content never changes
}

// Open finds media of any server that we have, and waits for what is not uploaded yet: 404 M_NOT_FOUND where there is none, 504 M_NOT_YET_UPLOADED where
// it does not come in time. Spec: client-server API, "Content Repository",
// "Security considerations".
func (s *Service) Open(ctx context.Context, serverName, mediaID string, within time.Duration) (*File, error) {
	m, err := s.await(ctx, serverName, mediaID, within)
	if err != nil {
		return nil, err
	}
	return s.open(m)
}

func (s *Service) open(m store.Media) (*File, error) {
	f, err := os.Open(s.path(m.SHA256))
	if err != nil {
		return nil, fmt.Errorf("media %s: %w", m.ID, err)
	}
	return &File{File: f, ContentType: m.ContentType, Name: m.FileName, ETag: fmt.Sprintf(`"%x"`, m.SHA256)}, nil
}

func notFound() error { return merr.NotFound("There is no such media here") }

// validID tells whether a media id has the specification's grammar.
func validID(id string) bool {
	const chars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
	other := func(c rune) bool { return !strings.ContainsRune(chars, c) }
	return id != "" && len(id) <= 255 && !strings.ContainsFunc(id, other)
}

// path is where the bytes with a SHA-256 stand.
func (s *Service) path(sum []byte) string { return filepath.Join(s.dir, Name(sum)) }

// Folder is the content repository's name in the data folder.
const Folder = "media"

// Name is where in Folder the bytes with a SHA-256 stand.
func Name(sum []byte) string {
	name := fmt.Sprintf("%x", sum)
	return filepath.Join(name[:2], name[2:])
}

// place moves a file that is written and synced to its name for good, and makes the name durable. A file of this name has the same bytes;
// it is replaced, which heals it should the disk have damaged it.
func place(f *os.File, path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	if err := syncDir(dir); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
