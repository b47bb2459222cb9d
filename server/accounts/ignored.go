package accounts

import (
	"encoding/json"
	"maps"
	"slices"

	"beffroi/server/store"
)

// Ignored gives whom a user ignores. A list that is malformed ignores nobody; so does who names themselves.
//
// Spec: client-server API, "Ignoring Users".
func Ignored(r *store.Reader, user store.Atom) (map[store.Atom]bool, error) {
	ignored := map[store.Atom]bool{}
	users, err := ignoredUsers(r, user)
	if err != nil {
		return nil, err
	}
	for userID := range users {
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

// IgnoredIDs is Ignored by the ids of users, in their order, also of those of whom this server has never heard. id is who ignores.
func IgnoredIDs(r *store.Reader, user store.Atom, id string) ([]string, error) {
	users, err := ignoredUsers(r, user)
	delete(users, id)
	return slices.Sorted(maps.Keys(users)), err
}

func ignoredUsers(r *store.Reader, user store.Atom) (map[string]json.RawMessage, error) {
	list, err := r.FindAtom(ignoredUserList)
	if err != nil || list == 0 {
		return nil, err
	}
	data, err := r.AccountData(user, 0, list)
	if err != nil {
		return nil, err
	}
	var content struct {
		Users map[string]json.RawMessage `json:"ignored_users"`
	}
	if json.Unmarshal(data.Content, &content) != nil {
		return nil, nil
	}
	return content.Users, nil
}

const ignoredUserList = "m.ignored_user_list"
