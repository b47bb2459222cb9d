package store

import "fmt"

const (
	insertMedia = `INSERT INTO media (media_id, sha256, size, content_type, file_name, uploader, created, sum) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
	mediaByID   = `SELECT sha256, size, content_type, file_name, uploader, created FROM media WHERE media_id = ?`
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

// Media finds an upload by its media id. It tells whether there is one.
func (r *Reader) Media(id string) (m Media, found bool, err error) {
	m.ID = id
	found, err = r.row(mediaByID, in(id), &m.SHA256, &m.Size, &m.ContentType, &m.FileName, &m.Uploader, &m.Created)
	return m, found, err
}
