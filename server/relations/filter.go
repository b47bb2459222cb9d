package relations

import (
	"beffroi/server/eventfilter"
	"beffroi/server/store"
)

// Filtered tells which of some events pass the part of a filter that concerns what relates to them: an event that counts for the user, by one
// of the senders and with one of the relation types.
func (l *Lens) Filtered(f *eventfilter.RoomEvents, events []store.Event) (map[store.NID]bool, error) {
	passed := map[store.NID]bool{}
	senders, err := l.senders(f.RelatedBySenders)
	if err != nil {
		return nil, err
	}
	relTypes, err := l.relTypes(f.RelatedByRelTypes)
	if err != nil {
		return nil, err
	}
	v, err := l.Viewer()
	if err != nil {
		return nil, err
	}
	runs, err := l.Reader.RelatedBy(numbers(events), senders, relTypes, l.Upto, v.SeesAll())
	if err != nil {
		return nil, err
	}
	runs, err = l.counting(v, runs)
	for _, run := range runs {
		passed[run.Target] = true
	}
	return passed, err
}

// senders gives the atoms of those who ever sent something; nil stays nil.
func (l *Lens) senders(userIDs []string) (senders []store.Atom, err error) {
	if userIDs != nil {
		senders = []store.Atom{}
	}
	for _, id := range userIDs {
		user, err := l.Reader.FindAtom(id)
		if err != nil {
			return nil, err
		}
		if user != 0 {
			senders = append(senders, user)
		}
	}
	return senders, nil
}

func (l *Lens) relTypes(names []string) (relTypes []store.RelType, err error) {
	if names != nil {
		relTypes = []store.RelType{}
	}
	for _, name := range names {
		t, err := l.Reader.FindRelType(name)
		if err != nil {
			return nil, err
		}
		if t != 0 {
			relTypes = append(relTypes, t)
		}
	}
	return relTypes, nil
}

func numbers(events []store.Event) []store.NID {
	nids := make([]store.NID, len(events))
	for i := range events {
		nids[i] = events[i].NID
	}
	return nids
}
