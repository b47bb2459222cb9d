package adminapi

import (
	"beffroi/server/accounts"
	"beffroi/server/journal"
	"beffroi/server/limits"
)

// Registration by a shared secret, as tools know it from Synapse.
//
// Source: Synapse's admin API, "Shared-Secret Registration".
func (a *API) registerCalls() []Call {
	const path = "/_synapse/admin/v1/register"
	return []Call{
		call("GET", path, Open, "a nonce, where registration.shared_secret is set", a.nonce),
		call("POST", path, Open, "makes an account for who knows the shared secret", a.register).as(limits.Register),
	}
}

func (a *API) nonce(*request) (any, error) {
	nonce, err := a.Accounts.Nonce()
	if err != nil {
		return nil, err
	}
	return map[string]string{"nonce": nonce}, nil
}

func (a *API) register(r *request) (any, error) {
	var req accounts.SharedSecretRegistration
	if err := r.Decode(&req); err != nil {
		return nil, err
	}
	grant, err := a.Accounts.RegisterBySharedSecret(limits.WithClient(r.Context(), r.Client), req)
	if err != nil {
		return nil, err
	}
	if _, err := a.Journal.Record(r.Context(), journal.Entry{Actor: journal.Console, Act: journal.RegisterBySecret, Target: grant.UserID,
		Detail: map[string]any{"admin": req.Admin}}); err != nil {
		return nil, err
	}
	return map[string]string{"user_id": grant.UserID, "device_id": grant.DeviceID, "home_server": a.ServerName, "access_token": grant.AccessToken}, nil
}
