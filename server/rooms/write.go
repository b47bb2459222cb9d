package rooms

import (
	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/store"
)

// toStore is an event ready for the writer: everything that needs thought was done before.
type toStore struct {
	judged
	verdict *verdict // nil: it simply follows the head
}

// placed tells whether the event enters the timeline.
func (e *toStore) placed() bool { return e.verdict == nil || e.verdict.placed() }

// write runs in the writer: it stores the events after the head that they were built on.
func (s *Service) write(tx *store.Tx, l *live, prev, next *mark, events []toStore, topics []int64) error {
	if prev != nil && !prev.applied {
		return errStale
	}
	if prev != nil {
		*next = *prev
		next.applied = false
	}
	if next.modes == nil {
		next.modes = &store.ModeMemory{}
	}
	if l.Ref == 0 {
		ref, err := tx.AddRoom(l.ID, l.Version)
		if err != nil {
			return err
		}
		l.Ref = ref
	}
	if !events[0].placed() {
		topics = nil
	}
	for _, e := range events {
		subjects, err := s.put(tx, l, next, e)
		if err != nil {
			return err
		}
		for _, user := range subjects {
			topics = append(topics, int64(user))
		}
	}
	next.applied = true
	tx.OnCommit(func() { s.hub.Wake(topics...) })
	return nil
}

// openGap moves the head over the places that a restore leaves free.
func openGap(tx *store.Tx, room store.RoomRef, at *mark) error {
	if at.gap == 0 {
		return nil
	}
	from, to := at.ord, at.ord+at.gap
	at.ord, at.gap = to-1, 0
	return tx.OpenGap(room, from, to)
}

// put writes one event with everything that follows from it. It gives the users whose membership changes.
func (s *Service) put(tx *store.Tx, l *live, at *mark, e toStore) ([]store.Atom, error) {
	if e.verdict != nil {
		return s.putVerdict(tx, l, at, e)
	}
	subject, err := s.putNext(tx, l, at, e)
	if err != nil || subject == 0 {
		return nil, err
	}
	return []store.Atom{subject}, nil
}

// putNext writes an event that follows the head. It gives the user whose membership it changes, or 0.
func (s *Service) putNext(tx *store.Tx, l *live, at *mark, e toStore) (subject store.Atom, err error) {
	pos, err := tx.NextPos()
	if err != nil {
		return 0, err
	}
	if e.sender.Atom == 0 {
		if known, err := tx.KnowsEvent(e.ID()); err != nil || known {
			return 0, errOr(err, errStale) // it came as an outlier meanwhile: it is judged again
		}
	}
	if at.forked { // it follows all that the room ended in
		at.forked = false
		if err := tx.Unfork(l.Ref); err != nil {
			return 0, err
		}
	}
	row, err := newRow(tx, l.Ref, e)
	if err != nil {
		return 0, err
	}
	if err := openGap(tx, l.Ref, at); err != nil {
		return 0, err
	}
	at.ord++
	row.NID, row.Ord, row.Placed = store.NID(pos), at.ord, true
	if row.StateKey != 0 {
		if err := s.storeState(tx, at, &row, e.Event, pos); err != nil {
			return 0, err
		}
	}
	row.State = at.group
	if err := tx.AddEvent(&row); err != nil {
		return 0, err
	}
	if row.Type == store.AtomMember {
		subject = row.StateKey
	}
	if err := s.show(tx, at, &row, e, pos); err != nil {
		return subject, err
	}
	return subject, e.send(tx, &row, pos)
}

// send queues an event of this server, or one that it relays, for the other servers in the room.
func (e *toStore) send(tx *store.Tx, row *store.Event, pos int64) error {
	if e.sender.Atom == 0 && !e.relay {
		return nil
	}
	return tx.SendEvent(row.Room, row.NID, pos)
}

