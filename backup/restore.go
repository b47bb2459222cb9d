package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"
	"github.com/rs/zerolog"

	"beffroi/backup/archive"
	"beffroi/backup/snapshot"
	"beffroi/server/store"
)

// Restoring says what is restored, and where to.
type Restoring struct {
	From     string // the archive
	Identity string // a file with the age identity that opens it
	DataDir  string // does not exist, or is empty
	Now      time.Time
}

// Restore makes a server of an archive. Everything is read and checked in a folder beside the data folder, which only then gets its
// name; where anything is wrong the data folder is left as it was.
func Restore(ctx context.Context, q Restoring) (m archive.Manifest, err error) {
	keys, err := identities(q.Identity)
	if err != nil {
		return m, err
	}
	from, err := os.Open(q.From)
	if err != nil {
		return m, fmt.Errorf("la sauvegarde ne peut pas être lue : %w", err)
	}
	defer from.Close()
	plain, err := age.Decrypt(readerOf(ctx, from), keys...)
	if err != nil {
		return m, inWords(q.From, opening(q, err))
	}
	target, err := newTarget(q.DataDir)
	if err != nil {
		return m, err
	}
	defer target.discard()
	stage := &staging{ctx: ctx, dir: target.temporary}
	defer stage.close()
	m, err = archive.Read(authentic{plain}, stage)
	if err != nil {
		return m, inWords(q.From, err)
	}
	if err := finish(ctx, target.temporary, m, q.Now); err != nil {
		return m, inWords(q.From, err)
	}
	return m, target.keep()
}

// opening tells why age does not open a file.
func opening(q Restoring, err error) error {
	var wrong *age.NoIdentityMatchError
	switch {
	case errors.As(err, &wrong):
		return fmt.Errorf("la clé de %s n'ouvre pas cette sauvegarde ; prenez la fiche de récupération qui va avec elle", q.Identity)
	case isPathError(err):
		return err
	}
	return fmt.Errorf("%w: %w", archive.ErrForeign, err)
}

// authentic gives what age opened. What age finds wrong with it is damage.
type authentic struct{ io.Reader }

func (a authentic) Read(b []byte) (int, error) {
	n, err := a.Reader.Read(b)
	if err != nil && !errors.Is(err, io.EOF) && !isPathError(err) && !errors.Is(err, context.Canceled) {
		err = fmt.Errorf("%w: %w", archive.ErrDamaged, err)
	}
	return n, err
}

func isPathError(err error) bool {
	var path *os.PathError
	return errors.As(err, &path)
}

// inWords turns what was found wrong with an archive into a sentence.
func inWords(path string, err error) error {
	var newer *archive.NewerError
	var schema *snapshot.SchemaError
	switch {
	case errors.As(err, &newer):
		return fmt.Errorf("%s : cette sauvegarde vient d'une version plus récente de Beffroi ; installez d'abord cette version. Rien n'a été changé (%w)", path, err)
	case errors.Is(err, archive.ErrForeign):
		return fmt.Errorf("%s : ce fichier n'est pas une sauvegarde de Beffroi, ou son début est abîmé. Rien n'a été changé (%w)", path, err)
	case errors.Is(err, archive.ErrDamaged), errors.As(err, &schema), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%s : cette sauvegarde est abîmée ou a été modifiée ; prenez-en une autre. Rien n'a été changé (%w)", path, err)
	}
	return fmt.Errorf("%s : la restauration n'a pas abouti. Rien n'a été changé : %w", path, err)
}

// finish checks what was staged against the manifest, as the server will read it, and takes the steps of RESTORE.md.
func finish(ctx context.Context, dir string, m archive.Manifest, now time.Time) error {
	path := filepath.Join(dir, store.FileName)
	if err := compare(ctx, path, m); err != nil {
		return err
	}
	db, err := store.Open(ctx, path, zerolog.Nop()) // brings an older schema up to date
	if err != nil {
		return err
	}
	err = db.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.AfterRestore(now)
		return err
	})
	return errors.Join(err, db.Close(), syncTree(dir))
}

// compare reads the staged database as a backup does: every table must have the manifest's hash.
func compare(ctx context.Context, path string, m archive.Manifest) (err error) {
	s, err := snapshot.Open(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	about, err := s.About(ctx)
	if err != nil {
		return err
	}
	if about.ServerName != m.ServerName || about.Schema != m.Schema || about.KeyID != m.Key.ID || !m.Key.Of(about.Key) {
		return fmt.Errorf("%w: it is signed by another server than the one that it holds", archive.ErrDamaged)
	}
	if len(s.Tables()) != len(m.Tables) {
		return fmt.Errorf("%w: %d tables of %d", archive.ErrDamaged, len(m.Tables), len(s.Tables()))
	}
	for i, t := range s.Tables() {
		d := archive.NewDigest(t.Name, t.Columns)
		if err := s.Rows(ctx, t, d.Row); err != nil {
			return err
		}
		if !d.Table().Equal(m.Tables[i]) {
			return fmt.Errorf("%w: table %s", archive.ErrDamaged, t.Name)
		}
	}
	return nil
}
