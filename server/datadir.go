package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// openDataDir makes the folder where it is missing, readable by its owner only, and takes the lock that keeps a second
// process out. The lock is the open file's: it ends with the process, however that ends.
func openDataDir(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data_dir = %q : impossible de créer ce dossier : %w", dir, err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data_dir = %q : ce dossier n'est pas utilisable : %w", dir, err)
	}
	if err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
		return lock, nil
	}
	_ = lock.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("data_dir = %q : un autre Beffroi utilise déjà ce dossier", dir)
	}
	return nil, fmt.Errorf("data_dir = %q : ce dossier ne peut pas être verrouillé : %w", dir, err)
}
