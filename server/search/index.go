// Package search is the full-text search of messages, names and topics of rooms: an index that follows the stream of events in batches of its
// own, and what a user finds in it.
//
// Spec: client-server API, "Server Side Search".
package search

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"beffroi/server/pdu"
	"beffroi/server/store"
)

// How often the index looks whether something was committed, how many events one read of it looks at, and how many one write takes.
const (
	lookEvery   = time.Second
	reachWithin = time.Second
	batchLook   = 2000
	batchSize   = 250
)

// Index keeps the full-text index.
type Index struct {
	db    *store.DB
	log   zerolog.Logger
	asked chan chan struct{} // each is closed when what was committed before is in the index
}

// New makes the index on a database.
func New(db *store.DB, log zerolog.Logger) *Index {
	return &Index{db: db, log: log, asked: make(chan chan struct{})}
}

// Run follows the stream until ctx ends. A busy minute is so one batch a second, or one for each search. An index
// that is damaged is made anew.
func (x *Index) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for seen := int64(-1); ; {
		seen = x.follow(ctx, seen)
		select {
		case <-tick.C:
		case reached := <-x.asked:
			seen = x.follow(ctx, seen)
			close(reached)
		case <-ctx.Done():
			return nil
		}
	}
}

// follow catches up where anything was committed since the last look.
func (x *Index) follow(ctx context.Context, seen int64) int64 {
	now := x.db.Visible()
	if now == seen {
		return seen
	}
	if err := x.CatchUp(ctx); err != nil && ctx.Err() == nil {
		x.log.Warn().Err(err).Msg("the full-text index could not be continued")
		return x.repair(ctx, err, now)
	}
	return now
}

// Reach waits until what is committed now can be found. An index that is far behind is not waited for: who searches finds what there is.
func (x *Index) Reach(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, reachWithin)
	defer cancel()
	reached := make(chan struct{})
	select {
	case x.asked <- reached:
	case <-ctx.Done():
		return
	}
	select {
	case <-reached:
	case <-ctx.Done():
	}
}

// repair empties a damaged index, so that the next look begins it anew; what fails otherwise is tried again after the next commit.
func (x *Index) repair(ctx context.Context, cause error, seen int64) int64 {
	if !store.CorruptIndex(cause) {
		return seen
	}
	if err := x.db.Write(ctx, func(tx *store.Tx) error { return tx.ClearIndex() }); err != nil {
		x.log.Error().Err(err).Msg("the damaged full-text index could not be emptied")
		return seen
	}
	return -1
}

// CatchUp brings the index up to the last event that is committed when it begins, or later. It must not run twice at a time.
func (x *Index) CatchUp(ctx context.Context) error {
	for {
		b, err := store.Get(ctx, x.db, nextBatch)
		if err != nil || b == nil {
			return err
		}
		if err := x.db.Write(ctx, func(tx *store.Tx) error { return tx.Index(b) }); err != nil {
			return err
		}
	}
}

// batch is a step of the index while it is put together.
type batch struct {
	r     *store.Reader
	rows  map[store.NID]store.Indexed
	gone  map[store.NID]bool
	edits map[string][]store.NID // by the message
}

// nextBatch reads what comes next, nil where nothing does.
func nextBatch(r *store.Reader) (*store.IndexBatch, error) {
	again, err := r.ToIndexAgain(batchSize)
	if err != nil {
		return nil, err
	}
	upto, _, err := r.IndexedUpto()
	if err != nil {
		return nil, err
	}
	from := upto
	var nids []store.NID
	if nids, upto, err = r.ToIndex(upto, batchLook); err != nil || upto == from && len(again) == 0 {
		return nil, err
	}
	if len(nids) > batchSize {
		nids = nids[:batchSize]
		upto = nids[batchSize-1]
	}
	b := batch{r: r, rows: map[store.NID]store.Indexed{}, gone: map[store.NID]bool{}, edits: map[string][]store.NID{}}
	if err := errors.Join(b.again(again), b.look(nids)); err != nil {
		return nil, err
	}
	return b.step(again, upto), nil
}

