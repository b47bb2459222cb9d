package store

import (
	"database/sql"
	"encoding/json"
)

// Bounds of what a count looks at.
const (
	ownPlaces   = 10_000 // places back in which one's own last message is looked for, and threads that have something new
	threadRoots = 1_000  // threads, begun last, that are looked at beside those where more places are unread
)

const (
	// What one has read: by joining and by receipts for the whole room (base), by receipts for the main timeline (main), by one's own last
	// message outside of threads (read). Each step is materialized, lest SQLite look for one's own message as often as its place is named.
	unreadBase = `WITH base AS MATERIALIZED (
			SELECT m.room, m.user, 0 AS thread, h.ord AS head, h.notify, h.notify_main,
				max(m.since_ord, coalesce((SELECT max(r.ord) FROM receipt r
					WHERE r.room = m.room AND r.user = m.user AND r.type IN (22, 23) AND r.thread = ''), m.since_ord)) AS base
			FROM member m CROSS JOIN timeline h ON h.room = m.room AND h.ord = (SELECT max(t.ord) FROM timeline t WHERE t.room = m.room)
			WHERE m.user = ?1 AND m.membership = 1`
	unreadMain = `), main AS MATERIALIZED (
			SELECT b.*, max(b.base, coalesce((SELECT max(r.ord) FROM receipt r
				WHERE r.room = b.room AND r.user = b.user AND r.type IN (22, 23) AND r.thread = 'main'), b.base)) AS main FROM base b
		), c AS MATERIALIZED (
			SELECT d.*, coalesce((SELECT t.ord FROM timeline t CROSS JOIN event e ON e.nid = t.nid
				WHERE t.room = d.room AND t.ord > max(d.main, d.head - ?2) AND t.sender = d.user AND t.thread = 0 AND e.state_key IS NULL
				ORDER BY t.ord DESC LIMIT 1), d.main) AS read FROM main d)
		SELECT c.thread, c.read,
			c.notify_main - coalesce((SELECT t.notify_main FROM timeline t WHERE t.room = c.room AND t.ord <= c.read ORDER BY t.ord DESC LIMIT 1), 0),
			` + difference + `, c.room, c.head, c.base,
			c.notify - c.notify_main > coalesce((SELECT t.notify - t.notify_main FROM timeline t
					WHERE t.room = c.room AND t.ord <= c.base ORDER BY t.ord DESC LIMIT 1), 0)
				OR EXISTS (SELECT 1 FROM unread_mark k WHERE k.room = c.room AND k.user = c.user AND k.thread > 0 AND k.ord > c.base),
			coalesce((SELECT q.ord FROM unread_mode q WHERE q.room = c.room AND q.user = c.user ORDER BY q.ord DESC LIMIT 1), -9223372036854775808),
			coalesce((SELECT q.mode FROM unread_mode q WHERE q.room = c.room AND q.user = c.user ORDER BY q.ord DESC LIMIT 1), 0)
		FROM c`
	unreadHeads = unreadBase + unreadMain
	unreadHead  = unreadBase + ` AND m.room = ?3` + unreadMain

	// What the sparse tables say of the main timeline or a thread (c) since it was read.
	difference = `(SELECT count(*) FROM unread_redacted x WHERE x.room = c.room AND x.thread = c.thread AND x.ord > c.read),
		coalesce((SELECT k.notify FROM unread_mark k WHERE k.room = c.room AND k.user = c.user AND k.thread = c.thread
				ORDER BY k.ord DESC LIMIT 1), 0)
			- coalesce((SELECT k.notify FROM unread_mark k WHERE k.room = c.room AND k.user = c.user AND k.thread = c.thread AND k.ord <= c.read
				ORDER BY k.ord DESC LIMIT 1), 0),
		coalesce((SELECT k.highlight FROM unread_mark k WHERE k.room = c.room AND k.user = c.user AND k.thread = c.thread
				ORDER BY k.ord DESC LIMIT 1), 0)
			- coalesce((SELECT k.highlight FROM unread_mark k WHERE k.room = c.room AND k.user = c.user AND k.thread = c.thread AND k.ord <= c.read
				ORDER BY k.ord DESC LIMIT 1), 0),
		coalesce((SELECT y.highlight FROM unread_everybody y WHERE y.room = c.room AND y.thread = c.thread ORDER BY y.ord DESC LIMIT 1), 0)
			- coalesce((SELECT y.highlight FROM unread_everybody y WHERE y.room = c.room AND y.thread = c.thread AND y.ord <= c.read
				ORDER BY y.ord DESC LIMIT 1), 0)`

	// The threads with an event after ?4, of which the timeline is read down to ?3: with the user's own last event there. Where those are not
	// the same, older threads are found from root to root through the index, not through every event of every thread.
	activeThreads = `WITH RECURSIVE root (nid) AS (
			SELECT max(t.thread) FROM timeline t WHERE t.room = ?1 AND t.thread <> 0 AND ?4 < ?3
			UNION ALL
			SELECT (SELECT max(t.thread) FROM timeline t WHERE t.room = ?1 AND t.thread <> 0 AND t.thread < root.nid)
				FROM root WHERE root.nid IS NOT NULL LIMIT ?5
		), found (thread, own) AS (
			SELECT +t.thread, max(iif(t.sender = ?2, t.ord, NULL)) FROM timeline t WHERE t.room = ?1 AND t.ord > ?3 AND +t.thread <> 0 GROUP BY +t.thread
			UNION ALL
			SELECT nid, NULL FROM root WHERE nid IS NOT NULL AND (SELECT max(t.ord) FROM timeline t
				WHERE t.room = ?1 AND t.thread = root.nid AND t.thread <> 0) BETWEEN ?4 + 1 AND ?3)
		SELECT f.thread, e.event_id, coalesce(f.own, ?4) FROM found f JOIN event e ON e.nid = f.thread`

	threadReceipts = `SELECT thread, max(ord) FROM receipt WHERE room = ? AND user = ? AND type IN (22, 23) AND ord > ? GROUP BY thread`

	unreadInThreads = `WITH c AS MATERIALIZED (
			SELECT ?1 AS room, ?2 AS user, json_extract(j.value, '$[0]') AS thread, json_extract(j.value, '$[1]') AS read FROM json_each(?3) j)
		SELECT c.thread, c.read,
			coalesce((SELECT t.notify_thread FROM timeline t WHERE t.room = c.room AND t.thread = c.thread AND t.thread <> 0
					ORDER BY t.ord DESC LIMIT 1), 0)
				- coalesce((SELECT t.notify_thread FROM timeline t WHERE t.room = c.room AND t.thread = c.thread AND t.thread <> 0 AND t.ord <= c.read
					ORDER BY t.ord DESC LIMIT 1), 0),
			` + difference + ` FROM c`

	modesAfter = `SELECT ord, mode FROM unread_mode WHERE room = ?1 AND user = ?2
		AND ord >= coalesce((SELECT max(ord) FROM unread_mode WHERE room = ?1 AND user = ?2 AND ord <= ?3), ?3) ORDER BY ord`
	spanRest = `- (SELECT count(*) FROM unread_redacted x WHERE x.room = ?1 AND x.thread = ?2 AND x.ord > ?3 AND x.ord <= ?4),
		coalesce((SELECT y.highlight FROM unread_everybody y WHERE y.room = ?1 AND y.thread = ?2 AND y.ord <= ?4 ORDER BY y.ord DESC LIMIT 1), 0)
		- coalesce((SELECT y.highlight FROM unread_everybody y WHERE y.room = ?1 AND y.thread = ?2 AND y.ord <= ?3 ORDER BY y.ord DESC LIMIT 1), 0)`
	spanMain = `SELECT coalesce((SELECT t.notify_main FROM timeline t WHERE t.room = ?1 AND t.ord <= ?4 ORDER BY t.ord DESC LIMIT 1), 0)
		- coalesce((SELECT t.notify_main FROM timeline t WHERE t.room = ?1 AND t.ord <= ?3 ORDER BY t.ord DESC LIMIT 1), 0)
		` + spanRest
	spanThread = `SELECT coalesce((SELECT t.notify_thread FROM timeline t WHERE t.room = ?1 AND t.thread = ?2 AND t.thread <> 0 AND t.ord <= ?4
			ORDER BY t.ord DESC LIMIT 1), 0)
		- coalesce((SELECT t.notify_thread FROM timeline t WHERE t.room = ?1 AND t.thread = ?2 AND t.thread <> 0 AND t.ord <= ?3
			ORDER BY t.ord DESC LIMIT 1), 0)
		` + spanRest
)

