package e2ee

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"

	"beffroi/server/accounts"
	"beffroi/server/merr"
	"beffroi/server/store"
)

// The shapes of backed-up keys. Source: client-server API, "Server-side key backups".
type (
	// RoomKeys are the keys of all rooms.
	RoomKeys struct {
		Rooms map[string]*RoomSessions `json:"rooms"`
	}
	// RoomSessions are the keys of a room.
	RoomSessions struct {
		Sessions map[string]*BackupSession `json:"sessions"`
	}
	// BackupSession is the encrypted key of a Megolm session. All members are required.
	BackupSession struct {
		FirstMessageIndex *int64          `json:"first_message_index"`
		ForwardedCount    *int64          `json:"forwarded_count"`
		IsVerified        *bool           `json:"is_verified"`
		SessionData       json.RawMessage `json:"session_data"`
	}
	// BackupState is the answer to each change of keys.
	BackupState struct {
		ETag  string `json:"etag"`
		Count int64  `json:"count"`
	}
)

// PutRoomKeys keeps keys in the current version; of two keys of a session the better one stays.
// Errors: M_WRONG_ROOM_KEYS_VERSION with current_version, M_NOT_FOUND.
// Source: client-server API, PUT /room_keys/keys.
func (s *Service) PutRoomKeys(ctx context.Context, session *accounts.Session, version string, keys *RoomKeys) (*BackupState, error) {
	sessions, err := keys.list()
	if err != nil {
		return nil, err
	}
	parts := slices.Collect(slices.Chunk(sessions, backupsPerWrite))
	if len(parts) == 0 {
		parts = append(parts, nil) // the version is checked all the same
	}
	var state *BackupState
	for _, part := range parts {
		state, err = s.changeBackup(ctx, session, version, true, func(tx *store.Tx, b store.KeyBackup) error {
			if err := tx.PutBackupSessions(session.User, b.Version, part); err != nil {
				return err
			}
			return s.fits(tx, session.User, b.Version)
		})
		if err != nil {
			return nil, err
		}
	}
	return state, nil
}

// fits refuses a backup that grew beyond the bounds: 413 M_TOO_LARGE.
func (s *Service) fits(tx *store.Tx, user store.Atom, version int64) error {
	b, _, err := tx.KeyBackup(user, version)
	switch {
	case err != nil:
		return err
	case b.Count > maxSessions:
		return merr.TooLarge("A backup can hold %d keys: delete keys, or begin a new version", maxSessions)
	case b.Bytes > s.maxBackup:
		return merr.TooLarge("A backup can hold %d bytes of session_data: delete keys, or begin a new version", s.maxBackup)
	}
	return nil
}

// DeleteRoomKeys deletes keys of a version: all, those of a room, or one.
// Source: client-server API, DELETE /room_keys/keys.
func (s *Service) DeleteRoomKeys(ctx context.Context, session *accounts.Session, version string, part store.BackupPart) (*BackupState, error) {
	for {
		more := false
		state, err := s.changeBackup(ctx, session, version, false, func(tx *store.Tx, b store.KeyBackup) (err error) {
			more, err = tx.DeleteBackupSessions(session.User, b.Version, part, backupsPerWrite)
			return err
		})
		if err != nil || !more {
			return state, err
		}
	}
}

// changeBackup changes the keys of a version and gives its state thereafter.
func (s *Service) changeBackup(ctx context.Context, session *accounts.Session, version string, current bool,
	change func(*store.Tx, store.KeyBackup) error) (*BackupState, error) {
	find := backup
	if current {
		find = writableBackup
	}
	var after store.KeyBackup
	err := s.db.Write(ctx, func(tx *store.Tx) error {
		b, err := find(&tx.Reader, session.User, version)
		if err != nil {
			return err
		}
		if err := change(tx, b); err != nil {
			return err
		}
		after, _, err = tx.KeyBackup(session.User, b.Version)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &BackupState{strconv.FormatInt(after.ETag, 10), after.Count}, nil
}

// RoomKeys reads the keys of a version page by page: all, those of a room, or one. M_NOT_FOUND where there is no such version.
// Source: client-server API, GET /room_keys/keys.
func (s *Service) RoomKeys(ctx context.Context, session *accounts.Session, version string, part store.BackupPart) (*RoomKeysReader, error) {
	reader := &RoomKeysReader{s: s, user: session.User, version: version, part: part}
	return reader, reader.Next(ctx)
}

// RoomKeysReader has a page of keys at a time, and no more in memory: a backup may have a hundred megabytes. A key that is changed while the
// pages are read comes as it was or as it became.
type RoomKeysReader struct {
	Page []store.BackupSession // in the order of rooms
	More bool                  // pages follow

	s       *Service
	user    store.Atom
	version string
	part    store.BackupPart
}

// Next reads the page after this one.
func (k *RoomKeysReader) Next(ctx context.Context) error {
	var last store.BackupSession
	if len(k.Page) > 0 {
		last = k.Page[len(k.Page)-1]
	}
	return k.s.db.Read(ctx, func(r *store.Reader) error {
		b, err := backup(r, k.user, k.version)
		if err != nil {
			return err
		}
		k.Page, k.More, err = r.BackupSessions(k.user, b.Version, k.part, last, backupPage)
		return err
	})
}

// list checks the keys.
func (k *RoomKeys) list() ([]store.BackupSession, error) {
	if k.Rooms == nil {
		return nil, merr.BadJSON("rooms is missing")
	}
	var list []store.BackupSession
	for roomID, room := range k.Rooms {
		if room == nil || room.Sessions == nil {
			return nil, merr.BadJSON("sessions is missing")
		}
		if roomID == "" || len(roomID) > maxIDLength || roomID[0] != '!' {
			return nil, merr.InvalidParam("%.300q is not a room id", roomID)
		}
		for sessionID, s := range room.Sessions {
			if sessionID == "" || len(sessionID) > maxIDLength {
				return nil, merr.InvalidParam("Session ids have 1 to %d bytes", maxIDLength)
			}
			if err := s.check(); err != nil {
				return nil, err
			}
			list = append(list, store.BackupSession{RoomID: roomID, SessionID: sessionID, FirstMessageIndex: *s.FirstMessageIndex,
				ForwardedCount: *s.ForwardedCount, IsVerified: *s.IsVerified, SessionData: s.SessionData})
		}
	}
	return list, nil
}

func (s *BackupSession) check() error {
	if s == nil || s.FirstMessageIndex == nil || s.ForwardedCount == nil || s.IsVerified == nil || len(s.SessionData) == 0 || s.SessionData[0] != '{' {
		return merr.BadJSON("first_message_index, forwarded_count, is_verified and session_data (an object) are required")
	}
	if *s.FirstMessageIndex < 0 || *s.ForwardedCount < 0 {
		return merr.InvalidParam("first_message_index and forwarded_count can't be negative")
	}
	if len(s.SessionData) > maxSessionData {
		return merr.TooLarge("session_data is larger than %d bytes", maxSessionData)
	}
	return nil
}
