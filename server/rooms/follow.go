package rooms

import (
	"context"
	"slices"

	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/store"
)

// follow queues an event that follows the room's pending head and is allowed by what is in force: the state before it is the current one, and
// there is nothing to resolve. It gives no write where anything else is the case, which graft will find out.
func (s *Service) follow(ctx context.Context, a *arrival) (*write, error) {
	l, err := s.cache.acquire(ctx, a.room.ID)
	if err != nil {
		return nil, err
	}
	defer l.mu.Unlock()
	if err := l.weigh(ctx, a); err != nil || a.unwanted != nil {
		return nil, err
	}
	if !l.followedBy(a) {
		return nil, nil
	}
	fits, err := l.allows(ctx, a.Event)
	if err != nil || !fits {
		return nil, err
	}
	fresh, err := l.fresh(ctx, a.ID())
	if err != nil || !fresh {
		return nil, err
	}
	counted, err := s.count(ctx, l, a.Event)
	if err != nil {
		return nil, err
	}
	l.apply(a.Event, a.draft.sender)
	return s.queue(l, []judged{{Event: a.Event, draft: a.draft, counted: counted, relay: a.relay}}), nil
}

// followedBy tells whether the events before one are just the head. Redactions look at what they redact, and memberships of this server's users at who
// that is, so they wait for all that is queued.
func (l *live) followedBy(a *arrival) bool {
	prevs := a.PrevEvents()
	key, _ := a.StateKey()
	looks := a.Type() == "m.room.redaction" || a.Type() == "m.room.member" && pdu.ServerOf(key) == l.server
	if looks || a.state != nil || len(prevs) != len(l.tips) || l.grafting() {
		return false
	}
	for _, t := range l.tips {
		if !slices.Contains(prevs, t.id) {
			return false
		}
	}
	return true
}

// grafting tells whether an event is queued that did not simply follow the head: the database does not tell yet what that one lacks.
func (l *live) grafting() bool { return l.grafted != nil && !l.grafted.Settled() }

// allows tells whether the current state allows an event, and whether so do its auth events, where these are of the current state.
func (l *live) allows(ctx context.Context, e *pdu.Event) (bool, error) {
	keys := needed(e)
	if err := l.know(ctx, keys...); err != nil {
		return false, err
	}
	listed := auth.Map{createKey(): l.held[createKey()]}
	var authEvents []*pdu.Event
	for _, key := range append(keys, createKey()) {
		if held := l.held[key]; held != nil && slices.Contains(e.AuthEvents(), held.ID()) && !slices.Contains(authEvents, held) {
			authEvents = append(authEvents, held)
			listed.Put(held)
		}
	}
	ok := len(authEvents) == len(e.AuthEvents()) &&
		auth.CheckAuthEvents(e, authEvents, func(string) bool { return false }) == nil && // what is in force was not rejected
		auth.Check(e, listed) == nil && auth.Check(e, l.held) == nil
	return ok, nil
}

func createKey() auth.Key { return auth.Key{Type: "m.room.create"} }

// needed are the entries of the state that decide over an event.
func needed(e *pdu.Event) []auth.Key {
	p := pdu.Proto{Type: e.Type(), Sender: e.Sender(), Content: e.Content()}
	if key, ok := e.StateKey(); ok {
		p.StateKey = &key
	}
	return auth.Needed(e.Rules(), p)
}

// fresh tells whether nothing is known about an event: not it, none that follows it, no redaction of it.
func (l *live) fresh(ctx context.Context, eventID string) (fresh bool, err error) {
	err = l.db.Peek(ctx, func(r *store.Reader) error {
		_, known, err := r.EventByID(eventID)
		if err != nil {
			return err
		}
		followers, err := r.Followers(l.Ref, eventID)
		if err != nil {
			return err
		}
		redactions, err := r.EarlyRedactions(l.Ref, eventID)
		fresh = !known && len(followers) == 0 && len(redactions) == 0
		return err
	})
	return fresh, err
}
