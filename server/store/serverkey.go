package store

import (
	"crypto/ed25519"
	"database/sql"
)

const (
	serverKeys        = `SELECT key_id, key, until, retired FROM server_key WHERE server = ?`
	putServerKey      = `INSERT OR REPLACE INTO server_key (server, key_id, key, until, retired) VALUES (?, ?, ?, ?, ?)`
	serverKeyDocument = `SELECT fetched, json FROM server_key_document WHERE server = ?`
	putServerDocument = `INSERT INTO server_key_document (server, fetched, json) VALUES (?, ?, ?)
		ON CONFLICT (server) DO UPDATE SET fetched = excluded.fetched, json = excluded.json`
)

// ServerKey is a signing key of another server.
type ServerKey struct {
	ID      string // ed25519:abcd
	Key     ed25519.PublicKey
	Until   int64 // milliseconds: what it signed up to then counts
	Retired bool  // it signs no requests any more
}

// ServerKeyDocument is what a server last said of its keys.
type ServerKeyDocument struct {
	Fetched int64 // milliseconds
	JSON    []byte
}

// ServerKeys gives the keys of a server that were ever seen.
func (r *Reader) ServerKeys(server string) ([]ServerKey, error) {
	return list(r, serverKeys, in(server), func(rows *sql.Rows) (k ServerKey, err error) {
		err = rows.Scan(&k.ID, (*[]byte)(&k.Key), &k.Until, &k.Retired)
		return k, err
	})
}

// PutServerKey stores a key of a server, instead of the one of the same id.
func (tx *Tx) PutServerKey(server string, k ServerKey) error {
	return tx.exec(putServerKey, server, k.ID, []byte(k.Key), k.Until, k.Retired)
}

// ServerKeyDocument gives what a server last said of its keys. It tells whether it said anything.
func (r *Reader) ServerKeyDocument(server string) (d ServerKeyDocument, found bool, err error) {
	found, err = r.row(serverKeyDocument, in(server), &d.Fetched, &d.JSON)
	return d, found, err
}

// PutServerKeyDocument stores what a server said of its keys, instead of what it said before.
func (tx *Tx) PutServerKeyDocument(server string, d ServerKeyDocument) error {
	return tx.exec(putServerDocument, server, d.Fetched, d.JSON)
}
