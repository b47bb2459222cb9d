package adminapi

import (
	"net/http"

	"maunium.net/go/mautrix"

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

func (a *API) isAdmin(r *request) (any, error) {
	info, err := a.Admin.Account(r.Context(), r.PathValue("userId"))
	return map[string]bool{"admin": info.Admin}, err
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

type threePID struct {
	Medium      string `json:"medium"`
	Address     string `json:"address"`
	AddedAt     int64  `json:"added_at"`     // milliseconds
	ValidatedAt int64  `json:"validated_at"` // milliseconds
}
