package relations

import (
	"cmp"
	"encoding/json"
	"slices"

	"beffroi/server/clientevent"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// bundle is unsigned."m.relations" of one event. Source: client-server API, "Aggregations of child events".
type bundle struct {
	Replace   json.RawMessage `json:"m.replace,omitempty"`
	Reference *references     `json:"m.reference,omitempty"`
	Thread    *thread         `json:"m.thread,omitempty"`
}

type references struct {
	Chunk []reference `json:"chunk"`
}

type reference struct {
	EventID string `json:"event_id"`
}

type thread struct {
	Latest       json.RawMessage `json:"latest_event"`
	Count        int             `json:"count"`
	Participated bool            `json:"current_user_participated"`
}

// sum is what relates to one event.
type sum struct {
	target     *store.Event
	relation   pdu.Relation // the target's own
	edit       *store.RelationRun
	references references
	count      int                // of a thread's messages
	last       *store.RelationRun // of them
	own        bool               // one of them is the user's
}

// Bundles aggregates what relates to events that the user may see; those to which nothing does are absent, and so are state events. It takes
// one statement where nothing relates to any of them, else a few, however many events there are.
func (l *Lens) Bundles(events []store.Event) (clientevent.Relations, error) {
	sums, err := l.sums(events)
	if err != nil || len(sums) == 0 {
		return nil, err
	}
	inside, err := l.inside(sums)
	if err != nil {
		return nil, err
	}
	out := clientevent.Relations{}
	for nid, s := range sums {
		b := s.bundle(inside, l.User)
		if b.Replace == nil && b.Reference == nil && b.Thread == nil {
			continue
		}
		if out[nid], err = json.Marshal(b); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// sums adds up what relates to each of the events.
func (l *Lens) sums(events []store.Event) (map[store.NID]*sum, error) {
	byNID := make(map[store.NID]*store.Event, len(events))
	targets := make([]store.NID, 0, len(events))
	for i := range events {
		if e := &events[i]; e.StateKey == 0 {
			byNID[e.NID], targets = e, append(targets, e.NID)
		}
	}
	runs, err := l.runs(targets)
	slices.SortFunc(runs, func(a, b store.RelationRun) int { return cmp.Compare(a.Ord, b.Ord) })
	sums := map[store.NID]*sum{}
	for i := range runs {
		s := sums[runs[i].Target]
		if s == nil {
			s = newSum(byNID[runs[i].Target])
			sums[runs[i].Target] = s
		}
		s.add(&runs[i], l.User)
	}
	return sums, err
}

func newSum(target *store.Event) *sum {
	s := &sum{target: target}
	s.relation, _ = pdu.RelationOf(pdu.StoredObject(target.JSON).Object("content"))
	return s
}

// add takes a relation into account, in the order of the timeline.
func (s *sum) add(run *store.RelationRun, user store.Atom) {
	switch run.RelType {
	case store.RelReference:
		s.references.Chunk = append(s.references.Chunk, reference{run.EventID})
	case store.RelReplace:
		if s.replacedBy(run) && (s.edit == nil || later(run, s.edit)) {
			s.edit = run
		}
	case store.RelThread:
		if s.relation == (pdu.Relation{}) { // threads are not nested
			s.count += run.Count
			s.last, s.own = run, s.own || run.Sender == user
		}
	}
}

// replacedBy tells whether an edit is valid and has something to replace.
//
// Spec: client-server API, "Validity of replacement events", "Server-side aggregation of m.replace relationships".
func (s *sum) replacedBy(edit *store.RelationRun) bool {
	return edit.Detail == 1 && edit.Sender == s.target.Sender && edit.Type == s.target.Type && s.relation.Type != "m.replace" &&
		s.target.RedactedBy == 0
}

func later(a, b *store.RelationRun) bool {
	return a.TS > b.TS || a.TS == b.TS && a.EventID > b.EventID
}

// inside renders the events that stand inside of the aggregations. A thread's last message has aggregations of its own, which hold no thread.
func (l *Lens) inside(sums map[store.NID]*sum) (map[store.NID]json.RawMessage, error) {
	var nids []store.NID
	lasts := map[store.NID]bool{}
	for _, s := range sums {
		if s.edit != nil {
			nids = append(nids, s.edit.NID)
		}
		if s.last != nil {
			nids, lasts[s.last.NID] = append(nids, s.last.NID), true
		}
	}
	events, err := l.Reader.EventsByNID(nids)
	if err != nil || len(events) == 0 {
		return nil, err
	}
	view := l.View
	view.RoomID = l.Room.ID
	if view.Relations, err = l.Bundles(keep(events, lasts)); err != nil {
		return nil, err
	}
	v, err := l.Viewer()
	if err != nil {
		return nil, err
	}
	out := make(map[store.NID]json.RawMessage, len(events))
	for i := range events {
		e := &events[i]
		membership, err := v.StandingAt(e)
		if err != nil {
			return nil, err
		}
		out[e.NID] = view.Render(e, clientevent.Standing{Membership: membership})
	}
	return out, nil
}

func keep(events []store.Event, wanted map[store.NID]bool) (kept []store.Event) {
	for i := range events {
		if wanted[events[i].NID] {
			kept = append(kept, events[i])
		}
	}
	return kept
}

func (s *sum) bundle(inside map[store.NID]json.RawMessage, user store.Atom) (b bundle) {
	if s.edit != nil {
		b.Replace = inside[s.edit.NID]
	}
	if len(s.references.Chunk) > 0 {
		b.Reference = &s.references
	}
	if s.last != nil {
		b.Thread = &thread{inside[s.last.NID], s.count, s.own || s.target.Sender == user}
	}
	return b
}