// UnreadPart is what a user has not read of the main timeline of a room or of one thread.
type UnreadPart struct {
	Thread    NID   // its root; 0: the main timeline
	Read      int64 // the place up to which it is read
	Tally           // of what came since
	Notify    int64 // by how many events more or less notify the user than the user's mode says
	Highlight int64 // and highlight
}

// Tally counts events by the default rules, redacted ones left out.
type Tally struct {
	Counted   int64 // that notify
	Everybody int64 // of these, that highlight everybody
}

// UnreadHead is what a user has not read of a room's main timeline, and what to look at beside it.
type UnreadHead struct {
	UnreadPart
	Room    RoomRef
	Head    int64 // the room's last place
	Base    int64 // the place up to which the whole room is read, threads included
	Threads bool  // something in threads came after Base
	ModeOrd int64 // the place from which on the user's present mode holds
	Mode    Mode  // that mode
}

// UnreadHeads reads, for all the rooms that the user is joined to, what is unread.
func (r *Reader) UnreadHeads(user Atom) ([]UnreadHead, error) {
	return list(r, unreadHeads, in(user, ownPlaces), scanUnreadHead)
}

// UnreadHead reads what is unread in a room; ok is false where the user is not joined to it, or where nothing is in it.
func (r *Reader) UnreadHead(room RoomRef, user Atom) (h UnreadHead, ok bool, err error) {
	err = r.rows(unreadHead, in(user, ownPlaces, room), func(rows *sql.Rows) error {
		h, err = scanUnreadHead(rows)
		ok = true
		return err
	})
	return h, ok, err
}

