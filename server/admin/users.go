package admin

import (
	"context"
	"encoding/json"
	"strings"

	"beffroi/server/accounts"
	"beffroi/server/journal"
	"beffroi/server/merr"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// CreateUser makes an account and a link by which its owner chooses the password.
func (s *Service) CreateUser(ctx context.Context, by rooms.User, account accounts.NewAccount) (userID string, link Link, err error) {
	if err := s.Accounts.Available(ctx, account.Localpart); err != nil {
		return "", link, err
	}
	userID = "@" + strings.ToLower(account.Localpart) + ":" + s.ServerName
	e := journal.Entry{Act: journal.CreateUser, Target: userID}
	if account.Admin {
		e.Detail = map[string]any{"admin": true}
	}
	err = s.act(ctx, by, e, func(ctx context.Context) error {
		a, err := s.Accounts.Add(ctx, account)
		if err != nil {
			return err
		}
		link, err = s.newLink(ctx, by, a.User)
		return err
	})
	return userID, link, err
}

// SetProfile sets the display name or the avatar of a user; the empty text removes it. The rooms that they are in hear of it.
func (s *Service) SetProfile(ctx context.Context, by rooms.User, userID, field, text string) error {
	a, err := s.account(ctx, userID)
	if err != nil {
		return err
	}
	value, err := json.Marshal(text)
	if err != nil {
		return err
	}
	return s.act(ctx, by, journal.Entry{Act: journal.ChangeUser, Target: userID, Detail: map[string]any{"field": field}}, func(ctx context.Context) error {
		if err := s.Accounts.SetProfileField(ctx, a.User, field, value); err != nil {
			return err
		}
		return s.Rooms.ProfileChanged(ctx, a.User, userID)
	})
}

// SetAdmin gives somebody the rights of administration, or takes them. Nobody takes their own: 400 M_UNKNOWN.
func (s *Service) SetAdmin(ctx context.Context, by rooms.User, userID string, admin bool) error {
	a, err := s.account(ctx, userID)
	if err != nil || a.Admin == admin {
		return err
	}
	e := journal.Entry{Act: journal.GrantAdmin, Target: userID}
	if !admin {
		if e.Act = journal.RevokeAdmin; by.Atom == a.User {
			return merr.New(400, "M_UNKNOWN", "You may not demote yourself.")
		}
	}
	return s.act(ctx, by, e, func(ctx context.Context) error { return s.Accounts.SetAdmin(ctx, a.User, admin) })
}

// SetState locks or suspends an account, or ends that. Nobody does it to themselves: 400 M_INVALID_PARAM.
func (s *Service) SetState(ctx context.Context, by rooms.User, userID string, state store.AccountState, on bool) error {
	a, err := s.account(ctx, userID)
	if err != nil || a.State.Is(state) == on {
		return err
	}
	if by.Atom == a.User {
		return merr.InvalidParam("Nobody locks or suspends their own account")
	}
	return s.act(ctx, by, journal.Entry{Act: journal.Moderation(state, on), Target: userID}, func(ctx context.Context) error {
		return s.Accounts.SetState(ctx, userID, state, on)
	})
}

// SetRateOverride allows a user more or fewer events than everybody; nil takes that back.
func (s *Service) SetRateOverride(ctx context.Context, by rooms.User, userID string, o *store.RateOverride) error {
	a, err := s.account(ctx, userID)
	if err != nil {
		return err
	}
	e := journal.Entry{Act: journal.ChangeUser, Target: userID, Detail: map[string]any{"limits": "as everybody"}}
	if o != nil {
		e.Detail = map[string]any{"per_second": o.PerSecond, "burst": o.Burst}
	}
	return s.act(ctx, by, e, func(ctx context.Context) error { return s.Accounts.SetRateOverride(ctx, a.User, o) })
}

// Deactivate ends an account for ever: it leaves its rooms, and its password, devices and links are gone; with erase also its profile, data, files and key backups.
// The last administrator stays: 400 M_INVALID_PARAM.
func (s *Service) Deactivate(ctx context.Context, by rooms.User, userID string, erase bool) error {
	a, err := s.account(ctx, userID)
	if err != nil {
		return err
	}
	e := journal.Entry{Act: journal.DeactivateUser, Target: userID}
	if erase {
		e.Act = journal.EraseUser
	}
	return s.act(ctx, by, e, func(ctx context.Context) error { return s.deactivate(ctx, a, userID, erase) })
}

// deactivate does as the client-server API's own: leaving and erasing come first, so that where they fail the account is there to try again.
func (s *Service) deactivate(ctx context.Context, a store.Account, userID string, erase bool) error {
	if a.Admin {
		if err := s.Accounts.SetAdmin(ctx, a.User, false); err != nil {
			return err
		}
	}
	if err := s.Rooms.LeaveAll(ctx, a.User, userID); err != nil {
		return err
	}
	if erase {
		if err := s.E2EE.EraseKeyBackups(ctx, a.User); err != nil {
			return err
		}
		if err := s.Media.Erase(ctx, a.User); err != nil {
			return err
		}
	}
	return s.Accounts.Deactivate(ctx, a.User, erase)
}

// DeleteDevices logs devices of a user out; nil means all.
func (s *Service) DeleteDevices(ctx context.Context, by rooms.User, userID string, deviceIDs []string) error {
	a, err := s.account(ctx, userID)
	if err != nil {
		return err
	}
	e := journal.Entry{Act: journal.DeleteDevices, Target: userID, Detail: map[string]any{"devices": "all"}}
	if deviceIDs != nil {
		e.Detail["devices"] = len(deviceIDs)
	}
	return s.act(ctx, by, e, func(ctx context.Context) error {
		if deviceIDs == nil {
			return s.Accounts.LogoutAll(ctx, a.User)
		}
		return s.Accounts.DeleteDevices(ctx, a.User, deviceIDs)
	})
}

// RenameDevice sets what a device of a user is called.
func (s *Service) RenameDevice(ctx context.Context, by rooms.User, userID, deviceID, name string) error {
	a, err := s.account(ctx, userID)
	if err != nil {
		return err
	}
	return s.act(ctx, by, journal.Entry{Act: journal.RenameDevice, Target: userID}, func(ctx context.Context) error {
		return s.Accounts.RenameDevice(ctx, a.User, deviceID, name)
	})
}

// Sessions gives the devices of a user with the addresses that they were seen from. Looking at them stands in the journal.
func (s *Service) Sessions(ctx context.Context, by rooms.User, userID string) (devices []store.Device, err error) {
	a, err := store.Get(ctx, s.db, func(r *store.Reader) (store.Account, error) { return s.Accounts.Find(r, userID) })
	if err != nil {
		return nil, err
	}
	err = s.act(ctx, by, journal.Entry{Act: journal.ReadSessions, Target: userID}, func(ctx context.Context) error {
		devices, err = s.Accounts.Devices(ctx, a.User)
		return err
	})
	return devices, err
}

// Memberships gives the rooms that a user of any server has a membership in, by their ids: as far as this server knows.
func (s *Service) Memberships(ctx context.Context, userID string) (map[string]store.Membership, error) {
	all := map[string]store.Membership{}
	err := s.db.Read(ctx, func(r *store.Reader) error {
		user, err := r.FindAtom(userID)
		if err != nil || user == 0 {
			return err
		}
		members, err := r.RoomsOf(user)
		if err != nil {
			return err
		}
		for _, m := range members {
			room, ok, err := r.Room(m.Room)
			if err != nil {
				return err
			}
			if ok {
				all[room.ID] = m.Membership
			}
		}
		return nil
	})
	return all, err
}
