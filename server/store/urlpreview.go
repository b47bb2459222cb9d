package store

const (
	putPreview     = `INSERT OR REPLACE INTO url_preview (url, answer, fetched, expires) VALUES (?, ?, ?, ?)`
	urlPreview     = `SELECT answer FROM url_preview WHERE url = ? AND expires > ?`
	expirePreviews = `DELETE FROM url_preview WHERE expires <= ?`
)

// PutURLPreview stores what is said of an address, until expires. Times are in milliseconds.
func (tx *Tx) PutURLPreview(url string, answer []byte, fetched, expires int64) error {
	return tx.exec(putPreview, url, answer, fetched, expires)
}

// URLPreview gives what is said of an address, nil where nothing is or its time is over.
func (r *Reader) URLPreview(url string, now int64) (answer []byte, err error) {
	_, err = r.row(urlPreview, in(url, now), &answer)
	return answer, err
}

// ExpireURLPreviews forgets those whose time is over.
func (tx *Tx) ExpireURLPreviews(now int64) error { return tx.exec(expirePreviews, now) }
