package store

import (
	"database/sql"
	"strings"
)

// RelationDepth is how often the relations of what relates to an event are followed in turn. Source: client-server API, "Relationships API":
// at least 3 levels.
const RelationDepth = 3

// Relating asks for the events that relate to one.
type Relating struct {
	Target    NID
	RelType   RelType // 0: any
	EventType Atom    // 0: any
	After, To int64   // places: After < ord ≤ To
	Backward  bool    // the latest first
	Recurse   bool    // also those that relate to them in turn
	Limit     int
}

const (
	// What relates directly is a range of the table, in order.
	relatingDirectly = `SELECT ` + eventColumns + ` FROM relation r JOIN event e ON e.nid = r.nid
		WHERE r.target = ?1 AND (?2 = 0 OR r.rel_type = ?2) AND (?3 = 0 OR r.type = ?3) AND r.ord > ?4 AND r.ord <= ?5 ORDER BY r.ord`

	// What relates to an event comes after it, so what lies behind the end of a page leads to nothing. Ten thousand are looked at, from the
	// page's beginning on, so each page of a longer list goes on where the one before it ended.
	relatingRecursively = `WITH RECURSIVE child (nid, ord, depth) AS (
			SELECT r.nid, r.ord, 0 FROM relation r
			WHERE r.target = ?1 AND (?2 = 0 OR r.rel_type = ?2) AND (?3 = 0 OR r.type = ?3) AND r.ord <= ?5
			UNION ALL
			SELECT r.nid, r.ord, c.depth + 1 FROM child c JOIN relation r ON r.target = c.nid
			WHERE c.depth < ?7 AND (?2 = 0 OR r.rel_type = ?2) AND (?3 = 0 OR r.type = ?3) AND r.ord <= ?5
			ORDER BY 2 {dir} LIMIT 10000)
		SELECT ` + eventColumns + ` FROM event e WHERE e.nid IN (SELECT nid FROM child WHERE ord > ?4 ORDER BY ord {dir} LIMIT ?6) ORDER BY e.ord {dir}`
)

// Relating reads events that relate to one, by their places.
func (r *Reader) Relating(q *Relating) ([]Event, error) {
	query, args := relatingDirectly+` {dir} LIMIT ?6`, in(q.Target, q.RelType, q.EventType, q.After, q.To, q.Limit)
	if q.Recurse {
		query, args = relatingRecursively, append(args, RelationDepth)
	}
	dir := ""
	if q.Backward {
		dir = "DESC"
	}
	return list(r, strings.ReplaceAll(query, "{dir}", dir), args, scanEvent)
}

// ThreadHead is a thread and the place of its last message.
type ThreadHead struct {
	Root NID
	Last int64
}

const threadHeads = `SELECT root, last FROM (
		SELECT t.root, (SELECT r.ord FROM relation r WHERE r.target = t.root AND r.rel_type = -4
			AND r.sender NOT IN (SELECT value FROM json_each(?2)) ORDER BY r.ord DESC LIMIT 1) AS last
		FROM thread t WHERE t.room = ?1 AND (?3 = 0
			OR EXISTS (SELECT 1 FROM event e WHERE e.nid = t.root AND e.sender = ?3)
			OR EXISTS (SELECT 1 FROM relation r WHERE r.target = t.root AND r.rel_type = -4 AND r.sender = ?3)))
	WHERE last <= ?4 ORDER BY last DESC LIMIT ?5`

// ThreadHeads lists the threads of a room whose last message, other than those of the ignored, has its place up to one, the latest first.
// participant: only threads that this user began or wrote in; 0 for all.
func (r *Reader) ThreadHeads(room RoomRef, ignored []Atom, participant Atom, upto int64, limit int) ([]ThreadHead, error) {
	args := in(room, jsonArray(append([]Atom{}, ignored...)), participant, upto, limit)
	return list(r, threadHeads, args, func(rows *sql.Rows) (h ThreadHead, err error) {
		err = rows.Scan(&h.Root, &h.Last)
		return h, err
	})
}
