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

	"github.com/rs/zerolog"
	"golang.org/x/sync/semaphore"
)

// Config is what a content repository is told when it is made.
type Config struct {
	DataDir    string
	ServerName string
	MaxUpload  int64  // bytes of one upload
	Remote     Remote // nil: nobody fetches the media of other servers
	Log        zerolog.Logger
}

// Service keeps the media of one server.
type Service struct {
	db         *store.DB
	hub        *notify.Hub
	dir        string
	serverName string
	max        int64
	now        func() time.Time
	random     io.Reader
	log        zerolog.Logger
	free       func(path string) (int64, error) // bytes that the disk has left
	intake     intake
	remote     fetcher
	placing    sync.RWMutex        // held for writing while bytes that nobody's upload names are removed
	images     *semaphore.Weighted // bytes of memory that images take while they are made smaller
}

// New opens the content repository in the data folder.
func New(db *store.DB, hub *notify.Hub, c Config, now func() time.Time, random io.Reader) (*Service, error) {
	s := &Service{db: db, hub: hub, dir: filepath.Join(c.DataDir, Folder), serverName: c.ServerName, max: c.MaxUpload, now: now, random: random,
		log: c.Log, free: freeBytes, remote: newFetcher(c.Remote), images: semaphore.NewWeighted(imageMemory)}
	if err := os.RemoveAll(s.tmp()); err != nil { // what a crash left there belongs to nobody
		return nil, fmt.Errorf("media: %w", err)
	}
	if err := os.MkdirAll(s.tmp(), 0o700); err != nil {
		return nil, fmt.Errorf("media: %w", err)
	}
	return s, errors.Join(syncDir(s.dir), syncDir(c.DataDir))
}

// Close ends what is fetched from other servers, and waits for it.
func (s *Service) Close() { s.remote.close() }

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

// Wanted names media of any server, and says how long it is waited for.
type Wanted struct {
	Server, ID string
	Within     time.Duration // timeout_ms
	NotRemote  bool          // allow_remote=false: nothing is fetched from another server
}

// Open finds media: 404 M_NOT_FOUND where there is none or nobody may have it. What is not uploaded or fetched yet is waited for: 504 M_NOT_YET_UPLOADED
// where it does not come in time, 502 M_TOO_LARGE where another server's is too large to be kept here.
//
// Spec: client-server API, "Content Repository", "Security considerations".
func (s *Service) Open(ctx context.Context, w Wanted) (*File, error) {
	m, err := s.find(ctx, w)
	if err != nil {
		return nil, err
	}
	return s.open(m)
}

// find finds media that may be had.
func (s *Service) find(ctx context.Context, w Wanted) (store.Media, error) {
	switch {
	case !validID(w.ID):
		return store.Media{}, notFound()
	case w.Server == s.serverName:
		return s.await(ctx, w.ID, w.Within)
	}
	return s.elsewhere(ctx, w)
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
