package clientapi

import (
	"beffroi/server/accounts"
	"beffroi/server/httpx"
	"beffroi/server/limits"
)

// Registration by a shared secret, as tools know it from Synapse: not part of the specification.
// Source: Synapse's admin API, "Shared-Secret Registration".
func (a *API) synapseAdminRoutes() []route {
	return []route{
		{Method: "GET", Path: "/_synapse/admin/v1/register", Handle: a.sharedSecretNonce, Auth: httpx.None},
		{Method: "POST", Path: "/_synapse/admin/v1/register", Handle: a.sharedSecretRegister, Auth: httpx.None, Class: limits.Register},
	}
}

func (a *API) sharedSecretNonce(*request) (any, error) {
	nonce, err := a.Accounts.Nonce()
	if err != nil {
		return nil, err
	}
	return map[string]string{"nonce": nonce}, nil
}

func (a *API) sharedSecretRegister(r *request) (any, error) {
	var req accounts.SharedSecretRegistration
	if err := r.Decode(&req); err != nil {
		return nil, err
	}
	grant, err := a.Accounts.RegisterBySharedSecret(guessing(r), req)
	if err != nil {
		return nil, err
	}
	return a.granted(grant), nil
}
