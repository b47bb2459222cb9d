package store

import (
	"context"
	"database/sql"
	"embed"
	"strings"

	"github.com/rs/zerolog"
	"go.mau.fi/util/dbutil"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// upgrades are the numbered migrations, in order. A released one never changes.
func upgrades() dbutil.UpgradeTable {
	return dbutil.BuildUpgradeTable().WithFSPath(migrationFiles, "migrations").Finish()
}

// migrate brings the schema up to date.
func migrate(ctx context.Context, pool *sql.DB, log zerolog.Logger) error {
	return migrateTo(ctx, pool, upgrades(), log)
}

// migrateTo runs those of the migrations that the database doesn't have yet, one transaction each.
func migrateTo(ctx context.Context, pool *sql.DB, table dbutil.UpgradeTable, log zerolog.Logger) error {
	// dbutil takes its own connection, while the writer's stands idle, and is closed with all it has cached.
	pool.SetMaxOpenConns(2)
	defer func() {
		pool.SetMaxOpenConns(1)
		pool.SetMaxIdleConns(0)
	}()
	db, err := dbutil.NewWithDB(pool, "sqlite")
	if err != nil {
		return err
	}
	db.Owner = "beffroi"
	db.UpgradeTable = table
	db.Log = dbutil.ZeroLogger(log)
	return db.Upgrade(ctx)
}

func isNoTable(err error) bool { return strings.Contains(err.Error(), "no such table") }
