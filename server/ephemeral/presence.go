package ephemeral

import (
	"context"
	"slices"
	"time"

	"beffroi/server/accounts"
	"beffroi/server/merr"
	"beffroi/server/store"
)

// The presences. Source: client-server API, "Presence".
const (
	Online      = "online"
	Unavailable = "unavailable"
	Offline     = "offline"
)

// maxStatus is the most bytes of a status message.
const maxStatus = 1024

// Presence is the content of m.presence.
type Presence struct {
	Presence        string `json:"presence"`
	LastActiveAgo   *int64 `json:"last_active_ago,omitempty"` // milliseconds
	CurrentlyActive bool   `json:"currently_active"`
	Status          string `json:"status_msg,omitempty"`
}

// PresenceOf is the presence of a user.
type PresenceOf struct {
	User   store.Atom
	UserID string
	Presence
}

// SetPresence says how a device's user is, and their status message ("": none). Offline is said of all their devices.
// 403 M_FORBIDDEN where presence is switched off. Source: client-server API, PUT /presence/{userId}/status.
func (s *Service) SetPresence(session *accounts.Session, presence, status string) error {
	switch {
	case s.presence == nil:
		return noPresence()
	case presence != Online && presence != Unavailable && presence != Offline:
		return merr.InvalidParam("presence must be online, offline or unavailable")
	case len(status) > maxStatus:
		return merr.InvalidParam("A status message has %d bytes at most", maxStatus)
	}
	s.presence.set(session, presence, status)
	return nil
}

// Presence gives the presence of a user with whom another shares a room: 403 M_FORBIDDEN for anybody else.
// Source: client-server API, GET /presence/{userId}/status.
func (s *Service) Presence(ctx context.Context, session *accounts.Session, userID string) (Presence, error) {
	if s.presence == nil {
		return Presence{}, noPresence()
	}
	user, err := store.Get(ctx, s.db, func(r *store.Reader) (store.Atom, error) {
		user, err := r.FindAtom(userID)
		if err != nil {
			return 0, err
		}
		sees, err := seesPresence(r, session.User, user)
		if err == nil && !sees {
			err = merr.Forbidden("You share no room with this user")
		}
		return user, err
	})
	if err != nil {
		return Presence{}, err
	}
	return s.presence.of(user), nil
}

func seesPresence(r *store.Reader, viewer, user store.Atom) (bool, error) {
	if user == 0 || user == viewer {
		return user != 0, nil
	}
	return r.SharesRoom(viewer, user)
}

func noPresence() error { return merr.Forbidden("Presence is switched off on this server") }

// Polls marks a device as connected as long as its request for news runs, which ends with the function that is given. presence is what the
// request says: "" is online, offline changes nothing. Source: client-server API, GET /sync, set_presence.
func (s *Service) Polls(session *accounts.Session, presence string) (end func()) {
	if s.presence == nil {
		return func() {}
	}
	if presence == Offline {
		s.presence.meet(session)
		return func() {}
	}
	s.presence.begin(session, presence == Unavailable)
	return func() { s.presence.end(session) }
}

// Acts notes that a user did something. Source: client-server API, "Last active ago".
func (s *Service) Acts(session *accounts.Session) {
	if s.presence != nil {
		s.presence.act(session)
	}
}

// All is the position after which PresenceChanges gives everybody who is here.
const All = -1

// PresenceChanges gives the presences that a viewer may see, and that changed after a position of the stream of typing and presence, or are those
// of the users named. The position is 0 for what another run of the process told: who was here then and didn't come back is told as gone.
func (s *Service) PresenceChanges(r *store.Reader, viewer store.Atom, after int64, named []string) ([]PresenceOf, error) {
	if s.presence == nil {
		return nil, nil
	}
	var seen []PresenceOf
	for _, p := range s.presence.changed(after, named) {
		sees, err := seesPresence(r, viewer, p.User)
		if err != nil {
			return nil, err
		}
		if sees {
			seen = append(seen, p)
		}
	}
	if s.presence.settles(after) {
		return s.withTheGone(r, viewer, seen)
	}
	return seen, nil
}

// PresencesAfter gives all presences that changed after a position of the stream of typing and presence, for who decides itself who may see them.
func (s *Service) PresencesAfter(after int64) []PresenceOf {
	if s.presence == nil {
		return nil
	}
	return s.presence.changed(after, nil)
}

// maxGone is how many users are told as gone after a restart.
const maxGone = 1000

// withTheGone adds those whom the viewer sees and who are not here: before the process began they may have been.
func (s *Service) withTheGone(r *store.Reader, viewer store.Atom, told []PresenceOf) ([]PresenceOf, error) {
	users, err := r.UsersSharingRooms(viewer)
	for _, user := range users[:min(len(users), maxGone)] {
		p := s.presence.of(user)
		if user == viewer || p.Presence != Offline || slices.ContainsFunc(told, func(t PresenceOf) bool { return t.User == user }) {
			continue
		}
		id, err := r.Text(user)
		if err != nil {
			return nil, err
		}
		told = append(told, PresenceOf{user, id, p})
	}
	return told, err
}

// How often presences are looked through, and the users whose changes are announced each time: who is woken by them costs a read each.
const (
	presenceTick   = time.Second
	presencesATime = 100
)

// Run announces changes of presence and lets them end with time, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	if s.presence == nil {
		return nil
	}
	tick := time.NewTicker(presenceTick)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		s.presence.expire()
		s.presence.settle()
		for _, user := range s.presence.takeUnsettled(presencesATime) {
			s.hub.Wake(int64(user))
		}
		if err := s.announce(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn().Err(err).Msg("presence not announced")
		}
	}
}

// announce wakes, once each, those who ask for news and see one whose presence changed.
func (s *Service) announce(ctx context.Context) error {
	changed := s.presence.takeDirty(presencesATime)
	if s.elsewhere != nil {
		for _, p := range s.presence.toTell(changed) {
			s.elsewhere.PresenceChanged(p)
		}
	}
	if len(changed) == 0 {
		return nil
	}
	wake := map[store.Atom]bool{}
	err := s.db.Read(ctx, func(r *store.Reader) error {
		for _, user := range changed {
			sharing, err := r.UsersSharingRooms(user)
			if err != nil {
				return err
			}
			for _, u := range append(sharing, user) {
				wake[u] = true
			}
		}
		return nil
	})
	for _, u := range slices.DeleteFunc(s.presence.known(), func(u store.Atom) bool { return !wake[u] }) {
		s.hub.Wake(int64(u))
	}
	s.hub.Wake() // those who follow everything
	return err
}
