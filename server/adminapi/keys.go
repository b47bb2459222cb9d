package adminapi

import (
	"context"

	"beffroi/server/journal"
)

// The server's signing keys, by which other servers know it.
func (a *API) keyCalls() []Call {
	const v1 = "/_beffroi/admin/v1/keys"
	return []Call{
		call("GET", v1, Reads, "the signing keys: `{keys: [{key_id, verify_key, fingerprint, expired_ts}]}`, the one in use first, with `expired_ts` 0", a.signingKeys),
		call("POST", v1+"/rotate", Acts, "takes a new signing key into use; answers as GET. Partners who pinned the old key must be told. Confirmed", a.confirmed(a.rotateKey)),
	}
}

func (a *API) signingKeys(*request) (any, error) { return map[string]any{"keys": a.Keys.Public()}, nil }

func (a *API) rotateKey(r *request) (any, error) {
	old := a.Keys.Signer().KeyID
	err := a.Journal.Do(r.Context(), journal.Entry{Actor: r.Session.UserID, Act: journal.RotateKey, Target: old}, func(ctx context.Context) error { return a.Keys.Rotate(ctx) })
	if err != nil {
		return nil, err
	}
	return a.signingKeys(r)
}
