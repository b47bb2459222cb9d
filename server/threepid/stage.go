package threepid

import (
	"context"
	"encoding/json"

	"beffroi/server/accounts"
	"beffroi/server/merr"
	"beffroi/server/store"
)

// Stage is m.login.email.identity: it is completed by a session that proves its address for the purpose. What it means for the account is done in the write
// that uses the proof: with Register the account gets the address, with Reset the address must be the account's.
// Source: client-server API, "Email-based (identity / homeserver)".
func (s *Service) Stage(purpose Purpose) accounts.Stage {
	return accounts.Stage{
		Type: accounts.TypeEmail,
		Check: func(ctx context.Context, auth json.RawMessage) (string, bool, error) {
			return s.checkStage(ctx, purpose, auth)
		},
		Settle: func(tx *store.Tx, user store.Atom, proof string) error { return s.settle(tx, purpose, user, proof) },
	}
}

// checkStage gives the id of the session as the proof.
func (s *Service) checkStage(ctx context.Context, purpose Purpose, auth json.RawMessage) (proof string, ok bool, err error) {
	var sent struct {
		Creds struct {
			SID          string `json:"sid"`
			ClientSecret string `json:"client_secret"`
		} `json:"threepid_creds"`
	}
	if err := json.Unmarshal(auth, &sent); err != nil {
		return "", false, merr.BadJSON("auth has the wrong shape").Because(err)
	}
	if sent.Creds.SID == "" || sent.Creds.ClientSecret == "" {
		return "", false, merr.MissingParam("threepid_creds has no sid or no client_secret")
	}
	err = s.db.Read(ctx, func(r *store.Reader) (err error) {
		_, ok, err = s.proven(r, purpose, sent.Creds.SID, sent.Creds.ClientSecret)
		return err
	})
	return sent.Creds.SID, ok, err
}

// settle uses a session up. Between the stage and this another request may have done so, or the address may have become another's.
func (s *Service) settle(tx *store.Tx, purpose Purpose, user store.Atom, sid string) error {
	session, found, err := tx.ThreepidSession(sid)
	if err != nil {
		return err
	}
	if !found || session.Validated == 0 || session.Purpose != string(purpose) {
		return merr.Forbidden("The confirmation of the address was used or is too old")
	}
	if purpose == Register {
		return s.give(tx, user, session)
	}
	owner, found, err := tx.Threepid(session.Address)
	if err != nil {
		return err
	}
	if !found || owner.User != user {
		return merr.Forbidden("The address does not belong to this account any more")
	}
	return tx.DeleteThreepidSession(sid)
}

// Account gives the account that has the address of a session: 403 M_FORBIDDEN where none has it any more.
func (s *Service) Account(ctx context.Context, sid string) (store.Atom, error) {
	return store.Get(ctx, s.db, func(r *store.Reader) (store.Atom, error) {
		session, _, err := r.ThreepidSession(sid)
		if err != nil {
			return 0, err
		}
		owner, found, err := r.Threepid(session.Address)
		if err == nil && !found {
			err = merr.Forbidden("The address belongs to no account any more")
		}
		return owner.User, err
	})
}
