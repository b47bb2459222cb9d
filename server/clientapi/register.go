package clientapi

import (
	"encoding/json"
	"net/http"
	"slices"

	"maunium.net/go/mautrix"

	"beffroi/server/accounts"
	"beffroi/server/httpx"
	"beffroi/server/limits"
	"beffroi/server/merr"
)

// Source: client-server API, "Legacy account registration".
func (a *API) registerRoutes() []route {
	return []route{
		{Method: "POST", Path: "/_matrix/client/v3/register", Handle: a.register, Auth: httpx.Exempt, Class: limits.Register},
		{Method: "GET", Path: "/_matrix/client/v3/register/available", Handle: a.registerAvailable, Auth: httpx.None, Class: limits.Register},
		{Method: "GET", Path: "/_matrix/client/v1/register/m.login.registration_token/validity", Handle: a.registrationTokenValid, Auth: httpx.None, Class: limits.Register},
	}
}

type registerRequest struct {
	Type         string          `json:"type"` // of application services only
	Username     string          `json:"username"`
	Password     string          `json:"password"`
	InhibitLogin bool            `json:"inhibit_login"`
	Auth         json.RawMessage `json:"auth"`
	newDevice
}

func (a *API) register(r *request) (any, error) {
	var req registerRequest
	if err := r.Decode(&req); err != nil {
		return nil, err
	}
	if req.Type == accounts.TypeService {
		return a.registerForService(r, &req)
	}
	flows, err := a.registrationFlows(r)
	if err != nil {
		return nil, err
	}
	if req.Username != "" {
		if err := a.Accounts.Available(r.Context(), req.Username); err != nil {
			return nil, err
		}
	}
	proven, err := a.Accounts.Interactive(guessing(r), operation(r), req.Auth, flows...)
	if err != nil {
		return nil, err
	}
	account := accounts.NewAccount{Localpart: req.Username, Password: req.Password, NoDevice: req.InhibitLogin, Proven: proven}
	grant, err := a.Accounts.Register(r.Context(), account, req.device())
	if err != nil {
		return nil, err
	}
	return a.granted(grant), nil
}

// registerForService makes a user of an application service, without a password.
//
// Source: application service API, "Server admin style permissions".
func (a *API) registerForService(r *request, req *registerRequest) (any, error) {
	service, err := a.Accounts.ServiceOf(httpx.AccessToken(r.Request))
	if err != nil {
		return nil, err
	}
	if req.Username == "" {
		return nil, merr.MissingParam("username is missing")
	}
	grant, err := a.Accounts.Register(r.Context(), accounts.NewAccount{Localpart: req.Username, Service: service, NoDevice: req.InhibitLogin}, req.device())
	if err != nil {
		return nil, err
	}
	return a.granted(grant), nil
}

// registrationFlows gives the ways to register that are open now.
func (a *API) registrationFlows(r *request) ([]accounts.Flow, error) {
	switch r.URL.Query().Get("kind") {
	case "", "user":
		return a.Accounts.RegistrationFlows(r.Context(), a.RegistrationStages...)
	case "guest":
		return nil, merr.New(http.StatusForbidden, "M_GUEST_ACCESS_FORBIDDEN", "This server has no guests")
	default:
		return nil, merr.InvalidParam("kind is neither user nor guest")
	}
}

func (a *API) registerAvailable(r *request) (any, error) {
	query := r.URL.Query()
	if !query.Has("username") {
		return nil, merr.MissingParam("username is missing")
	}
	if _, err := a.Accounts.RegistrationFlows(r.Context(), a.RegistrationStages...); err != nil {
		return nil, err
	}
	if err := a.Accounts.Available(r.Context(), query.Get("username")); err != nil {
		return nil, err
	}
	return mautrix.RespRegisterAvailable{Available: true}, nil
}

// registrationTokenValid says no to every token where none opens a way to register.
func (a *API) registrationTokenValid(r *request) (any, error) {
	flows, err := a.Accounts.RegistrationFlows(r.Context(), a.RegistrationStages...)
	if err != nil {
		return nil, err
	}
	query := r.URL.Query()
	if !query.Has("token") {
		return nil, merr.MissingParam("token is missing")
	}
	valid := slices.ContainsFunc(flows, func(f accounts.Flow) bool { return f.Has(accounts.TypeRegistrationToken) })
	if valid {
		valid, err = a.Accounts.RegistrationTokenUsable(guessing(r), query.Get("token"))
	}
	return map[string]bool{"valid": valid}, err
}
