package adminapi

import (
	"cmp"
	"strconv"
	"strings"

	"beffroi/server/store"
)

// userEntry is an account as lists have it.
type userEntry struct {
	Name         string  `json:"name"`
	IsGuest      bool    `json:"is_guest"`
	Admin        bool    `json:"admin"`
	UserType     *string `json:"user_type"`
	Deactivated  bool    `json:"deactivated"`
	Erased       bool    `json:"erased"`
	ShadowBanned bool    `json:"shadow_banned"`
	DisplayName  *string `json:"displayname"`
	AvatarURL    *string `json:"avatar_url"`
	CreationTS   int64   `json:"creation_ts"`
	LastSeenTS   *int64  `json:"last_seen_ts"`
	Locked       bool    `json:"locked"`
	Suspended    bool    `json:"suspended"`
	Approved     bool    `json:"approved"`
}

func toUserEntry(a store.AccountInfo) userEntry {
	e := userEntry{Name: a.UserID, Admin: a.Admin, Deactivated: a.State.Is(store.AccountDeactivated), Erased: a.Erased, DisplayName: orNull(a.DisplayName),
		AvatarURL: orNull(a.AvatarURL), CreationTS: a.Created, Locked: a.State.Is(store.AccountLocked), Suspended: a.State.Is(store.AccountSuspended), Approved: true}
	if a.LastSeen != 0 {
		e.LastSeenTS = &a.LastSeen
	}
	return e
}

// users lists accounts. In version 3 deactivated chooses, in version 2 it adds.
func (a *API) users(v3 bool) handler {
	return func(r *request) (any, error) {
		from, limit, err := page(r)
		if err != nil {
			return nil, err
		}
		match, err := userFilter(r, v3)
		if err != nil {
			return nil, err
		}
		all, err := store.Get(r.Context(), a.DB, (*store.Reader).AccountInfos)
		if err != nil {
			return nil, err
		}
		var chosen []userEntry
		for _, u := range all {
			if match(u) {
				chosen = append(chosen, toUserEntry(u))
			}
		}
		back, err := backward(r, false)
		if err != nil {
			return nil, err
		}
		if err := order(r, chosen, userColumns(), "name", back); err != nil {
			return nil, err
		}
		part, next := cut(chosen, from, limit)
		answer := map[string]any{"users": part, "total": len(chosen)}
		if next > 0 {
			answer["next_token"] = strconv.Itoa(next)
		}
		return answer, nil
	}
}

// userFilter reads which accounts are asked for.
func userFilter(r *request, v3 bool) (func(store.AccountInfo) bool, error) {
	q := r.URL.Query()
	name, userID := strings.ToLower(q.Get("name")), strings.ToLower(q.Get("user_id"))
	var flags [3]*bool
	for i, key := range []string{"admins", "deactivated", "locked"} {
		var err error
		if flags[i], err = flag(r, key); err != nil {
			return nil, err
		}
	}
	admins, deactivated, locked := flags[0], flags[1], flags[2]
	return func(a store.AccountInfo) bool {
		localpart, _, _ := strings.Cut(a.UserID, ":")
		gone := a.State.Is(store.AccountDeactivated)
		switch {
		case name != "" && !strings.Contains(localpart, name) && !strings.Contains(strings.ToLower(a.DisplayName), name):
			return false
		case name == "" && !strings.Contains(strings.ToLower(a.UserID), userID):
			return false
		case admins != nil && a.Admin != *admins:
			return false
		case v3 && deactivated != nil && gone != *deactivated, !v3 && gone && (deactivated == nil || !*deactivated):
			return false
		}
		return !a.State.Is(store.AccountLocked) || locked != nil && *locked
	}, nil
}

func userColumns() map[string]func(a, b userEntry) int {
	text := func(get func(userEntry) *string) func(a, b userEntry) int {
		return func(a, b userEntry) int {
			x, y := get(a), get(b)
			return cmp.Or(cmp.Compare(yesNo(x != nil), yesNo(y != nil)), cmp.Compare(lower(x), lower(y)))
		}
	}
	yes := func(get func(userEntry) bool) func(a, b userEntry) int {
		return func(a, b userEntry) int { return yesNo(get(a)) - yesNo(get(b)) }
	}
	same := func(userEntry, userEntry) int { return 0 }
	return map[string]func(a, b userEntry) int{
		"name":          func(a, b userEntry) int { return cmp.Compare(a.Name, b.Name) },
		"is_guest":      same,
		"user_type":     same,
		"shadow_banned": same,
		"admin":         yes(func(e userEntry) bool { return e.Admin }),
		"deactivated":   yes(func(e userEntry) bool { return e.Deactivated }),
		"locked":        yes(func(e userEntry) bool { return e.Locked }),
		"suspended":     yes(func(e userEntry) bool { return e.Suspended }),
		"displayname":   text(func(e userEntry) *string { return e.DisplayName }),
		"avatar_url":    text(func(e userEntry) *string { return e.AvatarURL }),
		"creation_ts":   func(a, b userEntry) int { return cmp.Compare(a.CreationTS, b.CreationTS) },
		"last_seen_ts": func(a, b userEntry) int {
			return cmp.Compare(seen(a), seen(b))
		},
	}
}

func lower(text *string) string {
	if text == nil {
		return ""
	}
	return strings.ToLower(*text)
}

func seen(e userEntry) int64 {
	if e.LastSeenTS == nil {
		return 0
	}
	return *e.LastSeenTS
}
