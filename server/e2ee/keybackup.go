package e2ee

import (
	"context"
	"encoding/json"
	"strconv"

	"beffroi/server/accounts"
	"beffroi/server/merr"
	"beffroi/server/store"
)

// KeyBackup is a version of a key backup as clients see it.
type KeyBackup struct {
	Algorithm string          `json:"algorithm"`
	AuthData  json.RawMessage `json:"auth_data"`
	Count     int64           `json:"count"`
	ETag      string          `json:"etag"`
	Version   string          `json:"version"`
}

// KeyBackupInfo is what a client says of a version.
type KeyBackupInfo struct {
	Algorithm *string         `json:"algorithm"`
	AuthData  json.RawMessage `json:"auth_data"`
	Version   *string         `json:"version"` // of an update only
}

func (i KeyBackupInfo) check() error {
	if i.Algorithm == nil || len(i.AuthData) == 0 || i.AuthData[0] != '{' {
		return merr.BadJSON("algorithm and auth_data are required: text and an object")
	}
	if *i.Algorithm == "" || len(*i.Algorithm) > maxIDLength {
		return merr.InvalidParam("The algorithm must have 1 to %d bytes", maxIDLength)
	}
	if len(i.AuthData) > maxAuthData {
		return merr.TooLarge("auth_data is larger than %d bytes", maxAuthData)
	}
	return nil
}

// NewKeyBackup makes a version of the user's key backup, which becomes the current one.
// Source: client-server API, POST /room_keys/version.
func (s *Service) NewKeyBackup(ctx context.Context, session *accounts.Session, info *KeyBackupInfo) (version string, err error) {
	if err := info.check(); err != nil {
		return "", err
	}
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		if held, err := tx.KeyBackups(session.User); err != nil || held >= maxBackups {
			return orTooManyBackups(err)
		}
		n, err := tx.AddKeyBackup(session.User, *info.Algorithm, info.AuthData)
		version = strconv.FormatInt(n, 10)
		return err
	})
	return version, err
}

// KeyBackup gives a version of the user's key backup, the current one where version is empty. M_NOT_FOUND where there is none.
// Source: client-server API, GET /room_keys/version.
func (s *Service) KeyBackup(ctx context.Context, session *accounts.Session, version string) (*KeyBackup, error) {
	b, err := store.Get(ctx, s.db, func(r *store.Reader) (store.KeyBackup, error) {
		if version == "" {
			return currentBackup(r, session.User)
		}
		return backup(r, session.User, version)
	})
	if err != nil {
		return nil, err
	}
	return &KeyBackup{b.Algorithm, b.AuthData, b.Count, strconv.FormatInt(b.ETag, 10), strconv.FormatInt(b.Version, 10)}, nil
}

// UpdateKeyBackup replaces the auth_data of a version; algorithm and version must be the version's.
// Source: client-server API, PUT /room_keys/version/{version}.
func (s *Service) UpdateKeyBackup(ctx context.Context, session *accounts.Session, version string, info *KeyBackupInfo) error {
	if err := info.check(); err != nil {
		return err
	}
	if info.Version != nil && *info.Version != version {
		return merr.InvalidParam("The version is another one than in the path")
	}
	return s.db.Write(ctx, func(tx *store.Tx) error {
		b, err := backup(&tx.Reader, session.User, version)
		if err != nil {
			return err
		}
		if b.Algorithm != *info.Algorithm {
			return merr.InvalidParam("Algorithm does not match")
		}
		return tx.SetKeyBackupAuthData(session.User, b.Version, info.AuthData)
	})
}

// DeleteKeyBackup deletes a version and its keys; one that is deleted already is no error.
// Source: client-server API, DELETE /room_keys/version/{version}.
func (s *Service) DeleteKeyBackup(ctx context.Context, session *accounts.Session, version string) error {
	b, err := store.Get(ctx, s.db, func(r *store.Reader) (store.KeyBackup, error) {
		b, found, err := anyBackup(r, session.User, version)
		if err == nil && !found {
			err = unknownVersion()
		}
		return b, err
	})
	if err != nil {
		return err
	}
	return s.deleteKeyBackup(ctx, session.User, b.Version)
}

// EraseKeyBackups deletes all versions of a user's key backup.
// Source: client-server API, "Account deactivation", erase.
func (s *Service) EraseKeyBackups(ctx context.Context, user store.Atom) error {
	for {
		b, found, err := s.currentKeyBackup(ctx, user)
		if err != nil || !found {
			return err
		}
		if err := s.deleteKeyBackup(ctx, user, b.Version); err != nil {
			return err
		}
	}
}

func (s *Service) currentKeyBackup(ctx context.Context, user store.Atom) (b store.KeyBackup, found bool, err error) {
	err = s.db.Read(ctx, func(r *store.Reader) (err error) {
		b, found, err = r.CurrentKeyBackup(user)
		return err
	})
	return b, found, err
}

// deleteKeyBackup marks a version as deleted and removes its sessions, in writes that nobody waits for.
func (s *Service) deleteKeyBackup(ctx context.Context, user store.Atom, version int64) error {
	for more := true; more; {
		err := s.db.Write(ctx, func(tx *store.Tx) (err error) {
			if err = tx.DeleteKeyBackup(user, version); err != nil {
				return err
			}
			more, err = tx.PurgeKeyBackup(user, version, backupsPerWrite)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// anyBackup finds a version, deleted or not. Versions are numbers in the one spelling that NewKeyBackup gives.
func anyBackup(r *store.Reader, user store.Atom, version string) (store.KeyBackup, bool, error) {
	n, err := strconv.ParseInt(version, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != version {
		return store.KeyBackup{}, false, nil
	}
	return r.KeyBackup(user, n)
}

func backup(r *store.Reader, user store.Atom, version string) (store.KeyBackup, error) {
	b, found, err := anyBackup(r, user, version)
	if err == nil && (!found || b.Deleted) {
		return b, unknownVersion()
	}
	return b, err
}

func currentBackup(r *store.Reader, user store.Atom) (store.KeyBackup, error) {
	b, found, err := r.CurrentKeyBackup(user)
	if err == nil && !found {
		return b, merr.NotFound("No current backup version")
	}
	return b, err
}

// writableBackup gives the version if it is the current one: keys go nowhere else.
func writableBackup(r *store.Reader, user store.Atom, version string) (store.KeyBackup, error) {
	b, err := backup(r, user, version)
	if err != nil {
		return b, err
	}
	current, err := currentBackup(r, user)
	if err == nil && current.Version != b.Version {
		return b, merr.New(403, "M_WRONG_ROOM_KEYS_VERSION", "Wrong backup version").
			With("current_version", strconv.FormatInt(current.Version, 10))
	}
	return b, err
}

func orTooManyBackups(err error) error {
	if err != nil {
		return err
	}
	return merr.Forbidden("There can be %d versions of a backup: delete one", maxBackups)
}

func unknownVersion() error { return merr.NotFound("Unknown backup version") }
