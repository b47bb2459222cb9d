package store

import (
	"crypto/ed25519"
	"database/sql"
)

const (
	trustListColumns = `id, address, key_id, key, number, accepted, tried, failure, changes`
	trustLists       = `SELECT ` + trustListColumns + ` FROM trust_list ORDER BY id`
	putTrustList     = `INSERT OR REPLACE INTO trust_list (` + trustListColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
	tryTrustList     = `UPDATE trust_list SET tried = ?, failure = ? WHERE id = ?`
	deleteTrustList  = `DELETE FROM trust_list WHERE id = ?`

	trustDocument       = `SELECT json FROM trust_list_document WHERE id = ?`
	putTrustDocument    = `INSERT OR REPLACE INTO trust_list_document (id, json) VALUES (?, ?)`
	deleteTrustDocument = `DELETE FROM trust_list_document WHERE id = ?`

	trustedServers      = `SELECT server, json FROM trusted_server ORDER BY server`
	putTrustedServer    = `INSERT OR REPLACE INTO trusted_server (server, json) VALUES (?, ?)`
	deleteTrustedServer = `DELETE FROM trusted_server WHERE server = ?`

	deniedServers      = `SELECT pattern, reason, ts FROM denied_server ORDER BY pattern`
	putDeniedServer    = `INSERT OR REPLACE INTO denied_server (pattern, reason, ts) VALUES (?, ?, ?)`
	deleteDeniedServer = `DELETE FROM denied_server WHERE pattern = ?`

	foreignMembers = `SELECT m.room, a.text FROM member m JOIN atom a ON a.id = m.user WHERE m.membership = 1 AND substr(a.text, -length(?1)) <> ?1`
)

// TrustList is a list of servers that the town hall subscribed to; see package policy.
type TrustList struct {
	ID       string
	Address  string // "": given by hand
	KeyID    string
	Key      ed25519.PublicKey
	Number   int64 // of the document that holds; 0: none yet
	Accepted int64 // milliseconds: when it came
	Tried    int64 // milliseconds: when it was last asked for
	Failure  string
	Changes  []byte // JSON
}

// DeniedServer is a pattern of server names with whom this server does not speak.
type DeniedServer struct {
	Pattern string `json:"pattern"` // without port; * and ? stand for others
	Reason  string `json:"reason,omitempty"`
	TS      int64  `json:"ts"` // milliseconds: since when
}

// TrustLists gives all lists.
func (r *Reader) TrustLists() ([]TrustList, error) {
	return list(r, trustLists, nil, func(rows *sql.Rows) (l TrustList, err error) {
		err = rows.Scan(&l.ID, &l.Address, &l.KeyID, (*[]byte)(&l.Key), &l.Number, &l.Accepted, &l.Tried, &l.Failure, &l.Changes)
		return l, err
	})
}

// PutTrustList stores a list, instead of the one of its id.
func (tx *Tx) PutTrustList(l TrustList) error {
	return tx.exec(putTrustList, l.ID, l.Address, l.KeyID, []byte(l.Key), l.Number, l.Accepted, l.Tried, l.Failure, string(l.Changes))
}

// TryTrustList notes how asking for a list went; failure is "" where it went well.
func (tx *Tx) TryTrustList(id string, at int64, failure string) error {
	return tx.exec(tryTrustList, at, failure, id)
}

// DeleteTrustList removes a list with what it said.
func (tx *Tx) DeleteTrustList(id string) error {
	if err := tx.exec(deleteTrustDocument, id); err != nil {
		return err
	}
	return tx.exec(deleteTrustList, id)
}

// TrustDocument gives what a list says, as it was signed; nil where it has not said anything yet.
func (r *Reader) TrustDocument(id string) (b []byte, err error) {
	_, err = r.row(trustDocument, in(id), &b)
	return b, err
}

// PutTrustDocument stores what a list says, instead of what it said before.
func (tx *Tx) PutTrustDocument(id string, b []byte) error { return tx.exec(putTrustDocument, id, b) }

// TrustedServers gives the servers that the town hall added, as JSON, by name.
func (r *Reader) TrustedServers() (map[string][]byte, error) {
	all := map[string][]byte{}
	err := r.rows(trustedServers, nil, func(rows *sql.Rows) error {
		var name string
		var b []byte
		err := rows.Scan(&name, &b)
		all[name] = b
		return err
	})
	return all, err
}

// PutTrustedServer stores a server that the town hall added.
func (tx *Tx) PutTrustedServer(name string, b []byte) error {
	return tx.exec(putTrustedServer, name, string(b))
}

// DeleteTrustedServer removes it.
func (tx *Tx) DeleteTrustedServer(name string) error { return tx.exec(deleteTrustedServer, name) }

// DeniedServers gives the patterns of servers that the town hall does not speak with.
func (r *Reader) DeniedServers() ([]DeniedServer, error) {
	return list(r, deniedServers, nil, func(rows *sql.Rows) (d DeniedServer, err error) {
		err = rows.Scan(&d.Pattern, &d.Reason, &d.TS)
		return d, err
	})
}

// PutDeniedServer stores one.
func (tx *Tx) PutDeniedServer(d DeniedServer) error {
	return tx.exec(putDeniedServer, d.Pattern, d.Reason, d.TS)
}

// DeleteDeniedServer removes one.
func (tx *Tx) DeleteDeniedServer(pattern string) error { return tx.exec(deleteDeniedServer, pattern) }

// ForeignMembers calls yield with each user of other servers who is joined to a room, and with the room.
func (r *Reader) ForeignMembers(serverName string, yield func(room RoomRef, userID string) error) error {
	return r.rows(foreignMembers, in(":"+serverName), func(rows *sql.Rows) error {
		var room RoomRef
		var userID string
		if err := rows.Scan(&room, &userID); err != nil {
			return err
		}
		return yield(room, userID)
	})
}
