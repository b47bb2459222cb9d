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
		{Method: "PUT", Path: admin + "/lock/{userId}", Handle: a.moderate("locked", store.AccountLocked, journal.LockUser, journal.UnlockUser)},
		{Method: "GET", Path: admin + "/suspend/{userId}", Handle: a.moderated("suspended", store.AccountSuspended)},
		{Method: "PUT", Path: admin + "/suspend/{userId}", Handle: a.moderate("suspended", store.AccountSuspended, journal.SuspendUser, journal.UnsuspendUser)},
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

// moderate sets one state of an account, which stands in the journal as the act on or off.
func (a *API) moderate(name string, state store.AccountState, on, off journal.Act) func(*request) (any, error) {
	return func(r *request) (any, error) {
		userID := r.PathValue("userId")
		var req map[string]any
		if err := r.Decode(&req); err != nil {
			return nil, err
		}
		if err := a.Accounts.MayModerate(r.Context(), r.Session, userID); err != nil {
			return nil, err
		}
		wanted, ok := req[name].(bool)
		if _, sent := req[name]; !sent {
			return nil, merr.MissingParam("%s is missing", name)
		} else if !ok {
			return nil, merr.BadJSON("%s is neither true nor false", name)
		}
		act := off
		if wanted {
			act = on
		}
		return map[string]bool{name: wanted}, a.Journal.Do(r.Context(), journal.Entry{Actor: r.Session.UserID, Act: act, Target: userID},
			func(ctx context.Context) error { return a.Accounts.SetState(ctx, userID, state, wanted) })
	}
}

// whois shows from where a user was seen last with each device; more is not kept. That an administrator looked at another's stands in the journal.
func (a *API) whois(r *request) (any, error) {
	userID := r.PathValue("userId")
	devices, err := a.Accounts.DevicesOf(r.Context(), r.Session, userID)
	if err != nil {
		return nil, err
	}
	if userID != r.Session.UserID {
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
