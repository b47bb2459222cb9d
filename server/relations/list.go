package relations

import (
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// The most events of one page, and the most that are looked at to find those that the user may see.
const (
	maxPage    = 100
	maxScanned = 5000
)

// Page is a stretch of a list, in the order in which it was asked for.
type Page struct {
	Events []rooms.Seen
	End    int64 // the place where the next page begins
	More   bool  // there is one
}

// Relating lists the events that relate to one, those of ignored users left out.
//
// Spec: client-server API, "GET /_matrix/client/v1/rooms/{roomId}/relations/{eventId}".
func (l *Lens) Relating(q store.Relating) (*Page, error) {
	limit := min(max(q.Limit, 1), maxPage)
	p := &Page{More: true}
	for scanned := 0; p.More && len(p.Events) < limit && scanned < maxScanned; {
		q.Limit = limit - len(p.Events) + 1 // one more tells whether there is another page
		batch, err := l.Reader.Relating(&q)
		if err != nil {
			return nil, err
		}
		p.More = len(batch) == q.Limit
		scanned += len(batch)
		if err := l.take(p, batch, &q, limit); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// take adds what the user may see, and moves the query behind what was looked at.
func (l *Lens) take(p *Page, batch []store.Event, q *store.Relating, limit int) error {
	v, err := l.Viewer()
	if err != nil {
		return err
	}
	ignored, err := l.ignores()
	if err != nil {
		return err
	}
	for _, e := range batch {
		if len(p.Events) == limit {
			return nil
		}
		if q.Backward {
			q.To = e.Ord - 1
			p.End = q.To
		} else {
			q.After = e.Ord
			p.End = q.After
		}
		if err := p.show(v, e, ignored); err != nil {
			return err
		}
	}
	return nil
}

func (p *Page) show(v *rooms.Viewer, e store.Event, ignored map[store.Atom]bool) error {
	sees, err := v.SeesEvent(&e)
	if err != nil || !sees || ignored[e.Sender] {
		return err
	}
	membership, err := v.StandingAt(&e)
	p.Events = append(p.Events, rooms.Seen{Event: e, Membership: membership})
	return err
}
