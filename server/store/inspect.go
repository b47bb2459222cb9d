package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// RefusedError says why a file is not opened. The file was not touched.
type RefusedError struct {
	Path   string
	Reason string
}

func (e *RefusedError) Error() string { return "refused to open " + e.Path + ": " + e.Reason }

const (
	headerSize     = 100
	quickCheckSize = 8 << 20 // files up to this size are checked whole at start, larger ones by the scrub
)

// inspect looks at an existing file, read-only, before anything may write to it.
// The header's layout: SQLite, "Database File Format", 1.3.
func inspect(ctx context.Context, path string) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() == 0 {
		return nil // made by us and cut off before its first page
	}
	wal := hasWAL(path)
	if reason := inspectHeader(f, info.Size(), wal); reason != "" {
		return &RefusedError{path, reason}
	}
	return inspectContent(ctx, path, info.Size(), wal)
}

// hasWAL tells whether committed pages may stand outside the file: then its size says nothing.
func hasWAL(path string) bool {
	info, err := os.Stat(path + "-wal")
	return err == nil && info.Size() > 0
}

func inspectHeader(f io.Reader, size int64, wal bool) (reason string) {
	h := make([]byte, headerSize)
	if _, err := io.ReadFull(f, h); err != nil || string(h[:16]) != "SQLite format 3\x00" {
		return "it is not a SQLite database, or its beginning is damaged"
	}
	if id := binary.BigEndian.Uint32(h[68:]); id != applicationID {
		return fmt.Sprintf("it is a database of another program (application id %#x)", id)
	}
	if wal {
		return "" // SQLite judges both files together
	}
	page := int64(binary.BigEndian.Uint16(h[16:]))
	if page == 1 {
		page = 65536
	}
	if page < 512 || page&(page-1) != 0 || size%page != 0 {
		return "its size is not a whole number of pages: it is damaged or was cut off"
	}
	if pages := int64(binary.BigEndian.Uint32(h[28:])); pages*page > size {
		return fmt.Sprintf("it was cut off: %d pages are named, %d are there", pages, size/page)
	}
	return ""
}

// inspectContent reads the schema version and, in a small file, every page.
func inspectContent(ctx context.Context, path string, size int64, wal bool) error {
	uri := dsn(path, "ro", "busy_timeout(10000)", "query_only(1)")
	if !wal {
		uri += "&immutable=1" // the file is all there is: SQLite makes no files beside it
	}
	c, err := openConn(ctx, uri)
	if err != nil {
		return &RefusedError{path, "it can't be read: " + err.Error()}
	}
	defer c.close()
	var compat sql.NullInt64
	err = c.c.QueryRowContext(ctx, "SELECT max(compat) FROM version").Scan(&compat)
	if err != nil && !isNoTable(err) {
		return &RefusedError{path, "its schema can't be read: " + err.Error()}
	}
	if compat.Int64 > int64(len(upgrades())) {
		return &RefusedError{path, fmt.Sprintf("it was written by a newer version of Beffroi (schema %d, this one knows %d)",
			compat.Int64, len(upgrades()))}
	}
	if size > quickCheckSize {
		return nil
	}
	return quickCheck(ctx, path, c)
}

// quickCheck asks SQLite whether the file is whole. What the full-text index has to say of itself doesn't count: it is made anew.
func quickCheck(ctx context.Context, path string, c *conn) error {
	rows, err := c.c.QueryContext(ctx, "PRAGMA quick_check(10)")
	if err != nil {
		return &RefusedError{path, "it is damaged: " + err.Error()}
	}
	defer rows.Close()
	for rows.Next() {
		var verdict string
		if err := rows.Scan(&verdict); err != nil {
			return &RefusedError{path, "it is damaged: " + err.Error()}
		}
		if verdict != "ok" && !ofIndex(verdict) {
			return &RefusedError{path, "it is damaged: " + verdict}
		}
	}
	if err := rows.Err(); err != nil {
		return &RefusedError{path, "it is damaged: " + err.Error()}
	}
	return nil
}

// ofIndex tells whether a verdict is that of FTS5 on its own structure.
func ofIndex(verdict string) bool {
	for _, beginning := range []string{"fts5: ", "malformed inverted index for FTS5 table ", "unable to validate the inverted index for FTS5 table "} {
		if strings.HasPrefix(verdict, beginning) {
			return true
		}
	}
	return false
}
