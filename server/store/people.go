package store

import (
	"database/sql"
	"encoding/json"
)

// Person is an account as others find it.
type Person struct {
	User        Atom
	ID          string
	DisplayName json.RawMessage // nil: none
	AvatarURL   json.RawMessage // nil: none
}

const (
	people = `SELECT a.id, a.text, n.value, p.value FROM account c JOIN atom a ON a.id = c.user
		LEFT JOIN profile n ON n.user = c.user AND n.field = 'displayname' LEFT JOIN profile p ON p.user = c.user AND p.field = 'avatar_url'
		WHERE c.state & ? = 0 ORDER BY a.text`
	openness = `SELECT ` + eventColumns + ` FROM room r JOIN current_state s ON s.room = r.id AND s.type IN (?, ?) AND s.state_key = ?
		JOIN event e ON e.nid = s.nid`
	// One membership of each stands for them: their own profile is on another server.
	visitors = `SELECT a.id, a.text, CAST(e.json AS TEXT) -> '$.content.displayname', CAST(e.json AS TEXT) -> '$.content.avatar_url'
		FROM (SELECT m.user AS user, max(m.nid) AS nid FROM json_each(?) r JOIN member m ON m.room = r.value AND m.membership = 1
			WHERE NOT EXISTS (SELECT 1 FROM account c WHERE c.user = m.user) GROUP BY m.user LIMIT ?) v
		JOIN atom a ON a.id = v.user JOIN event e ON e.nid = v.nid ORDER BY a.text`
)

// People lists all accounts that were not deactivated, by their ids.
func (r *Reader) People() ([]Person, error) {
	return list(r, people, in(AccountDeactivated), scanPerson)
}

// Visitors lists up to limit users of other servers who are joined to one of some rooms, by their ids, as one of these rooms shows them.
func (r *Reader) Visitors(rooms []RoomRef, limit int) ([]Person, error) {
	refs, err := json.Marshal(rooms)
	if err != nil {
		return nil, err
	}
	return list(r, visitors, in(string(refs), limit), scanPerson)
}

func scanPerson(rows *sql.Rows) (p Person, err error) {
	err = rows.Scan(&p.User, &p.ID, (*[]byte)(&p.DisplayName), (*[]byte)(&p.AvatarURL))
	return p, err
}

// OpennessOfRooms gives the join rules and the history visibility of every room.
func (r *Reader) OpennessOfRooms() ([]Event, error) {
	return list(r, openness, in(AtomJoinRules, AtomHistoryVisibility, AtomEmpty), scanEvent)
}
