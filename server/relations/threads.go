package relations

import (
	"cmp"
	"maps"
	"slices"

	"beffroi/server/clientevent"
	"beffroi/server/pdu"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// maxThreads is how many threads of a room are looked at for a user who doesn't see all of it.
const maxThreads = 10000

// Threads lists the roots of the room's threads whose last message is up to a place, the one with the latest message first; only those that
// the user takes part in, where asked for.
//
// Spec: client-server API, "GET /_matrix/client/v1/rooms/{roomId}/threads".
func (l *Lens) Threads(upto int64, participated bool, limit int) (*Page, error) {
	limit = min(limit, maxPage)
	heads, err := l.heads(upto, participated, limit+1)
	if err != nil {
		return nil, err
	}
	p := &Page{More: len(heads) > limit}
	heads = heads[:min(len(heads), limit)]
	roots, err := l.Roots(heads)
	if err != nil {
		return nil, err
	}
	for _, h := range heads {
		p.Events, p.End = append(p.Events, roots[h.Root]), h.Last-1
	}
	return p, nil
}

// Updated finds the threads whose last message that the user sees has after < ord ≤ upto, the one with the latest first.
func (l *Lens) Updated(after, upto int64, limit int) ([]store.ThreadHead, error) {
	heads, err := l.heads(upto, false, limit)
	n := slices.IndexFunc(heads, func(h store.ThreadHead) bool { return h.Last <= after })
	if n < 0 {
		n = len(heads)
	}
	return heads[:n], err
}

// heads finds the threads that the user sees, ordered by the last message that the user sees.
func (l *Lens) heads(upto int64, participated bool, limit int) ([]store.ThreadHead, error) {
	v, err := l.Viewer()
	if err != nil {
		return nil, err
	}
	ignored, err := l.ignores()
	if err != nil {
		return nil, err
	}
	var participant store.Atom
	if participated {
		participant = l.User
	}
	senders := slices.Collect(maps.Keys(ignored))
	if v.SeesAll() {
		return l.Reader.ThreadHeads(l.Room.Ref, senders, participant, upto, limit)
	}
	heads, err := l.Reader.ThreadHeads(l.Room.Ref, senders, participant, store.OrdMax, maxThreads)
	if err != nil {
		return nil, err
	}
	heads, err = l.seenHeads(v, heads, upto)
	return heads[:min(len(heads), limit)], err
}

// seenHeads puts the last messages that the user sees in the place of the last ones that there are.
func (l *Lens) seenHeads(v *rooms.Viewer, heads []store.ThreadHead, upto int64) ([]store.ThreadHead, error) {
	events, err := l.Reader.EventsByNID(rootsOf(heads))
	if err != nil {
		return nil, err
	}
	seen := events[:0]
	for _, e := range events {
		sees, err := v.SeesEvent(&e)
		if err != nil {
			return nil, err
		}
		if sees {
			seen = append(seen, e)
		}
	}
	sums, err := l.sums(seen)
	heads = heads[:0]
	for root, s := range sums {
		if s.last != nil && s.last.Ord <= upto {
			heads = append(heads, store.ThreadHead{Root: root, Last: s.last.Ord})
		}
	}
	slices.SortFunc(heads, func(a, b store.ThreadHead) int { return cmp.Compare(b.Last, a.Last) })
	return heads, err
}

// Roots reads the events that threads begin with. Those of ignored users are shown as if they were redacted.
func (l *Lens) Roots(heads []store.ThreadHead) (map[store.NID]rooms.Seen, error) {
	events, err := clientevent.LoadNIDs(l.Reader, rootsOf(heads))
	if err != nil {
		return nil, err
	}
	v, err := l.Viewer()
	if err != nil {
		return nil, err
	}
	ignored, err := l.ignores()
	roots := make(map[store.NID]rooms.Seen, len(events))
	for nid, e := range events {
		if ignored[e.Sender] && e.RedactedBy == 0 {
			if e.JSON, err = l.redacted(&e); err != nil {
				return nil, err
			}
		}
		membership, err := v.StandingAt(&e)
		if err != nil {
			return nil, err
		}
		roots[nid] = rooms.Seen{Event: e, Membership: membership}
	}
	return roots, err
}

func (l *Lens) redacted(e *store.Event) ([]byte, error) {
	rules, _ := pdu.RulesFor(l.Room.Version)
	whole, err := e.PDU(rules)
	if err != nil {
		return nil, err
	}
	return whole.Redact().JSON(), nil
}

func rootsOf(heads []store.ThreadHead) []store.NID {
	nids := make([]store.NID, len(heads))
	for i, h := range heads {
		nids[i] = h.Root
	}
	return nids
}
