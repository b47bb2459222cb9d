package adminapi

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"time"

	"beffroi/server/accounts"
	"beffroi/server/journal"
	"beffroi/server/merr"
	"beffroi/server/store"
)

// Source: Synapse's admin API, "Registration Tokens".
func (a *API) tokenCalls() []Call {
	const tokens = "/_synapse/admin/v1/registration_tokens"
	return []Call{
		call("GET", tokens, Reads, "the tokens by which people may register, with `valid` those that can or can't be used", a.tokens),
		call("POST", tokens+"/new", Acts, "makes a token", a.newToken),
		call("GET", tokens+"/{token}", Reads, "one token", a.token),
		call("PUT", tokens+"/{token}", Acts, "changes how often and until when a token is good", a.changeToken),
		call("DELETE", tokens+"/{token}", Acts, "removes a token", a.deleteToken),
	}
}

// tokenEntry is a token as answers have it; expiry_time in milliseconds.
type tokenEntry struct {
	Token       string `json:"token"`
	UsesAllowed *int64 `json:"uses_allowed"`
	Pending     int64  `json:"pending"`
	Completed   int64  `json:"completed"`
	ExpiryTime  *int64 `json:"expiry_time"`
}

func toTokenEntry(t accounts.RegistrationToken) tokenEntry {
	return tokenEntry{t.Token, t.UsesAllowed, t.Pending, t.Completed, t.Expires}
}

func (t tokenEntry) valid(now time.Time) bool {
	return (t.UsesAllowed == nil || t.Pending+t.Completed < *t.UsesAllowed) && (t.ExpiryTime == nil || store.Millis(now) < *t.ExpiryTime)
}

func (a *API) tokens(r *request) (any, error) {
	valid, err := flag(r, "valid")
	if err != nil {
		return nil, err
	}
	all, err := a.Accounts.RegistrationTokens(r.Context())
	entries := []tokenEntry{}
	for _, t := range all {
		if e := toTokenEntry(t); valid == nil || e.valid(time.Now()) == *valid {
			entries = append(entries, e)
		}
	}
	return map[string]any{"registration_tokens": entries}, err
}

func (a *API) token(r *request) (any, error) {
	t, err := a.Accounts.RegistrationToken(r.Context(), r.PathValue("token"))
	return toTokenEntry(t), err
}

func (a *API) newToken(r *request) (any, error) {
	var q struct {
		Token       *string `json:"token"`
		UsesAllowed *int64  `json:"uses_allowed"`
		ExpiryTime  *int64  `json:"expiry_time"`
		Length      *int    `json:"length"`
	}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	t := accounts.RegistrationToken{UsesAllowed: q.UsesAllowed, Expires: q.ExpiryTime}
	switch {
	case q.Token != nil && *q.Token == "":
		return nil, merr.InvalidParam("token must not be empty")
	case q.Token != nil:
		t.Token = *q.Token
	case q.Length != nil && (*q.Length < 1 || *q.Length > 64):
		return nil, merr.InvalidParam("length must be from 1 to 64")
	case q.Length != nil:
		t.Token = (rand.Text() + rand.Text() + rand.Text())[:*q.Length]
	}
	err := a.actOnToken(r, journal.CreateToken, func(ctx context.Context) (err error) {
		t, err = a.Accounts.AddRegistrationToken(ctx, t)
		return err
	})
	return toTokenEntry(t), err
}

// actOnToken acts with a row in the journal, which does not tell the token.
func (a *API) actOnToken(r *request, what journal.Act, do func(ctx context.Context) error) error {
	return a.Journal.Do(r.Context(), journal.Entry{Actor: r.Session.UserID, Act: what}, do)
}

func (a *API) changeToken(r *request) (any, error) {
	var q map[string]json.RawMessage
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	var uses, expires *int64
	for name, into := range map[string]**int64{"uses_allowed": &uses, "expiry_time": &expires} {
		if raw, sent := q[name]; sent && json.Unmarshal(raw, into) != nil {
			return nil, merr.InvalidParam("%s must be null or a natural number", name)
		}
	}
	var t accounts.RegistrationToken
	err := a.actOnToken(r, journal.ChangeToken, func(ctx context.Context) (err error) {
		t, err = a.Accounts.ChangeRegistrationToken(ctx, r.PathValue("token"), func(t *accounts.RegistrationToken) {
			if _, sent := q["uses_allowed"]; sent {
				t.UsesAllowed = uses
			}
			if _, sent := q["expiry_time"]; sent {
				t.Expires = expires
			}
		})
		return err
	})
	return toTokenEntry(t), err
}

func (a *API) deleteToken(r *request) (any, error) {
	return nil, a.actOnToken(r, journal.DeleteToken, func(ctx context.Context) error {
		return a.Accounts.DeleteRegistrationToken(ctx, r.PathValue("token"))
	})
}