// show appends an event to the timeline, with everything that does not depend on the room's state.
func (s *Service) show(tx *store.Tx, at *mark, row *store.Event, e toStore, pos int64) error {
	if err := place(tx, at, row, e, pos); err != nil {
		return err
	}
	if e.txn.txnID != "" {
		if err := tx.AddTxn(e.txn.device, e.txn.scope, e.txn.txnID, row.NID, row.TS); err != nil {
			return err
		}
	}
	if e.redacts != nil {
		if err := e.redacts.put(tx, row); err != nil {
			return err
		}
	}
	if e.also == nil {
		return nil
	}
	return e.also(tx, row.Room)
}

// newRow is what the event itself says.
func newRow(tx *store.Tx, room store.RoomRef, e toStore) (row store.Event, err error) {
	row = store.Event{Room: room, ID: e.ID(), TS: e.OriginServerTS(), JSON: e.JSON(), TxnDevice: e.txn.device, TxnID: e.txn.txnID}
	if e.RedactedOnArrival() {
		row.Status = store.StatusRedactedOnArrival
	}
	if row.Type, err = tx.Atom(e.Type()); err != nil {
		return row, err
	}
	if row.Sender, err = tx.Atom(e.Sender()); err != nil {
		return row, err
	}
	if key, isState := e.StateKey(); isState {
		row.StateKey, err = tx.Atom(key)
	}
	return row, err
}

// storeState makes the state after a state event the current one.
func (s *Service) storeState(tx *store.Tx, at *mark, row *store.Event, e *pdu.Event, pos int64) (err error) {
	entry := store.StateEntry{Type: row.Type, StateKey: row.StateKey, NID: row.NID}
	if row.Replaces, err = tx.SetCurrentState(row.Room, pos, entry); err != nil {
		return err
	}
	if at.group, err = tx.AddStateGroup(row.Room, at.group, entry); err != nil {
		return err
	}
	if row.Type != store.AtomMember {
		return nil
	}
	return tx.PutMember(store.Member{Room: row.Room, User: row.StateKey, Membership: store.ParseMembership(auth.Membership(e)),
		NID: row.NID, Pos: pos, Ord: row.Ord})
}

// place appends the event to the timeline, with the counts of notifying events up to it.
func place(tx *store.Tx, at *mark, row *store.Event, e toStore, pos int64) error {
	p := store.Place{Room: row.Room, Ord: row.Ord, NID: row.NID, Pos: pos, Sender: row.Sender}
	var one int64
	if e.counted.Notify {
		one = 1
	}
	thread, err := threadOf(tx, row.Room, e.Event)
	if err != nil {
		return err
	}
	at.notify += one
	if p.Thread = thread; thread == 0 {
		at.notifyMain += one
		p.NotifyThread = at.notifyMain
	} else {
		last, _, err := tx.LastInThread(row.Room, thread)
		if err != nil {
			return err
		}
		p.NotifyThread = last.NotifyThread + one
	}
	p.Notify, p.NotifyMain = at.notify, at.notifyMain
	if err := tx.AddPlace(p); err != nil {
		return err
	}
	if err := tx.CountUnread(p, e.counted, at.modes); err != nil {
		return err
	}
	return tx.Relate(row)
}

// threadOf gives the root of the thread that an event is in, directly or because it relates to an event that is; 0 for none,
// or one that this room doesn't have.
//
// Spec: client-server API, "Threading", "Event relationships".
func threadOf(tx *store.Tx, room store.RoomRef, e *pdu.Event) (store.NID, error) {
	relates := e.Body().Object("m.relates_to")
	id, ok := relates.Text("event_id")
	if !ok {
		return 0, nil
	}
	target, ok, err := tx.EventByID(id)
	if err != nil || !ok || target.Room != room || !target.Placed {
		return 0, err
	}
	if relType, _ := relates.Text("rel_type"); relType == "m.thread" {
		return target.NID, nil
	}
	place, _, err := tx.PlaceAt(room, target.Ord)
	return place.Thread, err
}
