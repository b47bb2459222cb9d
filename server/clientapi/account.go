package clientapi

import (
	"context"
	"encoding/json"

	"beffroi/server/accounts"
	"beffroi/server/httpx"
	"beffroi/server/limits"
	"beffroi/server/merr"
	"beffroi/server/store"
	"beffroi/server/threepid"
)

// Leaver lets a user leave rooms.
type Leaver interface {
	// LeaveAll leaves all rooms, and refuses all invitations.
	LeaveAll(ctx context.Context, user store.Atom, userID string) error
}

// Source: client-server API, "Legacy account management".
func (a *API) accountRoutes() []route {
	return []route{
		{Method: "POST", Path: "/_matrix/client/v3/account/password", Handle: a.changePassword, Suspended: true, Auth: httpx.Optional, Class: limits.Account},
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
	if req.NewPassword == "" && len(req.Auth) > 0 {
		return nil, merr.MissingParam("new_password is missing")
	}
	if r.Session == nil {
		return nil, a.resetPassword(r, req.Auth, req.NewPassword, req.LogoutDevices)
	}
	if err := a.interactive(r, req.Auth); err != nil {
		return nil, err
	}
	return nil, a.Accounts.ChangePassword(r.Context(), r.Session, req.NewPassword, req.LogoutDevices)
}

// resetPassword is for who forgot it, and proves to read the mail of an address of the account.
func (a *API) resetPassword(r *request, auth json.RawMessage, password string, logout bool) error {
	proven, err := a.Accounts.Interactive(r.Context(), operation(r), auth, accounts.Flow{a.Threepids.Stage(threepid.Reset)})
	if err != nil {
		return err
	}
	user, err := a.Threepids.Account(r.Context(), proven.Of(accounts.TypeEmail))
	if err != nil {
		return err
	}
	return a.Accounts.ResetPassword(r.Context(), user, proven, password, logout)
}

// deactivate lets the user leave first: where that fails, the account is still there to try again. What can't be erased at once is at night.
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
	if err := a.Accounts.MayEnd(r.Context(), r.Session.User); err != nil {
		return nil, err
	}
	if err := a.Leaver.LeaveAll(r.Context(), r.Session.User, r.Session.UserID); err != nil {
		return nil, err
	}
	if err := a.Accounts.Deactivate(r.Context(), r.Session.User, req.Erase); err != nil {
		return nil, err
	}
	if req.Erase {
		_ = a.Accounts.SweepErased(context.WithoutCancel(r.Context()), a.E2EE.EraseKeyBackups, a.Media.Erase) // the nightly one tells what fails
	}
	return map[string]string{"id_server_unbind_result": "success"}, nil
}
