// Package directory knows how rooms and people are found: aliases, the published directory, spaces and summaries, the user directory. It stands above the room core and
// reads what that wrote. Other servers are not asked yet.
package directory

import (
	"context"
	"strings"
	"sync"
	"time"

	"beffroi/server/accounts"
	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/push"
	"beffroi/server/rooms"
	"beffroi/server/store"

	"github.com/rs/zerolog"
)

// Config is what the directory works with.
type Config struct {
	Rooms      *rooms.Service
	Accounts   *accounts.Service // for what people set up for themselves in a room that is replaced
	Push       *push.Service
	ServerName string
	Everybody  bool // the user directory shows all accounts to all
	Services   AppServices
	Log        zerolog.Logger
}

// AppServices may know rooms that are not there yet.
type AppServices interface {
	// QueryAlias asks for the room of an alias: true where it was made.
	QueryAlias(ctx context.Context, alias string) (bool, error)
}

// Service is the directory of one server.
type Service struct {
	db        *store.DB
	rooms     *rooms.Service
	accounts  *accounts.Service
	push      *push.Service
	services  AppServices
	server    string // the server's name
	everybody bool
	log       zerolog.Logger
	now       func() time.Time

	mu    sync.Mutex
	shown map[store.RoomRef]shown // what the directory shows of rooms; see look
}

// New makes the directory of a server.
func New(db *store.DB, now func() time.Time, c Config) *Service {
	return &Service{db: db, rooms: c.Rooms, accounts: c.Accounts, push: c.Push, services: c.Services, server: c.ServerName, everybody: c.Everybody, log: c.Log, now: now,
		shown: map[store.RoomRef]shown{}}
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
	if err := s.ask(ctx, idOrAlias); err != nil {
		return "", err
	}
	err = s.db.Peek(ctx, func(r *store.Reader) error {
		room, _, err := find(r, idOrAlias)
		roomID = room.ID
		return err
	})
	return roomID, err
}

// ask lets an application service make the room of an alias that is not there.
func (s *Service) ask(ctx context.Context, alias string) error {
	known, err := store.Get(ctx, s.db, func(r *store.Reader) (bool, error) {
		_, ok, err := r.FindAlias(alias)
		return ok, err
	})
	if err != nil || known {
		return err
	}
	_, err = s.services.QueryAlias(ctx, alias)
	return err
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
