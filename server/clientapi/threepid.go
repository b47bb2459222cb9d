package clientapi

import (
	"encoding/json"
	"net/http"
	"slices"

	"beffroi/server/accounts"
	"beffroi/server/httpx"
	"beffroi/server/limits"
	"beffroi/server/mail"
	"beffroi/server/merr"
	"beffroi/server/threepid"
)

// What is about telephone numbers and identity servers is among absentRoutes. The page that mails lead to is package mailpage.
//
// Source: client-server API, "Adding Account Administrative Contact Information", and the requestToken operations of "Legacy account registration" and
// "Legacy account management".
func (a *API) threepidRoutes() []route {
	const account = "/_matrix/client/v3/account"
	return []route{
		{Method: "GET", Path: account + "/3pid", Handle: a.threepids},
		{Method: "POST", Path: account + "/3pid/add", Handle: a.addThreepid, Class: limits.Account},
		{Method: "POST", Path: account + "/3pid/delete", Handle: a.deleteThreepid, Class: limits.Account},
		{Method: "POST", Path: account + "/3pid/email/requestToken", Handle: a.requestToken(threepid.Add), Auth: httpx.Optional, Class: limits.Mail},
		{Method: "POST", Path: account + "/password/email/requestToken", Handle: a.requestToken(threepid.Reset), Auth: httpx.None, Class: limits.Mail},
		{Method: "POST", Path: "/_matrix/client/v3/register/email/requestToken", Handle: a.requestRegisterToken, Auth: httpx.None, Class: limits.Mail},
	}
}

type threepidAnswer struct {
	Medium    string `json:"medium"`
	Address   string `json:"address"`
	Validated int64  `json:"validated_at"`
	Added     int64  `json:"added_at"`
}

func (a *API) threepids(r *request) (any, error) {
	all, err := a.Threepids.List(r.Context(), r.Session.User)
	answer := make([]threepidAnswer, len(all))
	for i, t := range all {
		answer[i] = threepidAnswer{threepid.Email, t.Address, t.Validated, t.Added}
	}
	return map[string]any{"threepids": answer}, err
}

func (a *API) addThreepid(r *request) (any, error) {
	var req struct {
		Auth         json.RawMessage `json:"auth"`
		SID          string          `json:"sid"`
		ClientSecret string          `json:"client_secret"`
	}
	if err := r.Decode(&req); err != nil {
		return nil, err
	}
	if req.SID == "" || req.ClientSecret == "" {
		return nil, merr.MissingParam("sid or client_secret is missing")
	}
	if err := a.interactive(r, req.Auth); err != nil {
		return nil, err
	}
	return nil, a.Threepids.Add(r.Context(), r.Session.User, req.SID, req.ClientSecret)
}

// deleteThreepid has nothing to unbind: no identity server knows of it.
func (a *API) deleteThreepid(r *request) (any, error) {
	var req struct {
		Medium  string `json:"medium"`
		Address string `json:"address"`
	}
	if err := r.Decode(&req); err != nil {
		return nil, err
	}
	if req.Medium == "" || req.Address == "" {
		return nil, merr.MissingParam("medium or address is missing")
	}
	if err := a.Threepids.Delete(r.Context(), r.Session.User, req.Medium, req.Address); err != nil {
		return nil, err
	}
	return map[string]string{"id_server_unbind_result": "no-support"}, nil
}

// requestToken ignores id_server: this server proves addresses itself.
func (a *API) requestToken(purpose threepid.Purpose) func(*request) (any, error) {
	return func(r *request) (any, error) {
		var req struct {
			ClientSecret string `json:"client_secret"`
			Email        string `json:"email"`
			SendAttempt  *int64 `json:"send_attempt"`
			NextLink     string `json:"next_link"`
		}
		if err := r.Decode(&req); err != nil {
			return nil, err
		}
		if req.ClientSecret == "" || req.Email == "" || req.SendAttempt == nil {
			return nil, merr.MissingParam("client_secret, email or send_attempt is missing")
		}
		q := threepid.Request{Purpose: purpose, ClientSecret: req.ClientSecret, Address: req.Email, SendAttempt: *req.SendAttempt, NextLink: req.NextLink,
			Language: mail.Language(r.Header.Get("Accept-Language")), From: r.Client}
		if r.Session != nil {
			q.User = r.Session.User
		}
		sid, err := a.Threepids.RequestToken(r.Context(), q)
		return map[string]string{"sid": sid}, err
	}
}

// requestRegisterToken refuses where nobody can register with an address.
func (a *API) requestRegisterToken(r *request) (any, error) {
	flows, err := a.Accounts.RegistrationFlows(r.Context(), a.RegistrationStages...)
	if err != nil {
		return nil, err
	}
	withEmail := func(f accounts.Flow) bool {
		return slices.ContainsFunc(f, func(s accounts.Stage) bool { return s.Type == accounts.TypeEmail })
	}
	if !slices.ContainsFunc(flows, withEmail) {
		return nil, merr.New(http.StatusForbidden, "M_THREEPID_DENIED", "Nobody registers with an e-mail address here")
	}
	return a.requestToken(threepid.Register)(r)
}
