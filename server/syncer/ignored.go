package syncer

import (
	"encoding/json"

	"beffroi/server/store"
)

// ignores tells whether the user ignores another. The list is read once in a look; one that is malformed ignores nobody.
//
// Spec: client-server API, "Ignoring Users".
func (l *look) ignores(sender store.Atom) (bool, error) {
	if l.ignored == nil && l.known != nil && !l.touched(store.TouchedData) {
		l.ignored = l.known.ignored
	}
	if l.ignored == nil {
		var err error
		if l.ignored, err = l.readIgnored(); err != nil {
			return false, err
		}
	}
	return l.ignored[sender], nil
}

func (l *look) readIgnored() (map[store.Atom]bool, error) {
	ignored := map[store.Atom]bool{}
	list, err := l.r.FindAtom("m.ignored_user_list")
	if err != nil || list == 0 {
		return ignored, err
	}
	data, err := l.r.AccountData(l.q.Session.User, 0, list)
	if err != nil {
		return nil, err
	}
	var content struct {
		Users map[string]json.RawMessage `json:"ignored_users"`
	}
	if json.Unmarshal(data.Content, &content) != nil {
		return ignored, nil
	}
	for userID := range content.Users {
		user, err := l.r.FindAtom(userID)
		if err != nil {
			return nil, err
		}
		if user != 0 && user != l.q.Session.User {
			ignored[user] = true
		}
	}
	return ignored, nil
}
