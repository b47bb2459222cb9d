package clientapi

import (
	"context"
	"encoding/json"

	"beffroi/server/limits"
	"beffroi/server/merr"
	"beffroi/server/store"
)

// Leaver lets a user leave rooms.
type Leaver interface {
	// LeaveAll leaves all rooms, and refuses all invitations.
	LeaveAll(ctx context.Context, user store.Atom, userID string) error
}

// Source: client-server API, "Legacy account management".
func (a *API) accountRoutes() []route {
	return []route{
		{Method: "POST", Path: "/_matrix/client/v3/account/password", Handle: a.changePassword, Suspended: true, Class: limits.Account},
		{Method: "POST", Path: "/_matrix/client/v3/account/deactivate", Handle: a.deactivate, Suspended: true, Class: limits.Account},
	}
}

func (a *API) changePassword(r *request) (any, error) {
	req := struct {
		NewPassword   string          `json:"new_password"`
		LogoutDevices bool            `json:"logout_devices"`
		Auth          json.RawMessage `json:"auth"`
	}{LogoutDevices: true}
	if err := r.Decode(&req); err != nil {
		return nil, err
	}
	if err := a.interactive(r, req.Auth); err != nil {
		return nil, err
	}
	if req.NewPassword == "" {
		return nil, merr.MissingParam("new_password is missing")
	}
	return nil, a.Accounts.ChangePassword(r.Context(), r.Session, req.NewPassword, req.LogoutDevices)
}

// deactivate lets the user leave and erases first: where that fails, the account is still there to try again.
func (a *API) deactivate(r *request) (any, error) {
	var req struct {
		Auth  json.RawMessage `json:"auth"`
		Erase bool            `json:"erase"`
	}
	if err := r.DecodeOptional(&req); err != nil {
		return nil, err
	}
	if err := a.interactive(r, req.Auth); err != nil {
		return nil, err
	}
	if err := a.Leaver.LeaveAll(r.Context(), r.Session.User, r.Session.UserID); err != nil {
		return nil, err
	}
	if req.Erase {
		if err := a.erase(r); err != nil {
			return nil, err
		}
	}
	if err := a.Accounts.Deactivate(r.Context(), r.Session.User, req.Erase); err != nil {
		return nil, err
	}
	return map[string]string{"id_server_unbind_result": "success"}, nil
}

// erase removes what would be too much for the write that ends the account.
func (a *API) erase(r *request) error {
	if err := a.E2EE.EraseKeyBackups(r.Context(), r.Session.User); err != nil {
		return err
	}
	return a.Media.Erase(r.Context(), r.Session.User)
}
