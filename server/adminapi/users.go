package adminapi

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"maunium.net/go/mautrix"

	"beffroi/server/accounts"
	"beffroi/server/admin"
	"beffroi/server/merr"
	"beffroi/server/store"
	"beffroi/server/threepid"
)

// Source: Synapse's admin API, "User Admin API".
func (a *API) userCalls() []Call {
	const v1, v2 = "/_synapse/admin/v1", "/_synapse/admin/v2"
	return []Call{
		call("GET", v2+"/users", Reads, "accounts with names, rights and states; also `suspended`; filtered, sorted, in pages", a.users(false)),
		call("GET", "/_synapse/admin/v3/users", Reads, "as v2, but for the parameter `deactivated`", a.users(true)),
		call("GET", v2+"/users/{userId}", Reads, "one account", a.user),
		call("PUT", v2+"/users/{userId}", Acts, "makes or changes an account. `password` sets none: it asks for a one-time link, which the administrator gets as a notice and in the answer "+
			"(`fr.beffroi.password_link`), and closes all sessions. Closed accounts stay closed. Making an administrator, or a link for one, is confirmed", a.putUser),
		call("POST", v1+"/deactivate/{userId}", Acts, "closes an account for ever; `erase` also removes its profile, files and key backups", a.deactivate),
		call("POST", v1+"/reset_password/{userId}", Acts, "makes a one-time link, as PUT does with `password`; `new_password` is not looked at. For an administrator confirmed", a.resetPassword),
		call("PUT", v1+"/suspend/{userId}", Acts, "suspends an account, or lifts that", a.suspend),
		call("GET", v1+"/users/{userId}/admin", Reads, "whether somebody is an administrator", a.isAdmin),
		call("PUT", v1+"/users/{userId}/admin", Acts, "gives or takes the rights of administration; nobody takes their own, and the last administrator stays. Giving them is confirmed", a.setAdmin),
		call("GET", v1+"/users/{userId}/joined_rooms", Reads, "the ids of the rooms that somebody is in", a.joinedRooms),
		call("GET", v1+"/users/{userId}/memberships", Reads, "the ids of rooms and the membership in them", a.memberships),
		call("GET", v1+"/username_available", Reads, "whether a localpart is free", a.usernameAvailable),
		call("GET", v1+"/users/{userId}/pushers", Reads, "with which programs somebody is notified, without the keys and addresses by which that is done", a.pushers),
		call("GET", v1+"/threepid/{medium}/users/{address}", Reads, "whose an e-mail address is", a.addressOwner),
		call("GET", v1+"/auth_providers/{provider}/users/{externalId}", Empty, "404: there is no single sign-on", nobodyFound),
	}
}

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

// userDetail is one account by itself. What this server has no notion of is null or empty.
type userDetail struct {
	userEntry
	ThreePIDs               []threePID       `json:"threepids"`
	ExternalIDs             []any            `json:"external_ids"`
	AppserviceID            *string          `json:"appservice_id"`
	ConsentServerNoticeSent *string          `json:"consent_server_notice_sent"`
	ConsentVersion          *string          `json:"consent_version"`
	ConsentTS               *int64           `json:"consent_ts"`
	Link                    *passwordLinkRef `json:"fr.beffroi.password_link,omitempty"`
}

// passwordLinkRef is a link as answers have it; expires_ts in milliseconds.
type passwordLinkRef struct {
	URL       string `json:"url"`
	ExpiresTS int64  `json:"expires_ts"`
}

