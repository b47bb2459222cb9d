package store

import (
	"database/sql"
	"fmt"
)

const (
	insertMedia = `INSERT INTO media (media_id, sha256, size, content_type, file_name, uploader, created, sum) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
	mediaByID   = `SELECT sha256, size, content_type, file_name, uploader, created FROM media m WHERE media_id = ?1 AND (
		NOT EXISTS (SELECT 1 FROM media_quarantine q WHERE q.sha256 = m.sha256) OR EXISTS (SELECT 1 FROM media_protected p WHERE p.media_id = ?1))`
	mediaOf     = `SELECT media_id, sha256 FROM media WHERE uploader = ? ORDER BY media_id LIMIT ?`
	mediaUsed   = `SELECT 1 FROM media WHERE sha256 = ? LIMIT 1`
	deleteMedia = `DELETE FROM media WHERE media_id = ?`
)

// Media is what is known of uploaded bytes. The same bytes may have been uploaded many times.
type Media struct {
	ID          string
	SHA256      []byte // 32 bytes
	Size        int64  // bytes
	ContentType string
	FileName    string // "": none was given
	Uploader    Atom
	Created     int64 // milliseconds
}

// Sum is the checksum of what is stored of an upload: SHA-256 proves its bytes, nothing what they are called.
func (m Media) Sum() int64 {
	return Sum(fmt.Appendf(nil, "%s %x %d %q %q", m.ID, m.SHA256, m.Size, m.ContentType, m.FileName))
}

// InsertMedia stores what is known of an upload.
func (tx *Tx) InsertMedia(m Media) error {
	return tx.exec(insertMedia, m.ID, m.SHA256, m.Size, m.ContentType, m.FileName, m.Uploader, m.Created, m.Sum())
}

// Media finds an upload by its media id. It tells whether there is one that is not in quarantine.
func (r *Reader) Media(id string) (m Media, found bool, err error) {
	m.ID = id
	found, err = r.row(mediaByID, in(id), &m.SHA256, &m.Size, &m.ContentType, &m.FileName, &m.Uploader, &m.Created)
	return m, found, err
}

// MediaOf gives uploads of a user, limit at most: their ids and hashes.
func (r *Reader) MediaOf(uploader Atom, limit int) ([]Media, error) {
	return list(r, mediaOf, in(uploader, limit), func(rows *sql.Rows) (m Media, err error) {
		err = rows.Scan(&m.ID, &m.SHA256)
		return m, err
	})
}

// DeleteMedia forgets an upload. Its bytes may be another's too.
func (tx *Tx) DeleteMedia(id string) error { return tx.exec(deleteMedia, id) }

// MediaUsed tells whether bytes with a SHA-256 are anybody's upload.
func (r *Reader) MediaUsed(sha256 []byte) (bool, error) {
	var one int
	return r.row(mediaUsed, in(sha256), &one)
}
