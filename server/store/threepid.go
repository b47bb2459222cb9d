package store

import "database/sql"

// Threepid is an e-mail address of an account. Source: client-server API, "Adding Account Administrative Contact Information".
type Threepid struct {
	Address   string // of mail.ParseAddress
	User      Atom
	Validated int64  // milliseconds
	Added     int64  // milliseconds
	Language  string // of mails to it
}

// ThreepidSession is a proof, being made, that somebody reads the mail of an address. Times are milliseconds.
type ThreepidSession struct {
	SID          string
	Purpose      string
	ClientSecret []byte // SHA-256
	Address      string
	Language     string
	Token        []byte // SHA-256 of what the last mail's link holds; empty: that mail had none
	SendAttempt  int64
	NextLink     string // empty: none
	Asked        int64
	Expires      int64
	Validated    int64 // 0: not yet
}

const (
	threepidColumns = `address, user, validated, added, language`
	threepidOwner   = `SELECT ` + threepidColumns + ` FROM threepid WHERE address = ?`
	threepidsOf     = `SELECT ` + threepidColumns + ` FROM threepid WHERE user = ? ORDER BY added, address`
	putThreepid     = `INSERT INTO threepid (` + threepidColumns + `) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (address) DO UPDATE SET validated = excluded.validated, language = excluded.language`
	deleteThreepid  = `DELETE FROM threepid WHERE user = ? AND address = ?`
	deleteThreepids = `DELETE FROM threepid WHERE user = ?`

	sessionFields          = `sid, purpose, client_secret, address, language, token, send_attempt, next_link, asked, expires, coalesce(validated, 0)`
	threepidSessionBySID   = `SELECT ` + sessionFields + ` FROM threepid_session WHERE sid = ?`
	threepidSessionByToken = `SELECT ` + sessionFields + ` FROM threepid_session WHERE token = ? AND token <> x''`
	threepidSessionAsked   = `SELECT ` + sessionFields + ` FROM threepid_session WHERE address = ? AND purpose = ? AND client_secret = ?`
	putThreepidSession     = `INSERT INTO threepid_session (sid, purpose, client_secret, address, language, token, send_attempt, next_link, asked, expires, validated)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, 0)) ON CONFLICT (address, purpose, client_secret) DO UPDATE SET sid = excluded.sid,
		language = excluded.language, token = excluded.token, send_attempt = excluded.send_attempt, next_link = excluded.next_link,
		asked = excluded.asked, expires = excluded.expires, validated = excluded.validated`
	deleteThreepidSession  = `DELETE FROM threepid_session WHERE sid = ?`
	endResets              = `DELETE FROM threepid_session WHERE purpose = 'reset' AND address IN (SELECT address FROM threepid WHERE user = ?)`
	forgetThreepidSessions = `DELETE FROM threepid_session WHERE expires <= ?`
)

func (t *Threepid) fields() []any {
	return []any{&t.Address, &t.User, &t.Validated, &t.Added, &t.Language}
}

// Threepid gives whose an address is. It tells whether it is anybody's.
func (r *Reader) Threepid(address string) (t Threepid, found bool, err error) {
	found, err = r.row(threepidOwner, in(address), t.fields()...)
	return t, found, err
}

// ThreepidsOf gives the addresses of an account, the oldest first.
func (r *Reader) ThreepidsOf(user Atom) ([]Threepid, error) {
	return list(r, threepidsOf, in(user), func(rows *sql.Rows) (t Threepid, err error) {
		err = rows.Scan(t.fields()...)
		return t, err
	})
}

// PutThreepid gives an account an address that is nobody's, or validates its own once more.
func (tx *Tx) PutThreepid(t Threepid) error {
	return tx.exec(putThreepid, t.Address, t.User, t.Validated, t.Added, t.Language)
}

// DeleteThreepid takes an address from an account.
func (tx *Tx) DeleteThreepid(user Atom, address string) error {
	return tx.exec(deleteThreepid, user, address)
}

// DeleteThreepids takes all its addresses from an account.
func (tx *Tx) DeleteThreepids(user Atom) error { return tx.exec(deleteThreepids, user) }

func (s *ThreepidSession) fields() []any {
	return []any{&s.SID, &s.Purpose, &s.ClientSecret, &s.Address, &s.Language, &s.Token, &s.SendAttempt, &s.NextLink, &s.Asked, &s.Expires, &s.Validated}
}

// ThreepidSession finds a session by its id. It tells whether there is one.
func (r *Reader) ThreepidSession(sid string) (s ThreepidSession, found bool, err error) {
	found, err = r.row(threepidSessionBySID, in(sid), s.fields()...)
	return s, found, err
}

// ThreepidSessionByToken finds the session of a mail's link, by the SHA-256 of its token. It tells whether there is one.
func (r *Reader) ThreepidSessionByToken(token []byte) (s ThreepidSession, found bool, err error) {
	found, err = r.row(threepidSessionByToken, in(token), s.fields()...)
	return s, found, err
}

// ThreepidSessionAsked finds the session that a client has begun for an address. It tells whether there is one.
func (r *Reader) ThreepidSessionAsked(address, purpose string, clientSecret []byte) (s ThreepidSession, found bool, err error) {
	found, err = r.row(threepidSessionAsked, in(address, purpose, clientSecret), s.fields()...)
	return s, found, err
}

// PutThreepidSession keeps a session, in the place of the one with the same address, purpose and client secret.
func (tx *Tx) PutThreepidSession(s ThreepidSession) error {
	return tx.exec(putThreepidSession, s.SID, s.Purpose, s.ClientSecret, s.Address, s.Language, s.Token, s.SendAttempt, s.NextLink, s.Asked, s.Expires, s.Validated)
}

// DeleteThreepidSession ends a session.
func (tx *Tx) DeleteThreepidSession(sid string) error { return tx.exec(deleteThreepidSession, sid) }

// EndResets deletes what was begun to reset a user's password.
func (tx *Tx) EndResets(user Atom) error { return tx.exec(endResets, user) }

// ForgetThreepidSessions ends the sessions whose time was over by then.
func (tx *Tx) ForgetThreepidSessions(until int64) error {
	return tx.exec(forgetThreepidSessions, until)
}
