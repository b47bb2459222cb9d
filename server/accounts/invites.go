package accounts

import (
	"context"
	"encoding/json"

	"beffroi/server/store"
)

// BlocksInvites tells whether a user wants no invitations. What is malformed or says something else wants them.
//
// Spec: client-server API, "Invite permission".
func BlocksInvites(r *store.Reader, user store.Atom) (bool, error) {
	config, err := r.FindAtom("m.invite_permission_config")
	if err != nil || config == 0 {
		return false, err
	}
	data, err := r.AccountData(user, 0, config)
	if err != nil {
		return false, err
	}
	var content struct {
		DefaultAction string `json:"default_action"`
	}
	return json.Unmarshal(data.Content, &content) == nil && content.DefaultAction == "block", nil
}

// BlocksInvites is for who is about to invite somebody.
func (s *Service) BlocksInvites(ctx context.Context, user store.Atom) (blocks bool, err error) {
	err = s.db.Peek(ctx, func(r *store.Reader) (err error) {
		blocks, err = BlocksInvites(r, user)
		return err
	})
	return blocks, err
}
