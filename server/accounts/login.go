package accounts

import (
	"context"
	"time"

	"beffroi/server/merr"
	"beffroi/server/store"
)

// accessLifetime is how long an access token lives where the client can refresh it.
const accessLifetime = time.Hour

const (
	maxDeviceIDBytes   = 255
	maxDeviceNameBytes = 255
	maxDevices         = 250 // of a user: everybody who writes to them encrypts for each
)

// NewDevice is what a client says about itself when it logs in.
type NewDevice struct {
	ID          string // empty: the server makes one
	DisplayName string // of a new device only
	Refresh     bool   // it can refresh access tokens
}

// Grant is what a log-in gives a client.
type Grant struct {
	UserID       string
	DeviceID     string
	AccessToken  string
	RefreshToken string        // empty: the access token lives until log-out
	ExpiresIn    time.Duration // of the access token; 0: never
}

// Login checks a password and logs a device in. user is a localpart or a whole user id.
// limits.WithClient says in ctx where it comes from. It refuses with 403 M_FORBIDDEN what is wrong in any way, and with 401 M_USER_LOCKED a locked account.
// Source: client-server API, "Login" and "Relationship between access tokens and devices".
func (s *Service) Login(ctx context.Context, user, password string, client NewDevice) (Grant, error) {
	device, err := s.prepareDevice(client)
	if err != nil {
		return Grant{}, err
	}
	account, err := s.verifyAtLogin(ctx, user, password)
	if err != nil {
		return Grant{}, err
	}
	if account.State.Is(store.AccountLocked) {
		return Grant{}, errLocked()
	}
	device.User = account.User
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		if err := account.confirm(tx); err != nil {
			return err
		}
		return s.putDevice(tx, &device)
	})
	if err != nil {
		return Grant{}, err
	}
	return s.grant(account.userID, device, client.Refresh)
}

// prepareDevice checks what a client says about itself, and draws what a new device needs.
func (s *Service) prepareDevice(client NewDevice) (d store.Device, err error) {
	if len(client.ID) > maxDeviceIDBytes || len(client.DisplayName) > maxDeviceNameBytes {
		return d, merr.InvalidParam("A device's id and name have %d bytes at most", maxDeviceIDBytes)
	}
	d = store.Device{DeviceID: client.ID, DisplayName: client.DisplayName, Generation: 1, Confirmed: true, Created: store.Millis(s.now())}
	if d.DeviceID == "" {
		if d.DeviceID, err = s.randomLetters(10, 'A'); err != nil {
			return d, err
		}
	}
	key, err := randomBytes(s.random, len(d.TokenKey))
	copy(d.TokenKey[:], key)
	return d, err
}

// randomLetters draws n letters from the 16 that begin at first.
func (s *Service) randomLetters(n int, first byte) (string, error) {
	b, err := randomBytes(s.random, n)
	for i := range b {
		b[i] = first + b[i]%16
	}
	return string(b), err
}

// putDevice makes the device, or raises the generation of the one that has its id: tokens it had are dead then.
func (s *Service) putDevice(tx *store.Tx, d *store.Device) (err error) {
	for _, f := range s.followers {
		if err := f.AdmitDevice(tx, d.User, d.DeviceID); err != nil {
			return err
		}
	}
	known, found, err := tx.Device(d.User, d.DeviceID)
	if err != nil {
		return err
	}
	if !found {
		if err := s.makeRoom(tx, d.User); err != nil {
			return err
		}
		d.ID, err = tx.PutDevice(*d)
		return err
	}
	*d = known
	if d.Generation, err = nextGeneration(&tx.Reader, known); err != nil {
		return err
	}
	tx.OnCommit(func() { s.sessions.forgetDevice(known.ID) })
	return tx.SetGeneration(d.ID, d.Generation, true)
}

// nextGeneration gives one that the device never had, even where a restored backup does not know those after it.
// Source: ARCHITECTURE.md, "Tokens".
func nextGeneration(r *store.Reader, d store.Device) (uint64, error) {
	incarnation, err := r.MetaInt(store.MetaIncarnation)
	return max(d.Generation, uint64(incarnation)<<32) + 1, err
}

// grant makes the tokens of a device's present generation.
func (s *Service) grant(userID string, d store.Device, refresh bool) (g Grant, err error) {
	g = Grant{UserID: userID, DeviceID: d.DeviceID}
	access := token{key: d.TokenKey, generation: d.Generation}
	if refresh {
		g.ExpiresIn = accessLifetime
		if g.RefreshToken, err = s.tokens.mint(refreshKind, access); err != nil {
			return g, err
		}
		access.expiry = uint64(s.now().Add(accessLifetime).Unix())
	}
	g.AccessToken, err = s.tokens.mint(accessKind, access)
	return g, err
}

// Refresh exchanges a refresh token for new tokens. The old ones stay valid until a new one is used: an answer may get lost.
// It refuses with M_UNKNOWN_TOKEN, or with M_USER_LOCKED.
// Source: client-server API, "Refreshing access tokens".
func (s *Service) Refresh(ctx context.Context, refreshToken string) (Grant, error) {
	t, ok := s.tokens.parse(refreshKind, refreshToken)
	if !ok {
		return Grant{}, merr.UnknownToken(false)
	}
	var b store.Bearer
	err := s.db.Write(ctx, func(tx *store.Tx) (err error) {
		if b, err = findBearer(&tx.Reader, t.key); err != nil {
			return err
		}
		if b.State.Is(store.AccountLocked) {
			return errLocked()
		}
		tx.OnCommit(func() { s.sessions.forgetDevice(b.ID) })
		return refreshDevice(tx, &b.Device, t.generation)
	})
	if err != nil {
		return Grant{}, err
	}
	return s.grant(b.UserID, b.Device, true)
}

// refreshDevice raises the device's generation above the one of the refresh token, unless that was done before and no token of the
// new generation was used yet. A token from above the device's generation is from after a backup that was restored.
func refreshDevice(tx *store.Tx, d *store.Device, generation uint64) error {
	switch {
	case generation >= d.Generation:
		d.Generation, d.Confirmed = generation+1, false
		return tx.SetGeneration(d.ID, d.Generation, false)
	case generation+1 == d.Generation && !d.Confirmed:
		return nil
	default:
		return merr.UnknownToken(true)
	}
}
