package rooms

import (
	"context"
	"iter"

	"beffroi/server/pdu"
	"beffroi/server/push"
	"beffroi/server/store"
)

// Counts says for whom an event of a room counts as unread. It is asked under the room's lock, before the event is queued, and calls back only
// meanwhile.
type Counts interface {
	Judge(ctx context.Context, e *pdu.Event, in push.RoomView) (store.Counted, error)
}

// crowd stands for who is joined: a room has another one whenever somebody joins or leaves.
type crowd struct{ _ byte }

// readers is a room as those see it who count what is unread.
type readers struct {
	s *Service
	l *live
}

func (r readers) ID() string { return r.l.ID }

func (r readers) Crowd() any { return r.l.crowd }

func (r readers) MemberCount() int { return len(r.l.joined) }

func (r readers) Readers() iter.Seq2[string, store.Atom] {
	return func(yield func(string, store.Atom) bool) {
		for id, user := range r.l.joined {
			if r.s.local(id) && !yield(id, user) {
				return
			}
		}
	}
}

func (r readers) Reader(userID string) (store.Atom, bool) {
	user, ok := r.l.joined[userID]
	return user, ok && r.s.local(userID)
}

func (r readers) DisplayName(userID string) string {
	e := r.l.state.Event("m.room.member", userID)
	if e == nil {
		return ""
	}
	name, _ := e.Body().Text("displayname")
	return name
}

func (r readers) MayNotify(sender, key string) bool {
	if r.l.state.Event("m.room.create", "") == nil {
		return false
	}
	levels := r.l.levels()
	return levels.For(sender) >= levels.Notification(key)
}
