package clientapi

import (
	"context"
	"encoding/json"

	"beffroi/server/accounts"
	"beffroi/server/limits"
	"beffroi/server/merr"
)

// interactive asks who is logged in for the password again: nil lets the request pass, an error is its answer. auth is the request's auth
// object, empty where there was none.
// Source: client-server API, "User-Interactive Authentication API".
func (a *API) interactive(r *request, auth json.RawMessage) error {
	if r.Session.Service != nil {
		return merr.Forbidden("Application services do not manage accounts in this way")
	}
	_, err := a.Accounts.Interactive(r.Context(), operation(r), auth, accounts.Flow{a.Accounts.PasswordStage(r.Session)})
	return err
}

// confirmed is interactive for what application services may do without a password.
//
// Source: application service API, "Device management" and "Cross-signing".
func (a *API) confirmed(r *request, auth json.RawMessage) error {
	if r.Session.Service != nil {
		return nil
	}
	return a.interactive(r, auth)
}

// guessing is the context of requests in which secrets can be guessed: it says where they come from.
func guessing(r *request) context.Context { return limits.WithClient(r.Context(), r.Client) }

func operation(r *request) accounts.Operation {
	op := accounts.Operation{Method: r.Method, Path: r.URL.Path}
	if r.Session != nil {
		op.UserID = r.Session.UserID
	}
	return op
}