func (b *batch) step(again []store.NID, upto store.NID) *store.IndexBatch {
	s := &store.IndexBatch{Again: again, Upto: upto}
	for _, row := range b.rows {
		s.Rows = append(s.Rows, row)
	}
	for nid := range b.gone {
		s.Gone = append(s.Gone, nid)
	}
	for target, nids := range b.edits {
		for _, nid := range nids {
			s.Edits = append(s.Edits, store.Edit{NID: nid, Target: target})
		}
	}
	return s
}

// again looks anew at events that changed.
func (b *batch) again(nids []store.NID) error {
	for _, nid := range nids {
		b.gone[nid] = true
		if err := b.changed(nid); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) changed(nid store.NID) error {
	target, err := b.r.EditTarget(nid)
	if err != nil {
		return err
	}
	if target != "" {
		return b.settle(target)
	}
	e, ok, err := b.r.Event(nid)
	if err != nil || !ok {
		return err
	}
	return b.take(&e)
}

// look takes in events that are new.
func (b *batch) look(nids []store.NID) error {
	events, err := b.r.EventsByNID(nids)
	if err != nil {
		return err
	}
	for i := range events {
		e := &events[i]
		if target, ok := edited(e); ok {
			b.edits[target] = append(b.edits[target], e.NID)
		}
	}
	for i := range events {
		if err := b.take(&events[i]); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) take(e *store.Event) error {
	if target, ok := edited(e); ok {
		return b.settle(target)
	}
	if e.Type == store.AtomMessage {
		return b.settled(e)
	}
	b.add(e, false)
	return nil
}

// edited gives the id of the message that an event edits.
func edited(e *store.Event) (target string, ok bool) {
	if e.Type != store.AtomMessage || e.StateKey != 0 {
		return "", false
	}
	relation, ok := pdu.RelationOf(pdu.StoredObject(e.JSON).Object("content"))
	return relation.EventID, ok && relation.Type == "m.replace"
}

// settle decides which text a message is found by: that of its last edit, or its own. A message that is not here is settled when it comes.
func (b *batch) settle(id string) error {
	e, ok, err := b.r.EventByID(id)
	if err != nil || !ok || e.Type != store.AtomMessage {
		return err
	}
	if _, isEdit := edited(&e); isEdit {
		return nil // edits are not edited
	}
	return b.settled(&e)
}

func (b *batch) settled(e *store.Event) error {
	known, err := b.r.EditsOf(e.ID)
	if err != nil {
		return err
	}
	nids := append(known, b.edits[e.ID]...)
	edits, err := b.r.EventsByNID(nids)
	if err != nil {
		return err
	}
	last := e
	for i := range edits {
		b.drop(edits[i].NID)
		if replaces(&edits[i], e) && (last == e || later(&edits[i], last)) {
			last = &edits[i]
		}
	}
	if len(nids) > 0 {
		b.drop(e.NID)
	}
	if e.RedactedBy == 0 {
		b.add(last, last != e)
	}
	return nil
}

// replaces tells whether an edit is a valid one of a message.
//
// Spec: client-server API, "Validity of replacement events".
func replaces(edit, e *store.Event) bool {
	return edit.Room == e.Room && edit.Sender == e.Sender && edit.Type == e.Type && edit.StateKey == 0 && e.StateKey == 0 && edit.RedactedBy == 0 &&
		edit.Placed && edit.Status&store.StatusRejected == 0 && pdu.StoredObject(edit.JSON).Object("content").Get("m.new_content").Exists()
}

func later(a, b *store.Event) bool { return a.TS > b.TS || a.TS == b.TS && a.ID > b.ID }

func (b *batch) drop(nid store.NID) {
	b.gone[nid] = true
	delete(b.rows, nid)
}

// add puts an event's text into the index, where it has one.
func (b *batch) add(e *store.Event, edit bool) {
	text := stems(Words(searched(e, edit)))
	if text == "" || e.RedactedBy != 0 || e.Status&store.StatusRejected != 0 {
		return
	}
	row := store.Indexed{NID: e.NID, Room: e.Room, Sender: e.Sender}
	switch e.Type {
	case store.AtomName:
		row.Name = text
	case store.AtomTopic:
		row.Topic = text
	default:
		row.Body = text
	}
	b.rows[e.NID] = row
}
