// Package directory knows how rooms and people are found: aliases, the published directory, spaces and summaries, the user directory. It stands above the room core and
// reads what that wrote. Other servers are asked through Remote.
package directory

import (
	"context"
	"errors"
	"net/http"
	"slices"
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
	Remote     Remote // nil: this server speaks with no other
	Log        zerolog.Logger
}

// Remote is what the directory asks of other servers.
type Remote interface {
	// Alias asks a server for the room of an alias of its own, and for servers that are in it: a *merr.Error where it refuses.
	// Source: server-server API, "GET /_matrix/federation/v1/query/directory".
	Alias(ctx context.Context, server, alias string) (roomID string, servers []string, err error)
	// Profile asks a server for the profile of a user of its own. Like the answers below it is JSON, not yet parsed, of bounded size.
	// Source: server-server API, "GET /_matrix/federation/v1/query/profile".
	Profile(ctx context.Context, server, userID string) ([]byte, error)
	// PublicRooms asks a server for a page of its directory. Source: server-server API, "POST /_matrix/federation/v1/publicRooms".
	PublicRooms(ctx context.Context, server string, query []byte) ([]byte, error)
	// Hierarchy asks a server for a room and its children. Source: server-server API, "GET /_matrix/federation/v1/hierarchy/{roomId}".
	Hierarchy(ctx context.Context, server, roomID string, suggestedOnly bool) ([]byte, error)
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
	remote    Remote
	server    string // the server's name
	everybody bool
	log       zerolog.Logger
	now       func() time.Time
	asked     *asked

	mu    sync.Mutex
	shown map[store.RoomRef]shown // what the directory shows of rooms; see look
}

// New makes the directory of a server.
func New(db *store.DB, now func() time.Time, c Config) *Service {
	return &Service{db: db, rooms: c.Rooms, accounts: c.Accounts, push: c.Push, services: c.Services, remote: c.Remote, server: c.ServerName, everybody: c.Everybody, log: c.Log, now: now, asked: &asked{},
		shown: map[store.RoomRef]shown{}}
}

// Resolve gives the id of a room that is named by its id or an alias, and for an alias of another server the servers that it says are in it: 404 M_NOT_FOUND
// where the alias is not known, 400 M_INVALID_PARAM for what is neither.
func (s *Service) Resolve(ctx context.Context, idOrAlias string) (roomID string, servers []string, err error) {
	switch {
	case strings.HasPrefix(idOrAlias, "!"):
		return idOrAlias, nil, nil
	case !pdu.ValidRoomAlias(idOrAlias):
		return "", nil, merr.InvalidParam("%q is neither a room id nor a room alias", idOrAlias)
	case pdu.ServerOf(idOrAlias) != s.server && s.remote != nil:
		return s.elsewhere(ctx, idOrAlias)
	}
	if err := s.ask(ctx, idOrAlias); err != nil {
		return "", nil, err
	}
	err = s.db.Peek(ctx, func(r *store.Reader) error {
		room, _, err := find(r, idOrAlias)
		roomID = room.ID
		return err
	})
	return roomID, nil, err
}

// elsewhere asks the server of an alias for its room. The server itself is one to ask for the room, too.
func (s *Service) elsewhere(ctx context.Context, alias string) (roomID string, servers []string, err error) {
	server := pdu.ServerOf(alias)
	roomID, servers, err = s.remote.Alias(ctx, server, alias)
	if err != nil {
		return "", nil, unreachable(server, err)
	}
	return roomID, withServer(servers, server), nil
}

// unreachable is what a client learns of a question that another server did not answer: what it answered as a Matrix error, or 502.
func unreachable(server string, err error) error {
	var refused *merr.Error
	if errors.As(err, &refused) {
		return err
	}
	return merr.New(http.StatusBadGateway, "M_UNKNOWN", "The server %s could not be reached", server).Because(err)
}

// withServer adds a server to a list that may have it.
func withServer(servers []string, server string) []string {
	if slices.Contains(servers, server) {
		return servers
	}
	return append(servers, server)
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

// errOr is err, or what its absence means.
func errOr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}
