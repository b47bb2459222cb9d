package accounts

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"time"

	"beffroi/server/limits"
	"beffroi/server/notify"
	"beffroi/server/registrations"
	"beffroi/server/store"
)

// Config is what the town hall decided about accounts.
type Config struct {
	ServerName   string
	Custodian    string // localpart of the town hall's account, which nobody can register or log in to; empty: none
	Password     Cost
	Registration Registration
	Services     *registrations.Set // application services
	Contacts     Contacts           // nil: accounts have no e-mail addresses
	Guesses      *limits.Guesses    // nil: whoever asks may guess

	Renamed        func(tx *store.Tx, user store.Atom, deviceID string) error // is told of a device's new name, inside the write; nil: nobody is
	IgnoredChanged func(user store.Atom, id string)                           // is told whose list of ignored users changed; nil: nobody is
}

// Contacts knows the addresses of accounts outside Matrix.
type Contacts interface {
	// Owner gives the user id of the account that a third-party identifier belongs to, "" where it is nobody's.
	Owner(ctx context.Context, medium, address string) (userID string, err error)
	// PasswordChanged tells the account's addresses, inside the write that changes it.
	PasswordChanged(tx *store.Tx, user store.Atom) error
	// AccountEnded frees the account's addresses, inside the write that ends it.
	AccountEnded(tx *store.Tx, user store.Atom) error
}

// noContacts are those of a server without mail.
type noContacts struct{}

func (noContacts) Owner(context.Context, string, string) (string, error) { return "", nil }
func (noContacts) PasswordChanged(*store.Tx, store.Atom) error           { return nil }
func (noContacts) AccountEnded(*store.Tx, store.Atom) error              { return nil }

// DeviceFollower keeps something for devices, such as keys. Both methods run inside the write that makes or deletes the device.
type DeviceFollower interface {
	// AdmitDevice refuses a device id that can't be used with a merr error: it may be the id of a cross-signing key.
	AdmitDevice(tx *store.Tx, user store.Atom, deviceID string) error
	// DevicesDeleted deletes what was kept for devices that are gone.
	DevicesDeleted(tx *store.Tx, user store.Atom, devices []store.Device) error
}

// Service knows who may use this server.
type Service struct {
	db        *store.DB
	hub       *notify.Hub
	cfg       Config
	now       func() time.Time
	random    io.Reader
	followers []DeviceFollower

	tokens    tokens
	passwords *passwords
	sessions  *sessions
	seen      *seen
	uia       *uia
	nonces    *recent[string, time.Time]
	sealer    *sealer // of registration tokens

	loginTokens *recent[[sha256.Size]byte, loginToken]
}

// New makes the service, and at the first start the secret that authenticates tokens and the account of the custodian.
// random must be cryptographically secure and usable from many goroutines.
func New(ctx context.Context, db *store.DB, hub *notify.Hub, cfg Config, now func() time.Time, random io.Reader,
	followers ...DeviceFollower,
) (*Service, error) {
	if cfg.Contacts == nil {
		cfg.Contacts = noContacts{}
	}
	secret, err := prepare(ctx, db, cfg, now, random)
	if err != nil {
		return nil, fmt.Errorf("accounts: %w", err)
	}
	sealer, err := newSealer(secret, "registration token")
	if err != nil {
		return nil, fmt.Errorf("accounts: %w", err)
	}
	return &Service{
		db: db, hub: hub, cfg: cfg, now: now, random: random, followers: followers,
		tokens:    tokens{secret: secret, random: random},
		passwords: newPasswords(cfg.Password, random),
		sessions:  newSessions(),
		seen:      newSeen(),
		uia:       newUIA(now, random, secret),
		nonces:    newRecent[string, time.Time](maxNonces),
		sealer:    sealer,

		loginTokens: newRecent[[sha256.Size]byte, loginToken](maxLoginTokens),
	}, nil
}

// prepare makes what must be there: the secret of tokens, and the custodian's account, which nobody can log in to.
func prepare(ctx context.Context, db *store.DB, cfg Config, now func() time.Time, random io.Reader) (secret []byte, err error) {
	candidate, err := randomBytes(random, 32)
	if err != nil {
		return nil, err
	}
	err = db.Write(ctx, func(tx *store.Tx) error {
		if cfg.Custodian != "" {
			if err := putCustodian(tx, "@"+cfg.Custodian+":"+cfg.ServerName, now()); err != nil {
				return err
			}
		}
		if err := putSenders(tx, cfg, store.Millis(now())); err != nil {
			return err
		}
		if secret, err = tx.MetaBytes(store.MetaTokenSecret); err != nil || secret != nil {
			return err
		}
		secret = candidate
		return tx.PutMeta(store.MetaTokenSecret, secret)
	})
	return secret, err
}

func putCustodian(tx *store.Tx, userID string, now time.Time) error {
	user, err := tx.Atom(userID)
	if err != nil {
		return err
	}
	_, err = tx.PutAccount(store.Account{User: user, Created: store.Millis(now)})
	return err
}

func randomBytes(random io.Reader, n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(random, b)
	return b, err
}
