package accounts

import (
	"encoding/json"

	"beffroi/server/store"
)

// Ignored gives whom a user ignores. A list that is malformed ignores nobody; so does who names themselves.
//
// Spec: client-server API, "Ignoring Users".
func Ignored(r *store.Reader, user store.Atom) (map[store.Atom]bool, error) {
	ignored := map[store.Atom]bool{}
	list, err := r.FindAtom("m.ignored_user_list")
	if err != nil || list == 0 {
		return ignored, err
	}
	data, err := r.AccountData(user, 0, list)
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
		other, err := r.FindAtom(userID)
		if err != nil {
			return nil, err
		}
		if other != 0 && other != user {
			ignored[other] = true
		}
	}
	return ignored, nil
}
