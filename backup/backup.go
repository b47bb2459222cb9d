// Package backup writes a server's whole content into one encrypted file, while the server runs, and makes a server of such a file.
//
// The file: FORMAT.md. What a restore changes: RESTORE.md. Errors are sentences for people, in French.
package backup

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"beffroi/backup/archive"
	"beffroi/backup/snapshot"
	"beffroi/server/media"
	"beffroi/server/store"
)

// Request says what is backed up, and where to.
type Request struct {
	DataDir    string
	To         string   // a folder that exists
	Recipients []string // age1…; none: those that the database names
	Program    string   // the version of this program
	Now        time.Time
}

// Made is a backup that was written, read again and found whole.
type Made struct {
	Path     string
	Bytes    int64
	Manifest archive.Manifest
}

// Write writes an archive into q.To. It is complete and durable when Write returns without an error; otherwise there is no file.
func Write(ctx context.Context, q Request) (made Made, err error) {
	s, err := openSnapshot(ctx, q.DataDir)
	if err != nil {
		return made, err
	}
	w := &writing{q: q, snapshot: s}
	defer func() { err = errors.Join(err, w.closeSnapshot()) }()
	if w.about, err = s.About(ctx); err != nil {
		return made, fmt.Errorf("la base de données ne peut pas être lue : %w", err)
	}
	if w.about.Key == nil || w.about.ServerName == "" {
		return made, fmt.Errorf("%s : ce serveur n'est pas encore installé, il n'y a rien à sauvegarder", q.DataDir)
	}
	if w.recipients, err = recipients(q.Recipients, w.about.Recipients); err != nil {
		return made, err
	}
	out, err := newOutput(q.To, "beffroi-"+safeName(w.about.ServerName)+"-"+q.Now.UTC().Format("20060102T150405Z")+".age")
	if err != nil {
		return made, err
	}
	defer out.discard()
	if made.Manifest, err = w.write(ctx, out.File); err != nil {
		return made, fmt.Errorf("la sauvegarde n'a pas pu être écrite dans %s : %w", q.To, err)
	}
	if err := w.check(ctx, out.File, made.Manifest); err != nil {
		return made, fmt.Errorf("la sauvegarde, relue, n'est pas bonne et a été effacée : %w", err)
	}
	made.Path, made.Bytes, err = out.keep()
	return made, err
}

func openSnapshot(ctx context.Context, dataDir string) (*snapshot.Snapshot, error) {
	path := filepath.Join(dataDir, store.FileName)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("%s : il n'y a pas de serveur Beffroi dans ce dossier : %w", dataDir, err)
	}
	s, err := snapshot.Open(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("%s : la base de données ne peut pas être lue : %w", path, err)
	}
	return s, nil
}

// safeName is a server name as a part of a file's name, on every file system.
func safeName(serverName string) string {
	return strings.Map(func(c rune) rune {
		if c == ':' || c == '[' || c == ']' {
			return '_'
		}
		return c
	}, serverName)
}

// writing is the work of one Write.
type writing struct {
	q          Request
	snapshot   *snapshot.Snapshot // nil once it was closed
	about      snapshot.About
	recipients []age.Recipient
	fileKey    []byte // of the age file: what was written is read again with it
}

func (w *writing) closeSnapshot() (err error) {
	if w.snapshot != nil {
		err = w.snapshot.Close()
		w.snapshot = nil
	}
	return err
}

func (w *writing) write(ctx context.Context, f *os.File) (archive.Manifest, error) {
	for i, r := range w.recipients {
		w.recipients[i] = &remembering{r, &w.fileKey}
	}
	encrypted, err := age.Encrypt(f, w.recipients...)
	if err != nil {
		return archive.Manifest{}, err
	}
	out, err := archive.NewWriter(encrypted, archive.Header{Schema: w.about.Schema, ServerName: w.about.ServerName,
		Created: store.Millis(w.q.Now), Program: w.q.Program})
	if err != nil {
		return archive.Manifest{}, err
	}
	if err := w.content(ctx, out); err != nil {
		return archive.Manifest{}, err
	}
	m, err := out.Close(w.about.KeyID, w.about.Key)
	if err != nil {
		return m, err
	}
	return m, errors.Join(encrypted.Close(), f.Sync())
}

// content writes the tables from the snapshot, ends it, and writes the media, which don't change.
func (w *writing) content(ctx context.Context, out *archive.Writer) error {
	for _, t := range w.snapshot.Tables() {
		if err := out.Table(t.Name, t.Columns); err != nil {
			return err
		}
		if err := w.snapshot.Rows(ctx, t, out.Row); err != nil {
			return err
		}
	}
	files, err := w.snapshot.Contents(ctx)
	if err != nil {
		return err
	}
	if err := w.closeSnapshot(); err != nil {
		return err
	}
	for _, f := range files {
		if err := w.file(ctx, out, f); err != nil {
			return err
		}
	}
	return nil
}

// file adds a file of the content repository. One that is not what its name says is counted as missing: it must not take all others with it.
func (w *writing) file(ctx context.Context, out *archive.Writer, c snapshot.Content) error {
	f, err := os.Open(filepath.Join(w.q.DataDir, media.Folder, media.Name(c.Sum[:])))
	if errors.Is(err, fs.ErrNotExist) {
		out.Missing()
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	sum, size, err := hashOf(readerOf(ctx, f))
	if err != nil {
		return err
	}
	if sum != c.Sum || size != c.Size {
		out.Missing()
		return nil
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return out.File(c.Sum, c.Size, readerOf(ctx, f))
}

func hashOf(r io.Reader) (archive.Sum, int64, error) {
	hash := sha256.New()
	n, err := io.Copy(hash, r)
	return archive.Sum(hash.Sum(nil)), n, err
}

// check reads what was written, decrypts it and compares it with its manifest.
func (w *writing) check(ctx context.Context, f *os.File, m archive.Manifest) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	plain, err := age.Decrypt(readerOf(ctx, f), age.NewInjectedFileKeyIdentity(w.fileKey))
	if err != nil {
		return err
	}
	again, err := archive.Read(plain, ignoring{})
	if err == nil && again.Media != m.Media {
		err = archive.ErrDamaged
	}
	return err
}

// ignoring takes an archive that is only checked.
type ignoring struct{}

func (ignoring) Begin(archive.Header) error                     { return nil }
func (ignoring) Table(string, []string) error                   { return nil }
func (ignoring) Row([]any) error                                { return nil }
func (ignoring) File(_ archive.Sum, _ int64, _ io.Reader) error { return nil }
func (ignoring) End(archive.Manifest) error                     { return nil }

// readerOf is r until ctx ends.
func readerOf(ctx context.Context, r io.Reader) io.Reader { return &cancelled{ctx, r} }

type cancelled struct {
	ctx context.Context
	r   io.Reader
}

func (c *cancelled) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}
