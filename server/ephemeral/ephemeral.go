// Package ephemeral keeps what is said beside the events of rooms: who is typing, who is here, and who has read how far.
// Typing and presence live in memory only; receipts are stored.
package ephemeral

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"beffroi/server/merr"
	"beffroi/server/notify"
	"beffroi/server/store"
	"beffroi/server/synctoken"

	"github.com/rs/zerolog"
)

// Service serves typing notifications, presence, receipts and read markers.
type Service struct {
	db     *store.DB
	hub    *notify.Hub
	now    func() time.Time
	log    zerolog.Logger
	typing *typing
	boot   synctoken.Boot
	pos    atomic.Int64 // of typing and presence

	presence  *presences // nil: switched off
	elsewhere Elsewhere  // nil: nobody is
}

// Elsewhere is told what other servers are to hear of this one's users: typing each time that a user says it, as other servers let it end by themselves, and
// presence when it changes and now and then while it lasts. It must not wait.
type Elsewhere interface {
	Typing(room store.RoomRef, userID string, types bool)
	PresenceChanged(p PresenceOf)
}

// New makes the service, with presence or without; elsewhere is nil where other servers hear nothing. It is given back with Close.
func New(db *store.DB, hub *notify.Hub, now func() time.Time, random io.Reader, log zerolog.Logger, presence bool, elsewhere Elsewhere) (*Service, error) {
	s := &Service{db: db, hub: hub, now: now, log: log, elsewhere: elsewhere}
	if presence {
		s.presence = newPresences(now, &s.pos)
	}
	if _, err := io.ReadFull(random, s.boot[:]); err != nil {
		return nil, fmt.Errorf("name of this run: %w", err)
	}
	s.typing = newTyping(now, &s.pos, s.typingChanged)
	return s, nil
}

// Close forgets who is typing, without telling anybody.
func (s *Service) Close() { s.typing.close() }

// joinedRoom gives the number of a room that the user is in: 403 M_FORBIDDEN elsewhere, whether the room exists or not.
func joinedRoom(r *store.Reader, roomID string, user store.Atom) (store.RoomRef, error) {
	room, _, err := r.FindRoom(roomID)
	if err != nil {
		return 0, err
	}
	m, _, err := r.Member(room.Ref, user)
	if err == nil && m.Membership != store.Join {
		err = merr.Forbidden("You are not in this room")
	}
	return room.Ref, err
}

// wakeRoom wakes everybody who is in the room.
func (s *Service) wakeRoom(ctx context.Context, room store.RoomRef) error {
	users, err := store.Get(ctx, s.db, func(r *store.Reader) ([]store.Atom, error) { return r.JoinedUsers(room) })
	if err != nil {
		return err
	}
	topics := make([]int64, len(users))
	for i, u := range users {
		topics[i] = int64(u)
	}
	s.hub.Wake(topics...)
	return nil
}
