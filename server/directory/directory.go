// Package directory knows how rooms are found: aliases, the published directory, spaces and summaries. It stands above the room core and
// reads what that wrote. Other servers are not asked yet.
package directory

import (
	"context"
	"strings"
	"sync"
	"time"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// Service is the directory of one server.
type Service struct {
	db     *store.DB
	rooms  *rooms.Service
	server string // the server's name
	now    func() time.Time

	mu    sync.Mutex
	shown map[store.RoomRef]shown // what the directory shows of rooms; see look
}

// New makes the directory of a server.
func New(db *store.DB, core *rooms.Service, serverName string, now func() time.Time) *Service {
	return &Service{db: db, rooms: core, server: serverName, now: now, shown: map[store.RoomRef]shown{}}
}

// Resolve gives the id of a room that is named by its id or an alias: 404 M_NOT_FOUND where the alias is not known, 400 M_INVALID_PARAM for
// what is neither.
func (s *Service) Resolve(ctx context.Context, idOrAlias string) (roomID string, err error) {
	switch {
	case strings.HasPrefix(idOrAlias, "!"):
		return idOrAlias, nil
	case !pdu.ValidRoomAlias(idOrAlias):
		return "", merr.InvalidParam("%q is neither a room id nor a room alias", idOrAlias)
	}
	err = s.db.Peek(ctx, func(r *store.Reader) error {
		room, _, err := find(r, idOrAlias)
		roomID = room.ID
		return err
	})
	return roomID, err
}

// find gives an alias and its room: 404 M_NOT_FOUND where there is none.
func find(r *store.Reader, alias string) (room store.Room, a store.Alias, err error) {
	missing := merr.NotFound("The room alias %s is not known here", alias)
	a, ok, err := r.FindAlias(alias)
	if err != nil || !ok {
		return room, a, errOr(err, missing)
	}
	if room, ok, err = r.Room(a.Room); err == nil && !ok {
		err = missing
	}
	return room, a, err
}

// local refuses other servers, which can't be asked from here.
func (s *Service) local(serverName string) error {
	if serverName != "" && serverName != s.server {
		return merr.NotFound("The server %s can't be reached from here", serverName)
	}
	return nil
}

// errOr is err, or what its absence means.
func errOr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}
