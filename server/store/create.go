package store

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/rs/zerolog"
)

// FileName is the database's name in the data folder.
const FileName = "beffroi.db"

// ApplicationID marks a database file as ours: PRAGMA application_id.
const ApplicationID = applicationID

// SchemaVersion is the version of the schema that this program uses, the highest that it can read.
func SchemaVersion() int { return len(upgrades()) }

// Create makes an empty database with the schema of an earlier version, or of this one, for a restore to fill. There must be no file at path.
func Create(ctx context.Context, path string, schema int) error {
	all := upgrades()
	if schema < 1 || schema > len(all) {
		return fmt.Errorf("schema %d is not known", schema)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return errors.Join(err, fmt.Errorf("%s exists already", path))
	}
	if err := create(ctx, path); err != nil {
		return err
	}
	conn, err := openWriterConn(ctx, path)
	if err != nil {
		return err
	}
	err = migrateTo(ctx, conn.pool, all[:schema:schema], zerolog.Nop())
	return errors.Join(err, conn.close())
}
