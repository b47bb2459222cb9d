package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// output is a file that has its name only once it is complete.
type output struct {
	*os.File
	path string
	kept bool
}

// newOutput begins a file in a folder, under a temporary name.
func newOutput(dir, name string) (*output, error) {
	path := filepath.Join(dir, name)
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("%s existe déjà ; rien n'a été écrit", path)
	}
	f, err := os.CreateTemp(dir, "."+name+".*.partiel") // 0600
	if err != nil {
		return nil, fmt.Errorf("%s : la sauvegarde ne peut pas être écrite dans ce dossier : %w", dir, err)
	}
	return &output{File: f, path: path}, nil
}

// keep gives the file its name for good, unless there is one of this name.
func (o *output) keep() (path string, size int64, err error) {
	info, err := o.Stat()
	if err != nil {
		return "", 0, err
	}
	if err := o.name(); err != nil {
		return "", 0, err
	}
	o.kept = true
	return o.path, info.Size(), errors.Join(o.Close(), syncDir(filepath.Dir(o.path)))
}

func (o *output) name() error {
	err := os.Link(o.Name(), o.path) // never replaces what is there
	if err == nil {
		return os.Remove(o.Name())
	}
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s existe déjà ; il n'a pas été remplacé", o.path)
	}
	if _, err := os.Lstat(o.path); err == nil { // on a file system without links, as USB disks often have
		return fmt.Errorf("%s existe déjà ; il n'a pas été remplacé", o.path)
	}
	return os.Rename(o.Name(), o.path)
}

// discard removes what was not kept.
func (o *output) discard() {
	if !o.kept {
		_ = o.Close()
		_ = os.Remove(o.Name()) // what can't be removed can't be told either: an error is under way
	}
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
