package store

// PendingMedia is a media id that was given before the upload.
type PendingMedia struct {
	Ref      int64 // never reused
	ID       string
	Uploader Atom
	Expires  int64 // milliseconds
}

const (
	insertPending  = `INSERT INTO media_pending (media_id, uploader, expires) VALUES (?, ?, ?)`
	pendingByID    = `SELECT id, uploader, expires FROM media_pending WHERE media_id = ?`
	pendingBy      = `SELECT count(*) FROM media_pending WHERE uploader = ?`
	deletePending  = `DELETE FROM media_pending WHERE media_id = ?`
	expirePending  = `DELETE FROM media_pending WHERE expires <= ?`
	deletePendings = `DELETE FROM media_pending WHERE uploader = ?`
)

// InsertPendingMedia gives an id away; p.Ref is not looked at.
func (tx *Tx) InsertPendingMedia(p PendingMedia) error {
	return tx.exec(insertPending, p.ID, p.Uploader, p.Expires)
}

// PendingMedia finds an id that waits for its upload, expired or not. It tells whether there is one.
func (r *Reader) PendingMedia(id string) (p PendingMedia, found bool, err error) {
	p.ID = id
	found, err = r.row(pendingByID, in(id), &p.Ref, &p.Uploader, &p.Expires)
	return p, found, err
}

// PendingMediaBy counts the ids of a user that wait for their uploads.
func (r *Reader) PendingMediaBy(uploader Atom) (n int, err error) {
	_, err = r.row(pendingBy, in(uploader), &n)
	return n, err
}

// DeletePendingMedia forgets an id that waits. It tells whether it did.
func (tx *Tx) DeletePendingMedia(id string) (was bool, err error) {
	n, err := tx.execCount(deletePending, id)
	return n == 1, err
}

// ExpirePendingMedia forgets the ids whose time is over.
func (tx *Tx) ExpirePendingMedia(now int64) error { return tx.exec(expirePending, now) }

// DeletePendingMediaOf forgets the ids of a user that wait.
func (tx *Tx) DeletePendingMediaOf(uploader Atom) error { return tx.exec(deletePendings, uploader) }
