package ephemeral

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"beffroi/server/accounts"
	"beffroi/server/store"
)

const (
	goneAfter   = 30 * time.Second // a device that no longer asks for news
	idleAfter   = 5 * time.Minute  // a user who does nothing
	activeUntil = time.Minute      // after the last that they did
	backWithin  = 2 * time.Minute  // after a start: who was here before and is not back by then is gone
)

// presences knows who is here, in this process only. Its changes have positions of the same stream as those of typing.
type presences struct {
	now func() time.Time
	pos *atomic.Int64 // given under mu: who has read it and then looks finds what it stands for

	mu    sync.Mutex
	users map[store.Atom]*present
	dirty map[store.Atom]bool // changed and not announced yet

	elsewhere int // how many of the users are of other servers

	begun     time.Time
	settled   int64        // the position of the moment from which on who is not here is gone; 0: not yet
	unsettled []store.Atom // who is to be woken for that
}

// present is what is known of a user.
type present struct {
	userID  string
	devices map[int64]*connection // those that are connected
	status  string
	active  time.Time // when they last did something; zero: not in this run
	told    time.Time // when other servers were told of them
	pos     int64     // of the last change
	shown   shownPresence

	elsewhere *elsewhere // nil: a user of this server
}

// shownPresence is what others are told when it changes; how long ago a user was active comes along, but is not told for itself.
type shownPresence struct {
	presence, status string
	active           bool
}

// connection is a device that asks for news, or did until lately.
type connection struct {
	idle  bool
	polls int // requests that run
	seen  time.Time
}

func newPresences(now func() time.Time, pos *atomic.Int64) *presences {
	return &presences{now: now, pos: pos, begun: now(), users: map[store.Atom]*present{}, dirty: map[store.Atom]bool{}}
}

// user finds a user, or begins to know them.
func (p *presences) user(session *accounts.Session) *present {
	u := p.users[session.User]
	if u == nil {
		u = &present{userID: session.UserID, devices: map[int64]*connection{}, shown: shownPresence{presence: Offline}}
		p.users[session.User] = u
	}
	return u
}

// connect finds a device of a user, or connects it.
func (u *present) connect(device int64, now time.Time) *connection {
	c := u.devices[device]
	if c == nil {
		c = &connection{}
		u.devices[device] = c
	}
	c.seen = now
	return c
}

func (p *presences) set(session *accounts.Session, presence, status string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, u := p.now(), p.user(session)
	u.status = status
	switch presence {
	case Offline:
		clear(u.devices)
	case Online:
		u.active = now
		u.connect(session.Device, now).idle = false
	default:
		for _, c := range u.devices {
			c.idle = true
		}
		u.connect(session.Device, now).idle = true
	}
	p.refresh(session.User, u, now)
}

func (p *presences) begin(session *accounts.Session, idle bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, u := p.now(), p.user(session)
	if len(u.devices) == 0 && !idle {
		u.active = now // who comes does something
	}
	c := u.connect(session.Device, now)
	c.polls++
	c.idle = idle
	p.refresh(session.User, u, now)
}

func (p *presences) end(session *accounts.Session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.user(session).devices[session.Device]; c != nil {
		c.polls = max(c.polls-1, 0)
		c.seen = p.now()
	}
}

func (p *presences) act(session *accounts.Session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, u := p.now(), p.user(session)
	u.active = now
	u.connect(session.Device, now).idle = false
	p.refresh(session.User, u, now)
}

// refresh decides what others see of a user, and gives a change its position.
func (p *presences) refresh(user store.Atom, u *present, now time.Time) {
	shown := shownPresence{presence: Offline, status: u.status}
	for id, c := range u.devices {
		switch {
		case c.polls == 0 && now.Sub(c.seen) >= goneAfter:
			delete(u.devices, id)
		case !c.idle && now.Sub(u.active) < idleAfter:
			shown.presence = Online
		case shown.presence == Offline:
			shown.presence = Unavailable
		}
	}
	shown.active = shown.presence == Online && now.Sub(u.active) < activeUntil
	if u.elsewhere != nil {
		shown = u.elsewhere.at(now)
	}
	if shown != u.shown {
		u.shown, u.pos = shown, p.pos.Add(1)
		p.dirty[user] = true
	}
}

// settle ends, once, the presences that began before the process did.
func (p *presences) settle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.settled == 0 && p.now().Sub(p.begun) >= backWithin {
		p.settled = p.pos.Add(1)
		p.unsettled = slices.Collect(maps.Keys(p.users))
	}
}

// expire lets presences end with time.
func (p *presences) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	for user, u := range p.users {
		if u.shown.presence != Offline {
			p.refresh(user, u, now)
		}
		p.leave(user, u, now)
	}
}

// takeDirty gives users whose presence changed since they were taken last, limit at most.
func (p *presences) takeDirty(limit int) (users []store.Atom) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for user := range p.dirty {
		if len(users) == limit {
			break
		}
		users = append(users, user)
		delete(p.dirty, user)
	}
	return users
}

// takeUnsettled gives users who may believe that somebody is here who was so before the process began, limit at most.
func (p *presences) takeUnsettled(limit int) (users []store.Atom) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := min(len(p.unsettled), limit)
	users, p.unsettled = p.unsettled[:n], p.unsettled[n:]
	return users
}

// settles tells whether who is not here is to be told as gone to those who were told of the stream up to a position.
func (p *presences) settles(after int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return after >= 0 && after < p.settled
}

// known gives the users who asked for news in this run, also those who hide: nobody else has something to be woken from.
func (p *presences) known() []store.Atom {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Keys(p.users))
}

// meet begins to know a user who hides.
func (p *presences) meet(session *accounts.Session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.user(session)
}

// of gives a user's presence.
func (p *presences) of(user store.Atom) Presence {
	p.mu.Lock()
	defer p.mu.Unlock()
	u := p.users[user]
	if u == nil {
		return Presence{Presence: Offline}
	}
	return u.content(p.now())
}

func (u *present) content(now time.Time) Presence {
	c := Presence{Presence: u.shown.presence, CurrentlyActive: u.shown.active, Status: u.status}
	if !u.active.IsZero() {
		ago := now.Sub(u.active).Milliseconds()
		c.LastActiveAgo = &ago
	}
	return c
}

// changed gives the presences that changed after a position, and those of the users named; those who are offline only where they became so, and none of
// them to who asks for all.
func (p *presences) changed(after int64, named []string) (list []PresenceOf) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pos.Load() <= after && len(named) == 0 {
		return nil
	}
	now := p.now()
	for user, u := range p.users {
		isNew := u.pos > after && (after > All || u.shown.presence != Offline)
		if isNew || u.shown.presence != Offline && slices.Contains(named, u.userID) {
			list = append(list, PresenceOf{user, u.userID, u.content(now)})
		}
	}
	return list
}
