package clientapi

import (
	"encoding/json"
	"net/http"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"

	"beffroi/server/accounts"
	"beffroi/server/httpx"
	"beffroi/server/limits"
	"beffroi/server/merr"
)

// Source: client-server API, "Legacy login", "Refreshing access tokens" and "Current account information".
func (a *API) loginRoutes() []route {
	return []route{
		{Method: "GET", Path: "/_matrix/client/v3/login", Handle: a.loginFlows, Auth: httpx.None},
		{Method: "POST", Path: "/_matrix/client/v3/login", Handle: a.login, Auth: httpx.Exempt, Class: limits.Login},
		{Method: "POST", Path: "/_matrix/client/v1/login/get_token", Handle: a.loginToken, Suspended: true, Class: limits.Account},
		{Method: "POST", Path: "/_matrix/client/v3/refresh", Handle: a.refresh, Auth: httpx.None},
		{Method: "POST", Path: "/_matrix/client/v3/logout", Handle: a.logout, Auth: httpx.None},        // locked accounts
		{Method: "POST", Path: "/_matrix/client/v3/logout/all", Handle: a.logoutAll, Auth: httpx.None}, // may log out
		{Method: "GET", Path: "/_matrix/client/v3/account/whoami", Handle: a.whoami},
	}
}

func (a *API) loginFlows(*request) (any, error) {
	flows := []any{map[string]any{"type": accounts.TypePassword}, map[string]any{"type": accounts.TypeToken, "get_login_token": true}}
	if len(a.Accounts.Services().All()) > 0 {
		flows = append(flows, map[string]any{"type": accounts.TypeService})
	}
	return map[string]any{"flows": flows}, nil
}

// newDevice is what login and registration say about the client.
type newDevice struct {
	DeviceID    string `json:"device_id"`
	DisplayName string `json:"initial_device_display_name"`
	Refresh     bool   `json:"refresh_token"`
}

func (d newDevice) device() accounts.NewDevice {
	return accounts.NewDevice{ID: d.DeviceID, DisplayName: d.DisplayName, Refresh: d.Refresh}
}

type loginRequest struct {
	Type string `json:"type"`
	accounts.Identity
	Password string `json:"password"`
	Token    string `json:"token"`
	newDevice
}

func (a *API) login(r *request) (any, error) {
	var req loginRequest
	if err := r.Decode(&req); err != nil {
		return nil, err
	}
	grant, err := a.grant(r, &req)
	if err != nil {
		return nil, err
	}
	return a.granted(grant), nil
}

// grant logs in by what the client sent.
func (a *API) grant(r *request, req *loginRequest) (accounts.Grant, error) {
	switch req.Type {
	case accounts.TypePassword:
		user, err := a.Accounts.Named(r.Context(), req.Identity)
		if err != nil {
			return accounts.Grant{}, err
		}
		return a.Accounts.Login(guessing(r), user, req.Password, req.device())
	case accounts.TypeService:
		return a.loginForService(r, req)
	case accounts.TypeToken:
		return a.Accounts.LoginByToken(r.Context(), req.Token, req.device())
	}
	return accounts.Grant{}, merr.New(http.StatusBadRequest, "M_UNKNOWN", "This login type is not known here")
}

// loginForService logs an application service in as one of its users.
//
// Source: application service API, "Server admin style permissions".
func (a *API) loginForService(r *request, req *loginRequest) (accounts.Grant, error) {
	service, err := a.Accounts.ServiceOf(httpx.AccessToken(r.Request))
	if err != nil {
		return accounts.Grant{}, err
	}
	user, err := a.Accounts.Named(r.Context(), req.Identity)
	if err != nil {
		return accounts.Grant{}, err
	}
	return a.Accounts.LoginAs(r.Context(), service, user, req.device())
}

// loginToken asks for the password each time: nobody shall let another device in without wanting to.
func (a *API) loginToken(r *request) (any, error) {
	var req struct {
		Auth json.RawMessage `json:"auth"`
	}
	if err := r.Decode(&req); err != nil {
		return nil, err
	}
	if err := a.interactive(r, req.Auth); err != nil {
		return nil, err
	}
	token, lifetime, err := a.Accounts.LoginToken(r.Session)
	if err != nil {
		return nil, err
	}
	return map[string]any{"login_token": token, "expires_in_ms": lifetime.Milliseconds()}, nil
}

// grantAnswer is what log-in and registration give. home_server is deprecated and still read by tools.
type grantAnswer struct {
	UserID       string `json:"user_id"`
	DeviceID     string `json:"device_id,omitempty"`
	HomeServer   string `json:"home_server"`
	AccessToken  string `json:"access_token,omitempty"`
	RefreshToken string `json:"refresh_token,omitempty"`
	ExpiresInMS  int64  `json:"expires_in_ms,omitempty"`
}

func (a *API) granted(g accounts.Grant) grantAnswer {
	return grantAnswer{
		UserID: g.UserID, DeviceID: g.DeviceID, HomeServer: a.ServerName,
		AccessToken: g.AccessToken, RefreshToken: g.RefreshToken, ExpiresInMS: g.ExpiresIn.Milliseconds(),
	}
}

func (a *API) refresh(r *request) (any, error) {
	var req struct {
		RefreshToken string `json:"refresh_token"`
	}
	if err := r.Decode(&req); err != nil {
		return nil, err
	}
	if req.RefreshToken == "" {
		return nil, merr.MissingParam("refresh_token is missing")
	}
	g, err := a.Accounts.Refresh(r.Context(), req.RefreshToken)
	if err != nil {
		return nil, err
	}
	return struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
		ExpiresInMS  int64  `json:"expires_in_ms"`
	}{g.AccessToken, g.RefreshToken, g.ExpiresIn.Milliseconds()}, nil
}

func (a *API) logout(r *request) (any, error) {
	session, err := a.leavingSession(r)
	if err != nil {
		return nil, err
	}
	return nil, a.Accounts.Logout(r.Context(), session)
}

func (a *API) logoutAll(r *request) (any, error) {
	session, err := a.leavingSession(r)
	if err != nil {
		return nil, err
	}
	return nil, a.Accounts.LogoutAll(r.Context(), session.User)
}

// leavingSession authenticates who logs out.
func (a *API) leavingSession(r *request) (*accounts.Session, error) {
	token := httpx.AccessToken(r.Request)
	if token == "" {
		return nil, merr.New(http.StatusUnauthorized, "M_MISSING_TOKEN", "Missing access token")
	}
	return a.Accounts.AuthenticateForLogout(r.Context(), token)
}

func (a *API) whoami(r *request) (any, error) {
	return mautrix.RespWhoami{UserID: id.UserID(r.Session.UserID), DeviceID: id.DeviceID(r.Session.DeviceID)}, nil
}