func scanUnreadHead(rows *sql.Rows) (h UnreadHead, err error) {
	h.UnreadPart, err = scanUnreadPart(rows, &h.Room, &h.Head, &h.Base, &h.Threads, &h.ModeOrd, &h.Mode)
	return h, err
}

func scanUnreadPart(rows *sql.Rows, more ...any) (p UnreadPart, err error) {
	var redacted int64
	err = rows.Scan(append(in(&p.Thread, &p.Read, &p.Counted, &redacted, &p.Notify, &p.Highlight, &p.Everybody), more...)...)
	p.Counted -= redacted
	return p, err
}

// ActiveThread is a thread with an event after a place.
type ActiveThread struct {
	Root   NID
	RootID string
	Own    int64 // the place of the user's own last event in it, if it came after
}

// ActiveThreads lists the threads of a room that have an event after a place. Where more than 10,000 places lie between it and the head: those with an
// event among them, and of the 1,000 threads begun last.
func (r *Reader) ActiveThreads(room RoomRef, user Atom, after, head int64) ([]ActiveThread, error) {
	return list(r, activeThreads, in(room, user, max(after, head-ownPlaces), after, threadRoots), func(rows *sql.Rows) (t ActiveThread, err error) {
		var id []byte
		err = rows.Scan(&t.Root, &id, &t.Own)
		t.RootID = eventIDText(id)
		return t, err
	})
}

// ReceiptsAfter gives the places of a user's receipts after a place, the later of public and private, by thread.
func (r *Reader) ReceiptsAfter(room RoomRef, user Atom, after int64) (map[string]int64, error) {
	places := map[string]int64{}
	err := r.rows(threadReceipts, in(room, user, after), func(rows *sql.Rows) error {
		var thread string
		var ord int64
		err := rows.Scan(&thread, &ord)
		places[thread] = ord
		return err
	})
	return places, err
}

// UnreadInThreads reads what is unread in threads, given as pairs of the root and the place up to which the thread is read.
func (r *Reader) UnreadInThreads(room RoomRef, user Atom, threads [][2]int64) ([]UnreadPart, error) {
	b, err := json.Marshal(threads)
	if err != nil {
		return nil, err
	}
	return list(r, unreadInThreads, in(room, user, string(b)), func(rows *sql.Rows) (UnreadPart, error) { return scanUnreadPart(rows) })
}

// ModeChange says which mode holds for a user from a place on.
type ModeChange struct {
	Ord  int64
	Mode Mode
}

// ModesAfter lists the modes that hold for a user in a room at a place and after it.
func (r *Reader) ModesAfter(room RoomRef, user Atom, ord int64) ([]ModeChange, error) {
	return list(r, modesAfter, in(room, user, ord), func(rows *sql.Rows) (m ModeChange, err error) {
		err = rows.Scan(&m.Ord, &m.Mode)
		return m, err
	})
}

// TallyBetween counts the events with after < ord ≤ upto, in the main timeline or (not 0) in a thread.
func (r *Reader) TallyBetween(room RoomRef, thread NID, after, upto int64) (t Tally, err error) {
	query := spanMain
	if thread != 0 {
		query = spanThread
	}
	_, err = r.row(query, in(room, thread, after, upto), &t.Counted, &t.Everybody)
	return t, err
}
