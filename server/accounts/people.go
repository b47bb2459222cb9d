package accounts

import (
	"context"
	"encoding/json"

	"beffroi/server/store"
)

// FindLocal gives the atom of an account that was not deactivated, for the room core; ok is false where there is none.
func (s *Service) FindLocal(ctx context.Context, userID string) (user store.Atom, ok bool, err error) {
	err = s.db.Read(ctx, func(r *store.Reader) error {
		a, found, err := findAccount(r, userID)
		user, ok = a.User, found && !a.State.Is(store.AccountDeactivated)
		return err
	})
	return user, ok, err
}

// MemberProfile gives what stands in a member's events: the display name and the avatar's mxc URI, empty where not set.
func (s *Service) MemberProfile(ctx context.Context, user store.Atom) (displayName, avatarURL string, err error) {
	err = s.db.Read(ctx, func(r *store.Reader) error {
		if displayName, err = profileString(r, user, FieldDisplayName); err != nil {
			return err
		}
		avatarURL, err = profileString(r, user, FieldAvatarURL)
		return err
	})
	return displayName, avatarURL, err
}

func profileString(r *store.Reader, user store.Atom, field string) (text string, err error) {
	raw, err := r.ProfileField(user, field)
	if raw == nil || err != nil {
		return "", err
	}
	return text, json.Unmarshal(raw, &text)
}
