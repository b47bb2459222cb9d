package accounts

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"beffroi/server/merr"
	"beffroi/server/store"
)

const (
	maxTypeBytes   = 255
	maxAccountData = 10_000 // pieces of one user, in all rooms together

	maxAccountDataBytes = 32 << 20 // of one user; pieces below smallAccountData are not weighed
	smallAccountData    = 1 << 10
)

// AccountData gives a user's data of one type, or 404 M_NOT_FOUND. room is 0 for global data.
// Source: client-server API, "Client Config".
func (s *Service) AccountData(ctx context.Context, user store.Atom, room store.RoomRef, kind string) (json.RawMessage, error) {
	d, err := s.accountData(ctx, user, room, kind)
	if err == nil && d.Pos == 0 {
		err = merr.NotFound("There is no account data of this type")
	}
	return d.Content, err
}

// accountData gives data whose Pos is 0 where there is none.
func (s *Service) accountData(ctx context.Context, user store.Atom, room store.RoomRef, kind string) (store.AccountData, error) {
	return store.Get(ctx, s.db, func(r *store.Reader) (store.AccountData, error) {
		atom, err := r.FindAtom(kind)
		if atom == 0 || err != nil {
			return store.AccountData{}, err
		}
		return r.AccountData(user, room, atom)
	})
}

// SetAccountData sets a user's data of one type to a JSON object, and wakes the user's devices. The types that the server itself manages
// are refused with 405 M_BAD_JSON.
func (s *Service) SetAccountData(ctx context.Context, user store.Atom, room store.RoomRef, kind string, content json.RawMessage) error {
	if kind == "m.fully_read" || kind == "m.push_rules" {
		return merr.New(http.StatusMethodNotAllowed, "M_BAD_JSON", "Cannot set %s through this API", kind)
	}
	if kind == "" || len(kind) > maxTypeBytes {
		return merr.InvalidParam("A type has 1 to %d bytes", maxTypeBytes)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, content); err != nil {
		return merr.NotJSON("The content is not JSON").Because(err)
	}
	return s.db.Write(ctx, func(tx *store.Tx) error {
		return s.putAccountData(tx, user, room, kind, compact.Bytes())
	})
}

func (s *Service) putAccountData(tx *store.Tx, user store.Atom, room store.RoomRef, kind string, content []byte) error {
	atom, err := tx.Atom(kind)
	if err != nil {
		return err
	}
	if err := roomForData(&tx.Reader, user, room, atom, len(content)); err != nil {
		return err
	}
	pos, err := tx.NextPos()
	if err != nil {
		return err
	}
	if kind == ignoredUserList && room == 0 && s.cfg.IgnoredChanged != nil {
		id, err := tx.Text(user)
		if err != nil {
			return err
		}
		tx.OnCommit(func() { s.cfg.IgnoredChanged(user, id) })
	}
	tx.OnCommit(func() { s.hub.Wake(int64(user)) })
	return tx.PutAccountData(user, store.AccountData{Room: room, Type: atom, Content: content, Pos: pos})
}

// roomForData refuses data of a further type where the user has very many, and what is large where the user has very much: 413 M_TOO_LARGE. What is there can be made smaller.
func roomForData(r *store.Reader, user store.Atom, room store.RoomRef, kind store.Atom, size int) error {
	d, err := r.AccountData(user, room, kind)
	if err != nil || d.Pos != 0 && size <= max(len(d.Content), smallAccountData) {
		return err
	}
	n, bytes, err := r.AccountDataSize(user)
	switch {
	case err != nil:
		return err
	case d.Pos == 0 && n >= maxAccountData:
		return merr.TooLarge("A user has %d pieces of account data at most", maxAccountData)
	case size > smallAccountData && bytes-len(d.Content)+size > maxAccountDataBytes:
		return merr.TooLarge("A user has %d bytes of account data at most", maxAccountDataBytes)
	}
	return nil
}

// Room gives the number of a room, under which data about it is kept: 400 M_INVALID_PARAM where it is no room id, 404 M_NOT_FOUND
// where this server has never seen it.
func (s *Service) Room(ctx context.Context, roomID string) (store.RoomRef, error) {
	if !strings.HasPrefix(roomID, "!") {
		return 0, merr.InvalidParam("This is not a room id")
	}
	return store.Get(ctx, s.db, func(r *store.Reader) (store.RoomRef, error) {
		room, found, err := r.FindRoom(roomID)
		if err == nil && !found {
			err = merr.NotFound("There is no such room")
		}
		return room.Ref, err
	})
}
