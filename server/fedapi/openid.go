// Package fedapi is the server-server API: one file per chapter of the specification, each with its routes on top.
package fedapi

import (
	"net/http"

	"beffroi/server/accounts"
	"beffroi/server/httpx"
	"beffroi/server/limits"
	"beffroi/server/merr"
)

type (
	session = *accounts.Session
	request = httpx.Request[session]
	route   = httpx.Route[session]
)

// OpenID tells third parties who somebody is that gave them a token for that. It is the one part of the API that nobody signs.
type OpenID struct{ Accounts *accounts.Service }

// Routes is its route table.
//
// Source: server-server API, "OpenID".
func (o OpenID) Routes() []route {
	return []route{
		{Method: "GET", Path: "/_matrix/federation/v1/openid/userinfo", Handle: o.userInfo, Auth: httpx.None, Class: limits.Lookup},
	}
}

func (o OpenID) userInfo(r *request) (any, error) {
	token := r.URL.Query().Get("access_token")
	if token == "" {
		return nil, merr.New(http.StatusUnauthorized, "M_MISSING_TOKEN", "access_token is missing")
	}
	userID, err := o.Accounts.OpenIDUser(r.Context(), token)
	if err != nil {
		return nil, err
	}
	return map[string]string{"sub": userID}, nil
}
