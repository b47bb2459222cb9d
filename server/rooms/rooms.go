// Package rooms is the room core: it makes events, lets the authorisation rules judge them, and stores them with the state
// and the memberships that follow. One file per verb; who may see what is decided in visible.go.
//
// The way of an event and the rules of the copies in memory: ARCHITECTURE.md, "Rooms in memory".
package rooms

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"beffroi/server/merr"
	"beffroi/server/notify"
	"beffroi/server/pdu"
	"beffroi/server/store"

	"github.com/rs/zerolog"
)

// Version is the room version that rooms are created with where nobody says another.
const Version = "12"

// Typing is told who can't be typing any more, because they are no longer in the room.
type Typing interface {
	StopTyping(ctx context.Context, room store.RoomRef, userID string) error
}

// People is what the room core must know of the local accounts.
type People interface {
	// FindLocal gives the atom of an active account; ok is false where there is none.
	FindLocal(ctx context.Context, userID string) (user store.Atom, ok bool, err error)
	// MemberProfile gives what stands in a member's events: the display name and the avatar's mxc URI, empty where not set.
	MemberProfile(ctx context.Context, user store.Atom) (displayName, avatarURL string, err error)
}

// Invitable is asked before somebody is invited.
type Invitable interface {
	// BlocksInvites tells whether a local user wants no invitations.
	BlocksInvites(ctx context.Context, user store.Atom) (bool, error)
}

// User is who acts: a local user, by their device.
type User struct {
	Atom   store.Atom
	ID     string
	Device int64 // 0: none
	At     int64 // origin_server_ts of what they send, as an application service says; 0: now
}

// Config is what the room core works with.
type Config struct {
	ServerName string
	Signer     func() pdu.Signer // the key in use now, asked for each event: it may be replaced
	People     People
	Invitable  Invitable // nil: nobody blocks invitations
	Custodian  User      // the town hall's account; zero for none
	Custody    bool      // it is an additional creator of each salon
	Version    string    // which rooms are created with where the request names none; "" for the constant
	Counts     Counts
	Typing     Typing // nil: nobody types
	Remote     Remote // nil: this server speaks with no other
	Policy     Policy // nil: nothing is decided about other servers
	// Entered is told who brought a room here by joining it, with the servers of who is in it; nil: nobody. It doesn't wait.
	Entered func(u User, roomID string, servers []string)
	Log     zerolog.Logger
}

// Service is the room core of one server.
type Service struct {
	Config
	db    *store.DB
	hub   *notify.Hub
	now   func() time.Time
	cache *cache

	sweeping  sync.Mutex // held while purged rooms are removed
	upgrading sync.Mutex // held while a room is upgraded, so that none is twice

	asking  doors        // of events that a policy server is asked about, by transaction ids
	doors   doors        // of rooms that arrive from other servers
	filling doors        // of rooms whose history is asked for
	arrived atomic.Int64 // bytes of events that are arriving

	created atomic.Int64 // when the last room was made here, so that no two are made in one millisecond
}

// New makes the room core.
func New(db *store.DB, hub *notify.Hub, now func() time.Time, c Config) *Service {
	return &Service{Config: c, db: db, hub: hub, now: now, cache: newCache(db, c.ServerName, now)}
}

func (s *Service) millis() int64 { return store.Millis(s.now()) }

// local tells whether a user id is of this server.
func (s *Service) local(userID string) bool { return pdu.ServerOf(userID) == s.ServerName }

// Find gives a room by its id: 403 M_FORBIDDEN where there is none, as for one that the user is not in.
func Find(r *store.Reader, roomID string) (store.Room, error) {
	room, ok, err := r.FindRoom(roomID)
	if err == nil && !ok {
		err = notIn()
	}
	return room, err
}

// notIn is the answer for rooms that the user is not in, and for those that don't exist: nobody learns which.
func notIn() error { return merr.Forbidden("You are not in this room") }
