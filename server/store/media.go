package store

import (
	"database/sql"
	"fmt"
)

const (
	mediaColumns = `media_id, sha256, size, content_type, file_name, uploader, created, coalesce(expires, 0)`

	insertMedia = `INSERT INTO media (media_id, sha256, size, content_type, file_name, uploader, created, expires, sum) VALUES (?, ?, ?, ?, ?, ?, ?, nullif(?, 0), ?)`
	mediaByID   = `SELECT ` + mediaColumns + ` FROM media m WHERE media_id = ?1 AND (
		NOT EXISTS (SELECT 1 FROM media_quarantine q WHERE q.sha256 = m.sha256) OR EXISTS (SELECT 1 FROM media_protected p WHERE p.media_id = ?1))`
	mediaOf     = `SELECT ` + mediaColumns + ` FROM media WHERE uploader = ? LIMIT ?`
	usageOf     = `SELECT count(*), coalesce(sum(size), 0) FROM media WHERE uploader = ?`
	expired     = `SELECT ` + mediaColumns + ` FROM media WHERE expires <= ? LIMIT ?`
	mediaUsed   = `SELECT 1 FROM media WHERE sha256 = ?1 UNION ALL SELECT 1 FROM remote_media WHERE sha256 = ?1 LIMIT 1`
	deleteMedia = `DELETE FROM media WHERE media_id = ?`
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

// Media finds an upload by its media id. It tells whether there is one that is not in quarantine.
func (r *Reader) Media(id string) (m Media, found bool, err error) {
	found, err = r.row(mediaByID, in(id), m.fields()...)
	return m, found, err
}

// MediaOf gives uploads of a user, limit at most.
func (r *Reader) MediaOf(uploader Atom, limit int) ([]Media, error) {
	return list(r, mediaOf, in(uploader, limit), scanMedia)
}

// MediaUsage counts the uploads of a user, and their bytes.
func (r *Reader) MediaUsage(uploader Atom) (files int, bytes int64, err error) {
	_, err = r.row(usageOf, in(uploader), &files, &bytes)
	return files, bytes, err
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
