package store

import "database/sql"

// Pusher is a way by which a user is told of what their push rules find. Its id is never given twice.
type Pusher struct {
	ID        int64
	User      Atom
	UserID    string // read, not written
	AppID     string
	Pushkey   string
	Kind      string
	Device    int64  // that set it, and with which it ends; 0: it is the account's
	DeviceID  string // read, not written
	Enabled   bool
	About     []byte // JSON: what else the client said of it
	Since     int64  // when it was set, in milliseconds
	Token     string // random; "": none
	Activated bool
	Pos       int64 // a cursor over the stream of events: up to here everything is settled
	Behind    bool  // the cursor counts; else so does the common one where it is further
	Told      int64 // when the last e-mail was sent, in milliseconds
}

const (
	selectPushers = `SELECT p.id, p.user, t.text, p.app_id, p.pushkey, p.kind, p.device, coalesce(d.device_id, ''), p.enabled, p.about, p.since,
		coalesce(p.token, ''), p.activated, p.pos, p.behind, p.told
		FROM pusher p JOIN atom t ON t.id = p.user LEFT JOIN device d ON d.id = p.device`
	allPushers   = selectPushers + ` ORDER BY p.id`
	pushersOf    = selectPushers + ` WHERE p.user = ? ORDER BY p.id`
	pusherByID   = selectPushers + ` WHERE p.id = ?`
	pusherByKey  = selectPushers + ` WHERE p.user = ? AND p.app_id = ? AND p.pushkey = ?`
	pusherByMark = selectPushers + ` WHERE p.token = ?`

	insertPusher = `INSERT INTO pusher (user, app_id, pushkey, kind, device, enabled, about, since, token, activated, pos, behind, told)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, nullif(?, ''), ?, ?, ?, ?)`
	updatePusher = `UPDATE pusher SET kind = ?, device = ?, enabled = ?, about = ?, since = ?, token = nullif(?, ''), activated = ? WHERE id = ?`
	settlePusher = `UPDATE pusher SET pos = ?, behind = ? WHERE id = ?`
	tellPusher   = `UPDATE pusher SET told = ? WHERE id = ?`
	deletePusher = `DELETE FROM pusher WHERE id = ?`

	deletePushersOfOthers  = `DELETE FROM pusher WHERE app_id = ? AND pushkey = ? AND user <> ?`
	deletePushersOfDevice  = `DELETE FROM pusher WHERE device = ? AND device <> 0`
	deletePushersBeyond    = `DELETE FROM pusher WHERE id IN (SELECT id FROM pusher WHERE user = ? ORDER BY since DESC, id DESC LIMIT -1 OFFSET ?)`
	deletePushersOfAccount = `DELETE FROM pusher WHERE user = ?`

	pushCursor     = `SELECT pos FROM push_cursor`
	movePushCursor = `UPDATE push_cursor SET pos = ?`

	// The users are as many as have pushers, however many are in the room.
	hearers = `SELECT m.user, t.text, m.membership, m.since_ord FROM (SELECT DISTINCT user FROM pusher) p
		CROSS JOIN member m ON m.room = ? AND m.user = p.user JOIN atom t ON t.id = m.user WHERE m.membership IN (1, 2)`
	roomsHeard = `SELECT DISTINCT m.room FROM (SELECT DISTINCT user FROM pusher) p CROSS JOIN member m ON m.user = p.user WHERE m.membership IN (1, 2)`
	joinedUpTo = `SELECT count(*) FROM (SELECT 1 FROM member WHERE room = ? AND membership = 1 LIMIT ?)`
)

func (p *Pusher) fields() []any {
	return []any{&p.ID, &p.User, &p.UserID, &p.AppID, &p.Pushkey, &p.Kind, &p.Device, &p.DeviceID, &p.Enabled, &p.About, &p.Since, &p.Token,
		&p.Activated, &p.Pos, &p.Behind, &p.Told}
}

func scanPusher(rows *sql.Rows) (p Pusher, err error) {
	err = rows.Scan(p.fields()...)
	return p, err
}

// Pushers lists everybody's pushers.
func (r *Reader) Pushers() ([]Pusher, error) { return list(r, allPushers, nil, scanPusher) }

