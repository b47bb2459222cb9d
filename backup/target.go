package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// target is a data folder that comes into being at once.
type target struct {
	path, temporary string
	kept            bool
}

// newTarget refuses a folder that is not empty, and makes a temporary one beside it.
func newTarget(path string) (*target, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s : ce dossier ne peut pas être utilisé : %w", path, err)
	}
	if len(entries) > 0 {
		return nil, fmt.Errorf("%s : ce dossier n'est pas vide ; une sauvegarde se restaure seulement dans un dossier vide, rien n'a été changé", path)
	}
	temporary, err := os.MkdirTemp(filepath.Dir(path), "."+filepath.Base(path)+".restauration-")
	if err != nil {
		return nil, fmt.Errorf("%s : impossible de préparer la restauration à côté de ce dossier : %w", path, err)
	}
	return &target{path: path, temporary: temporary}, nil
}

// keep gives the temporary folder its name. An empty folder that stood there is replaced; its owner and mode stay.
func (t *target) keep() error {
	if err := t.inherit(); err != nil {
		return fmt.Errorf("%s : le propriétaire de ce dossier ne peut pas être repris : %w", t.path, err)
	}
	if err := syscall.Rename(t.temporary, t.path); err != nil { // os.Rename does not replace a folder, be it empty
		return fmt.Errorf("%s : le dossier restauré n'a pas pu être mis en place : %w", t.path, err)
	}
	t.kept = true
	return syncDir(filepath.Dir(t.path))
}

// inherit gives everything to the owner of the folder that is replaced: root restores for the service's user.
func (t *target) inherit() error {
	info, err := os.Stat(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.Chmod(t.temporary, info.Mode().Perm()); err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return filepath.WalkDir(t.temporary, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(owner.Uid), int(owner.Gid))
	})
}

func (t *target) discard() {
	if !t.kept {
		_ = os.RemoveAll(t.temporary) // an error is under way that says more
	}
}

// syncTree makes a folder with all that is in it durable.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return syncDir(path) // a file as well as a folder
	})
}
