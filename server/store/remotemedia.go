package store

import "database/sql"

const (
	remoteColumns = `server, media_id, sha256, size, content_type, file_name, fetched, used`

	putRemote    = `INSERT OR REPLACE INTO remote_media (` + remoteColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
	remoteMedia  = `SELECT ` + remoteColumns + `, EXISTS (SELECT 1 FROM media_quarantine q WHERE q.sha256 = m.sha256) FROM remote_media m WHERE server = ? AND media_id = ?`
	oldestRemote = `SELECT ` + remoteColumns + ` FROM remote_media WHERE used < ? ORDER BY used LIMIT ?`
	remoteBytes  = `SELECT coalesce(sum(size), 0) FROM remote_media`
	touchRemote  = `UPDATE remote_media SET used = ?3 WHERE server = ?1 AND media_id = ?2 AND used < ?3`
	deleteRemote = `DELETE FROM remote_media WHERE server = ? AND media_id = ?`
)

// RemoteMedia is what is kept of another server's media.
type RemoteMedia struct {
	Server, ID  string
	SHA256      []byte // 32 bytes
	Size        int64  // bytes
	ContentType string
	FileName    string // "": none was given
	Fetched     int64  // milliseconds
	Used        int64  // milliseconds, about
	Quarantined bool   // administration hides its bytes; only RemoteMedia tells
}

func (m *RemoteMedia) fields() []any {
	return []any{&m.Server, &m.ID, &m.SHA256, &m.Size, &m.ContentType, &m.FileName, &m.Fetched, &m.Used}
}

// PutRemoteMedia stores what was fetched.
func (tx *Tx) PutRemoteMedia(m RemoteMedia) error {
	return tx.exec(putRemote, m.Server, m.ID, m.SHA256, m.Size, m.ContentType, m.FileName, m.Fetched, m.Used)
}

// RemoteMedia finds what was fetched. It tells whether there is anything.
func (r *Reader) RemoteMedia(server, id string) (m RemoteMedia, found bool, err error) {
	found, err = r.row(remoteMedia, in(server, id), append(m.fields(), &m.Quarantined)...)
	return m, found, err
}

// OldestRemoteMedia gives what was last used before a time, the oldest first, limit at most.
func (r *Reader) OldestRemoteMedia(before int64, limit int) ([]RemoteMedia, error) {
	return list(r, oldestRemote, in(before, limit), func(rows *sql.Rows) (m RemoteMedia, err error) {
		err = rows.Scan(m.fields()...)
		return m, err
	})
}

// RemoteMediaBytes is the size of all that was fetched.
func (r *Reader) RemoteMediaBytes() (n int64, err error) {
	_, err = r.row(remoteBytes, nil, &n)
	return n, err
}

// TouchRemoteMedia notes when media was used last.
func (tx *Tx) TouchRemoteMedia(server, id string, used int64) error {
	return tx.exec(touchRemote, server, id, used)
}

// DeleteRemoteMedia forgets what was fetched.
func (tx *Tx) DeleteRemoteMedia(server, id string) error { return tx.exec(deleteRemote, server, id) }