// PushersOf lists a user's pushers.
func (r *Reader) PushersOf(user Atom) ([]Pusher, error) {
	return list(r, pushersOf, in(user), scanPusher)
}

// Pusher gives a pusher by its id. It tells whether there is one.
func (r *Reader) Pusher(id int64) (Pusher, bool, error) { return r.pusher(pusherByID, id) }

// PusherByKey gives the pusher that a client names. It tells whether there is one.
func (r *Reader) PusherByKey(user Atom, appID, pushkey string) (Pusher, bool, error) {
	return r.pusher(pusherByKey, user, appID, pushkey)
}

// PusherByToken gives the pusher that has a token. It tells whether there is one.
func (r *Reader) PusherByToken(token string) (Pusher, bool, error) {
	return r.pusher(pusherByMark, token)
}

func (r *Reader) pusher(query string, args ...any) (p Pusher, found bool, err error) {
	found, err = r.row(query, args, p.fields()...)
	return p, found, err
}

// AddPusher makes a pusher.
func (tx *Tx) AddPusher(p *Pusher) error {
	return tx.exec(insertPusher, p.User, p.AppID, p.Pushkey, p.Kind, p.Device, p.Enabled, p.About, p.Since, p.Token, p.Activated, p.Pos, p.Behind, p.Told)
}

// ChangePusher changes what the client said of a pusher, and its token.
func (tx *Tx) ChangePusher(p *Pusher) error {
	return tx.exec(updatePusher, p.Kind, p.Device, p.Enabled, p.About, p.Since, p.Token, p.Activated, p.ID)
}

// SettlePusher moves a pusher's cursor.
func (tx *Tx) SettlePusher(id, pos int64, behind bool) error {
	return tx.exec(settlePusher, pos, behind, id)
}

// TellPusher notes when an e-mail was sent.
func (tx *Tx) TellPusher(id, ts int64) error { return tx.exec(tellPusher, ts, id) }

// DeletePusher ends a pusher.
func (tx *Tx) DeletePusher(id int64) error { return tx.exec(deletePusher, id) }

// DeletePushersOfOthers ends the pushers of other users with this app id and pushkey.
func (tx *Tx) DeletePushersOfOthers(user Atom, appID, pushkey string) error {
	return tx.exec(deletePushersOfOthers, appID, pushkey, user)
}

// DeletePushersOfDevice ends the pushers that a device set.
func (tx *Tx) DeletePushersOfDevice(device int64) error {
	return tx.exec(deletePushersOfDevice, device)
}

// DeletePushersBeyond ends a user's pushers but for those set last.
func (tx *Tx) DeletePushersBeyond(user Atom, most int) error {
	return tx.exec(deletePushersBeyond, user, most)
}

// DeletePushersOf ends all pushers of a user.
func (tx *Tx) DeletePushersOf(user Atom) error { return tx.exec(deletePushersOfAccount, user) }

// PushCursor is up to where the events are settled for all pushers that are not behind.
func (r *Reader) PushCursor() (pos int64, err error) {
	_, err = r.row(pushCursor, nil, &pos)
	return pos, err
}

// MovePushCursor moves the common cursor.
func (tx *Tx) MovePushCursor(pos int64) error { return tx.exec(movePushCursor, pos) }

// Hearer is a user with a pusher, in a room.
type Hearer struct {
	User       Atom
	UserID     string
	Membership Membership // Join or Invite
	SinceOrd   int64      // of the membership
}

// Hearers lists the users with a pusher who are joined to a room or invited. It costs a look for each user with a pusher, however large the room.
func (r *Reader) Hearers(room RoomRef) ([]Hearer, error) {
	return list(r, hearers, in(room), func(rows *sql.Rows) (h Hearer, err error) {
		err = rows.Scan(&h.User, &h.UserID, &h.Membership, &h.SinceOrd)
		return h, err
	})
}

// RoomsHeard lists the rooms that users with a pusher are joined to or invited.
func (r *Reader) RoomsHeard() ([]RoomRef, error) { return list(r, roomsHeard, nil, scanInt[RoomRef]) }

// JoinedUpTo counts who is joined to a room, as far as there are no more than most.
func (r *Reader) JoinedUpTo(room RoomRef, most int) (n int, err error) {
	_, err = r.row(joinedUpTo, in(room, most), &n)
	return n, err
}