func refTo(l admin.Link) *passwordLinkRef {
	return &passwordLinkRef{URL: l.URL, ExpiresTS: store.Millis(l.Expires)}
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

func (a *API) user(r *request) (any, error) { return a.detail(r, r.PathValue("userId")) }

func (a *API) detail(r *request, userID string) (userDetail, error) {
	info, err := a.Admin.Account(r.Context(), userID)
	if err != nil {
		return userDetail{}, err
	}
	addresses, err := a.Admin.Threepids.List(r.Context(), info.User)
	d := userDetail{userEntry: toUserEntry(info), ThreePIDs: []threePID{}, ExternalIDs: []any{}}
	for _, t := range addresses {
		d.ThreePIDs = append(d.ThreePIDs, threePID{Medium: threepid.Email, Address: t.Address, AddedAt: t.Added, ValidatedAt: t.Validated})
	}
	return d, err
}

func (a *API) deactivate(r *request) (any, error) {
	var q struct {
		Erase bool `json:"erase"`
	}
	if err := r.DecodeOptional(&q); err != nil {
		return nil, err
	}
	if err := a.Admin.Deactivate(r.Context(), actor(r), r.PathValue("userId"), q.Erase); err != nil {
		return nil, err
	}
	return map[string]string{"id_server_unbind_result": "success"}, nil
}

func (a *API) resetPassword(r *request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	link, err := a.link(r, r.PathValue("userId"))
	if err != nil {
		return nil, err
	}
	return map[string]any{"fr.beffroi.password_link": link}, nil
}

// link makes a one-time link, and gives it to the administrator as a notice too.
func (a *API) link(r *request, userID string) (*passwordLinkRef, error) {
	link, err := a.newLink(r, userID)
	if err != nil {
		return nil, err
	}
	a.Admin.TellLink(r.Context(), actor(r), userID, link)
	return refTo(link), nil
}

func (a *API) newLink(r *request, userID string) (link admin.Link, err error) {
	of, err := a.Admin.Account(r.Context(), userID)
	if err != nil {
		return link, err
	}
	if err := a.sure(r, of.Admin); err != nil {
		return link, err
	}
	return a.Admin.PasswordLink(r.Context(), actor(r), userID)
}

func (a *API) suspend(r *request) (any, error) {
	var q struct {
		Suspend *bool `json:"suspend"`
	}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	if q.Suspend == nil {
		return nil, merr.MissingParam("suspend is missing")
	}
	userID := r.PathValue("userId")
	key := "user_" + userID + "_suspended"
	return map[string]bool{key: *q.Suspend}, a.Admin.SetState(r.Context(), actor(r), userID, store.AccountSuspended, *q.Suspend)
}

func (a *API) isAdmin(r *request) (any, error) {
	info, err := a.Admin.Account(r.Context(), r.PathValue("userId"))
	return map[string]bool{"admin": info.Admin}, err
}

func (a *API) setAdmin(r *request) (any, error) {
	var q struct {
		Admin *bool `json:"admin"`
	}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	if q.Admin == nil {
		return nil, merr.MissingParam("admin is missing")
	}
	if err := a.sure(r, *q.Admin); err != nil {
		return nil, err
	}
	return nil, a.Admin.SetAdmin(r.Context(), actor(r), r.PathValue("userId"), *q.Admin)
}

func (a *API) joinedRooms(r *request) (any, error) {
	all, err := a.Admin.Memberships(r.Context(), r.PathValue("userId"))
	ids := []string{}
	for id, m := range all {
		if m == store.Join {
			ids = append(ids, id)
		}
	}
	return map[string]any{"joined_rooms": ids, "total": len(ids)}, err
}

func (a *API) memberships(r *request) (any, error) {
	all, err := a.Admin.Memberships(r.Context(), r.PathValue("userId"))
	words := map[string]string{}
	for id, m := range all {
		words[id] = m.String()
	}
	return map[string]any{"memberships": words}, err
}

func (a *API) addressOwner(r *request) (any, error) {
	userID, err := a.Admin.Threepids.Owner(r.Context(), r.PathValue("medium"), r.PathValue("address"))
	if err == nil && userID == "" {
		return nobodyFound(r)
	}
	return map[string]string{"user_id": userID}, err
}

// pushers tells with which programs somebody is notified; the keys by which that is done stay theirs.
func (a *API) pushers(r *request) (any, error) {
	info, err := a.Admin.Account(r.Context(), r.PathValue("userId"))
	if err != nil {
		return nil, err
	}
	all, err := store.Get(r.Context(), a.DB, func(rd *store.Reader) ([]store.Pusher, error) { return rd.PushersOf(info.User) })
	entries := []map[string]any{}
	for _, p := range all {
		entries = append(entries, map[string]any{"app_id": p.AppID, "kind": p.Kind, "pushkey": "", "data": map[string]any{}, "app_display_name": p.AppID,
			"device_display_name": p.DeviceID, "lang": "", "profile_tag": ""})
	}
	return map[string]any{"pushers": entries, "total": len(entries)}, err
}

func (a *API) usernameAvailable(r *request) (any, error) {
	if !r.URL.Query().Has("username") {
		return nil, merr.MissingParam("username is missing")
	}
	if err := a.Accounts.Available(r.Context(), r.URL.Query().Get("username")); err != nil {
		return nil, err
	}
	return mautrix.RespRegisterAvailable{Available: true}, nil
}

func nobodyFound(*request) (any, error) {
	return nil, merr.New(http.StatusNotFound, "M_NOT_FOUND", "User not found")
}

// putUserRequest is what an account shall be. What is missing stays as it is.
type putUserRequest struct {
	Password    *string         `json:"password"`
	DisplayName *string         `json:"displayname"`
	AvatarURL   *string         `json:"avatar_url"`
	ThreePIDs   []threePID      `json:"threepids"`
	ExternalIDs json.RawMessage `json:"external_ids"`
	UserType    *string         `json:"user_type"`
	Admin       *bool           `json:"admin"`
	Deactivated *bool           `json:"deactivated"`
	Locked      *bool           `json:"locked"`
	Suspended   *bool           `json:"suspended"`
}

type threePID struct {
	Medium      string `json:"medium"`
	Address     string `json:"address"`
	AddedAt     int64  `json:"added_at"`     // milliseconds
	ValidatedAt int64  `json:"validated_at"` // milliseconds
}

// possible refuses what this server can't do, before anything is done. known are the addresses that the account has.
func (q *putUserRequest) possible(known []string) error {
	switch external := strings.TrimSpace(string(q.ExternalIDs)); {
	case external != "" && external != "[]" && external != "null":
		return merr.InvalidParam("external_ids: this server has no single sign-on")
	case q.UserType != nil && *q.UserType != "":
		return merr.InvalidParam("user_type: this server knows one kind of accounts")
	case slices.ContainsFunc(q.ThreePIDs, func(t threePID) bool { return !slices.Contains(known, t.Address) }):
		return merr.InvalidParam("threepids: people add their own addresses, which are proven by a mail to them")
	}
	return nil
}

// sensitive tells whether the request makes an administrator, or a link for one.
func (q *putUserRequest) sensitive(admin bool) bool {
	return !admin && q.Admin != nil && *q.Admin || admin && q.Password != nil && *q.Password != ""
}

func (a *API) putUser(r *request) (any, error) {
	var q putUserRequest
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	userID := r.PathValue("userId")
	localpart, server, ok := strings.Cut(strings.TrimPrefix(userID, "@"), ":")
	if !ok || !strings.HasPrefix(userID, "@") || server != a.ServerName {
		return nil, merr.InvalidParam("%q is no user id of this server", userID)
	}
	before, err := a.Admin.Account(r.Context(), userID)
	isNew := merr.Is(err, "M_NOT_FOUND")
	if err != nil && !isNew {
		return nil, err
	}
	known, err := a.addresses(r, before)
	if err != nil {
		return nil, err
	}
	if err := q.possible(known); err != nil {
		return nil, err
	}
	if err := a.sure(r, q.sensitive(before.Admin)); err != nil {
		return nil, err
	}
	if isNew {
		return a.createUser(r, localpart, q)
	}
	link, err := a.changeUser(r, before, q)
	if err != nil {
		return nil, err
	}
	answer, err := a.detail(r, userID)
	answer.Link = link
	return answer, err
}

func (a *API) addresses(r *request, of store.AccountInfo) (known []string, err error) {
	all, err := a.Admin.Threepids.List(r.Context(), of.User)
	for _, t := range all {
		known = append(known, t.Address)
	}
	return known, err
}

// createUser makes an account. With or without a password in the request, its owner chooses one by a link.
func (a *API) createUser(r *request, localpart string, q putUserRequest) (any, error) {
	account := accounts.NewAccount{Localpart: localpart, Admin: q.Admin != nil && *q.Admin}
	if q.DisplayName != nil {
		account.DisplayName = *q.DisplayName
	}
	userID, link, err := a.Admin.CreateUser(r.Context(), actor(r), account)
	if err != nil {
		return nil, err
	}
	a.Admin.TellLink(r.Context(), actor(r), userID, link)
	q.Password, q.Admin, q.DisplayName = nil, nil, nil
	before, err := a.Admin.Account(r.Context(), userID)
	if err != nil {
		return nil, err
	}
	if _, err := a.changeUser(r, before, q); err != nil {
		return nil, err
	}
	answer, err := a.detail(r, userID)
	if err != nil {
		return nil, err
	}
	answer.Link = refTo(link)
	return statusCreated(answer), nil
}

// changeUser changes what differs from what is. The link comes where a password was sent.
func (a *API) changeUser(r *request, before store.AccountInfo, q putUserRequest) (link *passwordLinkRef, err error) {
	if before.State.Is(store.AccountDeactivated) {
		if q.Deactivated != nil && *q.Deactivated {
			return nil, nil
		}
		return nil, merr.Forbidden("A closed account stays closed; its user id is never given again")
	}
	for field, text := range map[string]*string{accounts.FieldDisplayName: changed(q.DisplayName, before.DisplayName), accounts.FieldAvatarURL: changed(q.AvatarURL, before.AvatarURL)} {
		if text == nil {
			continue
		}
		if err := a.Admin.SetProfile(r.Context(), actor(r), before.UserID, field, *text); err != nil {
			return nil, err
		}
	}
	if q.Admin != nil {
		if err := a.Admin.SetAdmin(r.Context(), actor(r), before.UserID, *q.Admin); err != nil {
			return nil, err
		}
	}
	if err := a.states(r, before.UserID, q.Locked, q.Suspended); err != nil {
		return nil, err
	}
	if q.Deactivated != nil && *q.Deactivated {
		return nil, a.Admin.Deactivate(r.Context(), actor(r), before.UserID, false)
	}
	if q.Password != nil && *q.Password != "" {
		return a.link(r, before.UserID)
	}
	return nil, nil
}

// changed is what was sent, nil where it is what stands there.
func changed(sent *string, now string) *string {
	if sent == nil || *sent == now {
		return nil
	}
	return sent
}
