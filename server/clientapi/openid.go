package clientapi

import "beffroi/server/limits"

// Source: client-server API, "OpenID".
func (a *API) openIDRoutes() []route {
	return []route{
		{Method: "POST", Path: "/_matrix/client/v3/user/{userId}/openid/request_token", Handle: a.requestOpenIDToken, Class: limits.Account},
	}
}

func (a *API) requestOpenIDToken(r *request) (any, error) {
	if _, err := r.ReadObject(); err != nil {
		return nil, err
	}
	if err := ownUser(r); err != nil {
		return nil, err
	}
	token, lifetime, err := a.Accounts.OpenIDToken(r.Session)
	if err != nil {
		return nil, err
	}
	return map[string]any{"access_token": token, "token_type": "Bearer", "matrix_server_name": a.ServerName, "expires_in": int64(lifetime.Seconds())}, nil
}
