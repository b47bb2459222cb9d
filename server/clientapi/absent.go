package clientapi

import (
	"net/http"

	"beffroi/server/httpx"
	"beffroi/server/merr"
)

// absentRoutes are operations that this server has and always answers alike: no identity server, telephone number or TURN server stands behind it. What it lacks altogether (OAuth 2.0, single sign-on, policy server) has no route.
//
// Spec: client-server API, "Account management" and "Voice over IP".
func (a *API) absentRoutes() []route {
	const account = "/_matrix/client/v3/account"
	noNumbers := refuse(merr.New(http.StatusForbidden, "M_THREEPID_DENIED", "This server does not know telephone numbers"))
	return []route{
		{Method: "POST", Path: account + "/3pid/bind", Handle: refuse(
			merr.New(http.StatusForbidden, "M_SERVER_NOT_TRUSTED", "This server works with no identity server"))},
		{Method: "POST", Path: account + "/3pid/unbind", Handle: unbind},
		{Method: "POST", Path: account + "/3pid/msisdn/requestToken", Auth: httpx.None, Handle: refuse(
			merr.New(http.StatusBadRequest, "M_THREEPID_MEDIUM_NOT_SUPPORTED", "This server does not know telephone numbers"))},
		{Method: "POST", Path: account + "/password/msisdn/requestToken", Auth: httpx.None, Handle: noNumbers},
		{Method: "POST", Path: "/_matrix/client/v3/register/msisdn/requestToken", Auth: httpx.None, Handle: noNumbers},

		{Method: "GET", Path: "/_matrix/client/v3/voip/turnServer", Handle: refuse(merr.NotFound("This server has no TURN server"))},
	}
}

// refuse answers every request with the same error, once its body is read: what is no JSON is told so as everywhere.
func refuse(e *merr.Error) func(*request) (any, error) {
	return func(r *request) (any, error) {
		if r.Method == http.MethodPost {
			if _, err := r.ReadObject(); err != nil {
				return nil, err
			}
		}
		return nil, e
	}
}

// unbind leaves the identity server as it is: nothing was bound by us.
func unbind(r *request) (any, error) {
	if _, err := r.ReadObject(); err != nil {
		return nil, err
	}
	return map[string]string{"id_server_unbind_result": "no-support"}, nil
}
