package store

import (
	"database/sql"
	"fmt"
)

const (
	mediaColumns = `media_id, sha256, size, content_type, file_name, uploader, created, coalesce(expires, 0)`

	insertMedia = `INSERT INTO media (media_id, sha256, size, content_type, file_name, uploader, created, expires, sum) VALUES (?, ?, ?, ?, ?, ?, ?, nullif(?, 0), ?)`
	mediaByID   = `SELECT ` + mediaColumns + ` FROM media WHERE media_id = ?`
	mediaOf     = `SELECT ` + mediaColumns + ` FROM media WHERE uploader = ? ORDER BY created DESC, media_id LIMIT ? OFFSET ?`
	usageOf     = `SELECT count(*), coalesce(sum(size), 0) FROM media WHERE uploader = ?`
	mediaBefore = `SELECT ` + mediaColumns + ` FROM media WHERE uploader <> 0 AND created < ? AND size > ? LIMIT ?`
	expired     = `SELECT ` + mediaColumns + ` FROM media WHERE expires <= ? LIMIT ?`
	mediaUsed   = `SELECT 1 FROM media WHERE sha256 = ?1 UNION ALL SELECT 1 FROM remote_media WHERE sha256 = ?1 LIMIT 1`
	deleteMedia = `DELETE FROM media WHERE media_id = ?`

	quarantine   = `INSERT INTO media_quarantine (sha256, by, since) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
	unquarantine = `DELETE FROM media_quarantine WHERE sha256 = ?`
	quarantined  = `SELECT by FROM media_quarantine WHERE sha256 = ?`
)

// Media is what is known of uploaded bytes. The same bytes may have been uploaded many times.
type Media struct {
	ID          string
	SHA256      []byte // 32 bytes
	Size        int64  // bytes
	ContentType string
	FileName    string // "": none was given
	Uploader    Atom   // 0: the server itself
	Created     int64  // milliseconds
	Expires     int64  // milliseconds; 0: never
}

// Sum is the checksum of what is stored of an upload: SHA-256 proves its bytes, nothing what they are called.
func (m Media) Sum() int64 {
	return Sum(fmt.Appendf(nil, "%s %x %d %q %q", m.ID, m.SHA256, m.Size, m.ContentType, m.FileName))
}

func (m *Media) fields() []any {
	return []any{&m.ID, &m.SHA256, &m.Size, &m.ContentType, &m.FileName, &m.Uploader, &m.Created, &m.Expires}
}

func scanMedia(rows *sql.Rows) (m Media, err error) {
	err = rows.Scan(m.fields()...)
	return m, err
}

// InsertMedia stores what is known of an upload.
func (tx *Tx) InsertMedia(m Media) error {
	return tx.exec(insertMedia, m.ID, m.SHA256, m.Size, m.ContentType, m.FileName, m.Uploader, m.Created, m.Expires, m.Sum())
}

// Media finds an upload by its media id. It tells whether there is one.
func (r *Reader) Media(id string) (m Media, found bool, err error) {
	found, err = r.row(mediaByID, in(id), m.fields()...)
	return m, found, err
}

// MediaOf gives uploads of a user, the newest first: limit at most, after those that are skipped.
func (r *Reader) MediaOf(uploader Atom, skipped, limit int) ([]Media, error) {
	return list(r, mediaOf, in(uploader, limit, skipped), scanMedia)
}

// MediaUsage counts the uploads of a user, and their bytes.
func (r *Reader) MediaUsage(uploader Atom) (files int, bytes int64, err error) {
	_, err = r.row(usageOf, in(uploader), &files, &bytes)
	return files, bytes, err
}

// MediaBefore gives uploads made before a time that are larger than a size, limit at most. It reads the whole table.
func (r *Reader) MediaBefore(created, larger int64, limit int) ([]Media, error) {
	return list(r, mediaBefore, in(created, larger, limit), scanMedia)
}

// ExpiredMedia gives what the server itself stored for a time that is over, limit at most.
func (r *Reader) ExpiredMedia(now int64, limit int) ([]Media, error) {
	return list(r, expired, in(now, limit), scanMedia)
}

// DeleteMedia forgets an upload. Its bytes may be another's too.
func (tx *Tx) DeleteMedia(id string) error { return tx.exec(deleteMedia, id) }

// MediaUsed tells whether bytes with a SHA-256 are anybody's upload, here or on another server.
func (r *Reader) MediaUsed(sha256 []byte) (bool, error) {
	var one int
	return r.row(mediaUsed, in(sha256), &one)
}

// Quarantine keeps bytes from everybody. Who decided it first stays.
func (tx *Tx) Quarantine(sha256 []byte, by Atom, now int64) error {
	return tx.exec(quarantine, sha256, by, now)
}

// Unquarantine takes that back. It tells whether there was something.
func (tx *Tx) Unquarantine(sha256 []byte) (was bool, err error) {
	n, err := tx.execCount(unquarantine, sha256)
	return n == 1, err
}

// Quarantined gives who keeps bytes from everybody, 0 where nobody does.
func (r *Reader) Quarantined(sha256 []byte) (by Atom, err error) {
	_, err = r.row(quarantined, in(sha256), &by)
	return by, err
}
