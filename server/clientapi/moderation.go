package clientapi

import (
	"context"

	"beffroi/server/journal"
	"beffroi/server/merr"
	"beffroi/server/store"
)

// Source: client-server API, "Server Administration", "Account locking" and "Account suspension".
func (a *API) moderationRoutes() []route {
	const admin = "/_matrix/client/v1/admin"
	return []route{
		{Method: "GET", Path: "/_matrix/client/v3/admin/whois/{userId}", Handle: a.whois},
		{Method: "GET", Path: admin + "/lock/{userId}", Handle: a.moderated("locked", store.AccountLocked)},
		{Method: "PUT", Path: admin + "/lock/{userId}", Handle: a.moderate("locked", store.AccountLocked)},
		{Method: "GET", Path: admin + "/suspend/{userId}", Handle: a.moderated("suspended", store.AccountSuspended)},
		{Method: "PUT", Path: admin + "/suspend/{userId}", Handle: a.moderate("suspended", store.AccountSuspended)},
	}
}

func (a *API) moderated(name string, state store.AccountState) func(*request) (any, error) {
	return func(r *request) (any, error) {
		now, err := a.Accounts.Moderated(r.Context(), r.Session, r.PathValue("userId"))
		if err != nil {
			return nil, err
		}
		return map[string]bool{name: now.Is(state)}, nil
	}
}

func (a *API) moderate(name string, state store.AccountState) func(*request) (any, error) {
	return func(r *request) (any, error) {
		userID := r.PathValue("userId")
		var req map[string]any
		if err := r.Decode(&req); err != nil {
			return nil, err
		}
		if _, err := a.Accounts.Moderated(r.Context(), r.Session, userID); err != nil {
			return nil, err
		}
		on, ok := req[name].(bool)
		if _, sent := req[name]; !sent {
			return nil, merr.MissingParam("%s is missing", name)
		} else if !ok {
			return nil, merr.BadJSON("%s is neither true nor false", name)
		}
		entry := journal.Entry{Actor: r.Session.UserID, Act: journal.Moderation(state, on), Target: userID}
		return map[string]bool{name: on}, a.Journal.Do(r.Context(), entry, func(ctx context.Context) error {
			return a.Accounts.Moderate(ctx, r.Session, userID, state, on)
		})
	}
}

// whois shows from where a user was seen last with each device; more is not kept.
func (a *API) whois(r *request) (any, error) {
	userID := r.PathValue("userId")
	devices, err := a.Accounts.DevicesOf(r.Context(), r.Session, userID)
	if err != nil {
		return nil, err
	}
	if userID != r.Session.UserID { // that an administrator looked stands in the journal
		if _, err := a.Journal.Record(r.Context(), journal.Entry{Actor: r.Session.UserID, Act: journal.ReadSessions, Target: userID}); err != nil {
			return nil, err
		}
	}
	shown := map[string]any{}
	for _, d := range devices {
		connections := []any{}
		if d.LastSeenTS != 0 {
			connections = append(connections, map[string]any{"ip": d.LastSeenIP, "last_seen": d.LastSeenTS})
		}
		shown[d.DeviceID] = map[string]any{"sessions": []any{map[string]any{"connections": connections}}}
	}
	return map[string]any{"user_id": userID, "devices": shown}, nil
}
