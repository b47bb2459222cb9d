package clientapi

import (
	"context"
	"encoding/json"
	"errors"

	"beffroi/server/accounts"
	"beffroi/server/httpx"
	"beffroi/server/limits"
	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// ProfilePropagator tells rooms about profiles.
type ProfilePropagator interface {
	// ProfileChanged renews the membership events of a user with the display name and avatar of now.
	ProfileChanged(ctx context.Context, user store.Atom, userID string) error
}

// Source: client-server API, "Profiles". Reading needs no token.
func (a *API) profileRoutes() []route {
	return []route{
		{Method: "GET", Path: "/_matrix/client/v3/profile/{userId}", Handle: a.profile, Auth: httpx.Optional, Class: limits.Lookup},
		{Method: "GET", Path: "/_matrix/client/v3/profile/{userId}/{keyName}", Handle: a.profileField, Auth: httpx.Optional, Class: limits.Lookup},
		{Method: "PUT", Path: "/_matrix/client/v3/profile/{userId}/{keyName}", Handle: a.setProfileField, Class: limits.Settings},
		{Method: "DELETE", Path: "/_matrix/client/v3/profile/{userId}/{keyName}", Handle: a.deleteProfileField, Class: limits.Settings},
	}
}

func (a *API) profile(r *request) (any, error) { return a.profileOf(r) }

// profileOf reads a profile. Where there is none an application service may have the user; it is asked for those who are logged in only, and so are other servers.
func (a *API) profileOf(r *request) (map[string]json.RawMessage, error) {
	userID := r.PathValue("userId")
	read := a.Accounts.Profile
	if r.Session != nil {
		read = a.Directory.Profile
	}
	profile, err := read(r.Context(), userID)
	if !merr.Is(err, "M_NOT_FOUND") {
		return profile, err
	}
	if r.Session == nil {
		return nil, a.undisclosed(userID, err)
	}
	if made, failure := a.Services.QueryUser(r.Context(), userID); failure != nil || !made {
		return nil, errors.Join(failure, err)
	}
	return a.Accounts.Profile(r.Context(), userID)
}

// undisclosed is what strangers are told of who is not found: of a user of another server, which is not asked for them, that this one won't say.
func (a *API) undisclosed(userID string, notFound error) error {
	if pdu.ValidUserID(userID) && pdu.ServerOf(userID) != a.ServerName {
		return merr.Forbidden("Profiles of users of other servers are for those who are logged in")
	}
	return notFound
}

func (a *API) profileField(r *request) (any, error) {
	profile, err := a.profileOf(r)
	if err != nil {
		return nil, err
	}
	name := r.PathValue("keyName")
	value, ok := profile[name]
	if !ok {
		return nil, merr.NotFound("This user's profile has no such field")
	}
	return map[string]json.RawMessage{name: value}, nil
}

func (a *API) setProfileField(r *request) (any, error) {
	if err := ownUser(r); err != nil {
		return nil, err
	}
	var req map[string]json.RawMessage
	if err := r.Decode(&req); err != nil {
		return nil, err
	}
	name := r.PathValue("keyName")
	value, ok := req[name]
	if !ok {
		return nil, merr.MissingParam("%s is missing", name)
	}
	if len(req) > 1 {
		return nil, merr.BadJSON("There is more than the one field that is named in the path")
	}
	if err := a.Accounts.SetProfileField(r.Context(), r.Session.User, name, value); err != nil {
		return nil, err
	}
	return nil, a.propagate(r, name)
}

func (a *API) deleteProfileField(r *request) (any, error) {
	if err := ownUser(r); err != nil {
		return nil, err
	}
	if err := a.Accounts.DeleteProfileField(r.Context(), r.Session.User, r.PathValue("keyName")); err != nil {
		return nil, err
	}
	return nil, a.propagate(r, r.PathValue("keyName"))
}

// propagate brings what membership events repeat into the rooms.
func (a *API) propagate(r *request, name string) error {
	if name != accounts.FieldDisplayName && name != accounts.FieldAvatarURL {
		return nil
	}
	return a.Profiles.ProfileChanged(r.Context(), r.Session.User, r.Session.UserID)
}

// ownUser refuses paths that name another user than the one who is logged in.
func ownUser(r *request) error {
	if r.PathValue("userId") != r.Session.UserID {
		return merr.Forbidden("This belongs to another user")
	}
	return nil
}
