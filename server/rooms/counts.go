package rooms

import (
	"context"
	"errors"
	"iter"

	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/push"
	"beffroi/server/store"
)

// Counts says for whom an event of a room counts as unread. It is asked under the room's lock, before the event is queued, and asks back only
// meanwhile.
type Counts interface {
	Judge(ctx context.Context, e *pdu.Event, in push.RoomView) (store.Counted, error)
}

// crowd stands for who is joined: a room has another one whenever a local user joins or leaves.
type crowd struct{ _ byte }

// count finds out for whom an event counts that comes next.
func (s *Service) count(ctx context.Context, l *live, e *pdu.Event) (store.Counted, error) {
	r := &readers{live: l, ctx: ctx}
	counted, err := s.Counts.Judge(ctx, e, r)
	return counted, errors.Join(err, r.err)
}

// readers is a room as those see it who count what is unread. The first failure stays in err.
type readers struct {
	*live
	ctx     context.Context
	members int
	err     error
}

func (r *readers) ID() string { return r.live.ID }

func (r *readers) Crowd() any { return r.crowd }

func (r *readers) ReaderCount() int { return len(r.joined) }

func (r *readers) Readers() iter.Seq2[string, store.Atom] {
	return func(yield func(string, store.Atom) bool) {
		for id, user := range r.joined {
			if !yield(id, user) {
				return
			}
		}
	}
}

func (r *readers) Reader(userID string) (store.Atom, bool) {
	user, ok := r.joined[userID]
	return user, ok
}

// MemberCount is as the database has it, without what is still queued.
func (r *readers) MemberCount() int {
	if r.members == 0 && r.Ref != 0 && r.err == nil {
		r.err = r.db.Peek(r.ctx, func(reader *store.Reader) (err error) {
			r.members, _, err = reader.MemberCounts(r.Ref)
			return err
		})
	}
	return max(r.members, len(r.joined))
}

func (r *readers) DisplayName(userID string) string {
	key := auth.Key{Type: "m.room.member", StateKey: userID}
	if err := r.know(r.ctx, key); err != nil {
		r.err = errors.Join(r.err, err)
	}
	if r.held[key] == nil {
		return ""
	}
	name, _ := r.held[key].Body().Text("displayname")
	return name
}

func (r *readers) MayNotify(sender, key string) bool {
	if r.held.Event("m.room.create", "") == nil {
		return false
	}
	levels := r.levels()
	return levels.For(sender) >= levels.Notification(key)
}
