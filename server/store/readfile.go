package store

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// ReadFile runs fn on a snapshot of a database that a server may be using: by a connection of its own that can't write. The file must be ours
// and of this program's version.
func ReadFile(ctx context.Context, path string, fn func(r *Reader) error) (err error) {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	c, err := openConn(ctx, dsn(path, "ro", "busy_timeout(10000)", "query_only(1)", cacheSize(checkpointCache), "temp_store(2)"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	r := &Reader{ctx: ctx, conn: c, atoms: newAtomCache()}
	if err := r.ours(path); err != nil {
		return err
	}
	if _, err := c.exec(ctx, "BEGIN"); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	err = fn(r)
	_, end := c.exec(context.WithoutCancel(ctx), "ROLLBACK")
	return errors.Join(err, end)
}

// ours refuses a file of somebody else, or of another version.
func (r *Reader) ours(path string) error {
	var id, version int
	if _, err := r.row(`PRAGMA application_id`, nil, &id); err != nil {
		return err
	}
	if id != applicationID {
		return &RefusedError{path, "it is no database of Beffroi"}
	}
	if _, err := r.row(`SELECT version FROM version`, nil, &version); err != nil {
		return err
	}
	if version != SchemaVersion() {
		return &RefusedError{path, fmt.Sprintf("it is of version %d, this program is of version %d", version, SchemaVersion())}
	}
	return nil
}
