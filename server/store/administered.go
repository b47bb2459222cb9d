package store

import "database/sql"

// AccountInfo is what administration sees of an account.
type AccountInfo struct {
	Account     // without the password, which is "" or "set"
	UserID      string
	DisplayName string // "": none
	AvatarURL   string // "": none
	LastSeen    int64  // milliseconds; 0: never
	Erased      bool
}

const (
	accountInfo = `SELECT a.user, t.text, iif(a.password IS NULL, '', 'set'), a.created, a.admin, a.state,
		coalesce((SELECT json_extract(value, '$') FROM profile WHERE user = a.user AND field = 'displayname'), ''),
		coalesce((SELECT json_extract(value, '$') FROM profile WHERE user = a.user AND field = 'avatar_url'), ''),
		coalesce((SELECT max(last_seen_ts) FROM device WHERE user = a.user), 0), EXISTS (SELECT 1 FROM erased e WHERE e.user = a.user)
		FROM account a JOIN atom t ON t.id = a.user`
	accountInfos = accountInfo + ` ORDER BY t.text`
	accountOne   = accountInfo + ` WHERE a.user = ?`
	adminsLeft   = `SELECT count(*) FROM account WHERE admin = 1 AND state = 0 AND user <> ?`
	updateAdmin  = `UPDATE account SET admin = ? WHERE user = ?`

	putLink = `INSERT INTO password_link (user, token, admin, created, expires) VALUES (?, ?, ?, ?, ?) ON CONFLICT (user) DO UPDATE
		SET token = excluded.token, admin = excluded.admin, created = excluded.created, expires = excluded.expires`
	linkByToken = `SELECT user, admin, created, expires FROM password_link WHERE token = ?`
	linkOfUser  = `SELECT user, admin, created, expires FROM password_link WHERE user = ?`
	deleteLink  = `DELETE FROM password_link WHERE user = ?`

	putNoticeRoom  = `INSERT INTO notice_room (user, room_id) VALUES (?, ?) ON CONFLICT (user) DO UPDATE SET room_id = excluded.room_id`
	noticeRoomOf   = `SELECT room_id FROM notice_room WHERE user = ?`
	noticeRoomUser = `SELECT user FROM notice_room WHERE room_id = ?`

	blockRoom   = `INSERT INTO blocked_room (room_id, admin, ts) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
	unblockRoom = `DELETE FROM blocked_room WHERE room_id = ?`
	roomBlocked = `SELECT a.text FROM blocked_room b JOIN atom a ON a.id = b.admin WHERE b.room_id = ?`
)

// AccountInfos lists all accounts in the order of their user ids.
func (r *Reader) AccountInfos() ([]AccountInfo, error) {
	return list(r, accountInfos, nil, scanAccountInfo)
}

// AccountInfo reads one account; found is false where there is none.
func (r *Reader) AccountInfo(user Atom) (a AccountInfo, found bool, err error) {
	all, err := list(r, accountOne, in(user), scanAccountInfo)
	if len(all) == 0 || err != nil {
		return a, false, err
	}
	return all[0], true, nil
}

func scanAccountInfo(rows *sql.Rows) (a AccountInfo, err error) {
	err = rows.Scan(&a.User, &a.UserID, &a.Password, &a.Created, &a.Admin, &a.State, &a.DisplayName, &a.AvatarURL, &a.LastSeen, &a.Erased)
	return a, err
}

// AdminsBeside counts the administrators who can log in, without one user.
func (r *Reader) AdminsBeside(user Atom) (n int, err error) {
	_, err = r.row(adminsLeft, in(user), &n)
	return n, err
}

// SetAdmin makes a user an administrator, or no longer.
func (tx *Tx) SetAdmin(user Atom, admin bool) error { return tx.exec(updateAdmin, admin, user) }

// PasswordLink is a one-time link by which a user chooses a password.
type PasswordLink struct {
	User    Atom
	Token   []byte // SHA-256 of what the link ends with
	Admin   Atom   // who made it
	Created int64  // milliseconds
	Expires int64  // milliseconds
}

// PutPasswordLink makes a link; the one that the user had is none any more.
func (tx *Tx) PutPasswordLink(l PasswordLink) error {
	return tx.exec(putLink, l.User, l.Token, l.Admin, l.Created, l.Expires)
}

// PasswordLink finds a link, expired or not, by the hash of its token.
func (r *Reader) PasswordLink(token []byte) (l PasswordLink, found bool, err error) {
	l.Token = token
	found, err = r.row(linkByToken, in(token), &l.User, &l.Admin, &l.Created, &l.Expires)
	return l, found, err
}

// PasswordLinkOf finds the link of a user, expired or not; its token is not told.
func (r *Reader) PasswordLinkOf(user Atom) (l PasswordLink, found bool, err error) {
	found, err = r.row(linkOfUser, in(user), &l.User, &l.Admin, &l.Created, &l.Expires)
	return l, found, err
}

// DeletePasswordLink ends the link of a user, if there is one.
func (tx *Tx) DeletePasswordLink(user Atom) error { return tx.exec(deleteLink, user) }

// SetNoticeRoom says in which room the server speaks to a user.
func (tx *Tx) SetNoticeRoom(user Atom, roomID string) error {
	return tx.exec(putNoticeRoom, user, roomID)
}

// NoticeRoom gives that room, "" where there is none yet.
func (r *Reader) NoticeRoom(user Atom) (roomID string, err error) {
	_, err = r.row(noticeRoomOf, in(user), &roomID)
	return roomID, err
}

// IsNoticeRoom tells whether the server speaks to a user in a room.
func (r *Reader) IsNoticeRoom(roomID string, user Atom) (bool, error) {
	var whose Atom
	found, err := r.row(noticeRoomUser, in(roomID), &whose)
	return found && whose == user, err
}

// BlockRoom keeps the users of this server out of a room.
func (tx *Tx) BlockRoom(roomID string, admin Atom, ts int64) error {
	return tx.exec(blockRoom, roomID, admin, ts)
}

// UnblockRoom lets them in again.
func (tx *Tx) UnblockRoom(roomID string) error { return tx.exec(unblockRoom, roomID) }

// RoomBlocked tells whether a room is blocked, and by whom.
func (r *Reader) RoomBlocked(roomID string) (by string, blocked bool, err error) {
	blocked, err = r.row(roomBlocked, in(roomID), &by)
	return by, blocked, err
}
