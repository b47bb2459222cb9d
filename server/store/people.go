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
)

// People lists all accounts that were not deactivated, by their ids.
func (r *Reader) People() ([]Person, error) {
	return list(r, people, in(AccountDeactivated), func(rows *sql.Rows) (p Person, err error) {
		err = rows.Scan(&p.User, &p.ID, (*[]byte)(&p.DisplayName), (*[]byte)(&p.AvatarURL))
		return p, err
	})
}

// OpennessOfRooms gives the join rules and the history visibility of every room.
func (r *Reader) OpennessOfRooms() ([]Event, error) {
	return list(r, openness, in(AtomJoinRules, AtomHistoryVisibility, AtomEmpty), scanEvent)
}
