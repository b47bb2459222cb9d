// Package relations tells what relates to an event, as one user sees it: aggregations, lists, and the threads of a room.
//
// Source: client-server API, "Forming relationships between events", "Threading", "Event replacements", "Reference relations".
package relations

import (
	"math"

	"beffroi/server/accounts"
	"beffroi/server/clientevent"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// All is an Upto that leaves nothing out.
const All store.NID = math.MaxInt64

// Lens is how a user sees the relations of a room, in one snapshot of the database.
type Lens struct {
	Reader *store.Reader
	Room   store.Room
	User   store.Atom
	Upto   store.NID                     // what came later is for a later answer
	Viewer func() (*rooms.Viewer, error) // is asked where something relates to something only
	View   clientevent.View              // how the events inside of aggregations are shown; the room's id is added

	ignored map[store.Atom]bool
}

// ignores gives whom the user ignores: their events don't count.
func (l *Lens) ignores() (ignored map[store.Atom]bool, err error) {
	if l.ignored == nil {
		l.ignored, err = accounts.Ignored(l.Reader, l.User)
	}
	return l.ignored, err
}

// runs reads the relations to some events that count for the user.
func (l *Lens) runs(targets []store.NID) ([]store.RelationRun, error) {
	if len(targets) == 0 {
		return nil, nil
	}
	runs, err := l.Reader.RelationRuns(targets, l.Upto, true)
	if err != nil || len(runs) == 0 {
		return nil, err
	}
	v, err := l.Viewer()
	if err != nil {
		return nil, err
	}
	if !v.SeesAll() { // then it matters which messages of a thread a run is made of
		if runs, err = l.Reader.RelationRuns(targets, l.Upto, false); err != nil {
			return nil, err
		}
	}
	return l.counting(v, runs)
}

// counting leaves out what the user may not see, and what those sent whom the user ignores.
func (l *Lens) counting(v *rooms.Viewer, runs []store.RelationRun) ([]store.RelationRun, error) {
	ignored, err := l.ignores()
	if err != nil {
		return nil, err
	}
	aside, err := l.aside(runs)
	if err != nil {
		return nil, err
	}
	all, kept := v.SeesAll(), runs[:0]
	for _, run := range runs {
		e, isAside := aside[run.NID]
		if !isAside {
			e = store.Event{NID: run.NID, Room: l.Room.Ref, Ord: run.Ord, Placed: true}
		}
		sees := all && !isAside
		if !sees && !ignored[run.Sender] {
			if sees, err = v.SeesEvent(&e); err != nil {
				return nil, err
			}
		}
		if sees && !ignored[run.Sender] {
			kept = append(kept, run)
		}
	}
	return kept, nil
}

// aside reads the events beside the main line, of which the place alone doesn't say who sees them.
func (l *Lens) aside(runs []store.RelationRun) (clientevent.Around, error) {
	var nids []store.NID
	for i := range runs {
		if runs[i].Status != 0 {
			nids = append(nids, runs[i].NID)
		}
	}
	return clientevent.LoadNIDs(l.Reader, nids)
}
