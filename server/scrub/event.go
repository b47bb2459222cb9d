package scrub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"beffroi/server/pdu"
	"beffroi/server/store"
)

// lostEvent is an event of which only others know.
type lostEvent struct {
	id     string // "": not known
	room   int64  // 0: not known
	ord    int64
	placed bool // in the timeline, at ord
	state  bool
}

// maxLost bounds what is remembered of them.
const maxLost = 100_000

// lose notes an event that can't be read.
func (s *scrub) lose(nid int64) *lostEvent {
	e := s.lost[nid]
	if e == nil {
		e = &lostEvent{}
		if len(s.lost) < maxLost {
			s.lost[nid] = e
		}
	}
	return e
}

// event checks an event's row: its bytes by what proves them, then the columns beside them by the bytes.
func (s *scrub) event(ctx context.Context, t *table, row []any) error {
	s.report.Events++
	id := eventID(t.at(row, "event_id"))
	r := s.room(ctx, number(t.at(row, "room")))
	if r == nil {
		return nil // told by the rule
	}
	f := Finding{Table: "event", RoomID: r.id, RoomName: r.name, Count: 1, EventIDs: []string{id}, State: t.at(row, "state_key") != nil,
		Day: day(number(t.at(row, "ts")))}
	e, why, err := s.proven(ctx, t, row, r.rules, id)
	if err != nil {
		return err
	}
	if why != "" {
		f.Kind, f.Details = EventAltered, []string{fmt.Sprintf("nid %v, %s: %s", row[0], id, why)}
		s.found.add(f)
		return nil
	}
	if why, err = s.columns(ctx, t, row, r, e); err != nil || why == "" {
		return err
	}
	f.Kind, f.Details = EventRow, []string{fmt.Sprintf("nid %v, %s: %s", row[0], id, why)}
	s.found.add(f)
	return nil
}

// proven reads an event from its bytes, and says what is wrong with them.
//
// The checksum covers all of them. The hashes prove more, where there are any: that these are the bytes which were signed. The id is that of the redacted
// form; the content hash is that of the whole, until the content is redacted.
func (s *scrub) proven(ctx context.Context, t *table, row []any, rules pdu.Rules, id string) (e *pdu.Event, why string, err error) {
	json, err := s.whole(ctx, t, row)
	if damaged(err) || errors.Is(err, errBytes) {
		return nil, err.Error(), nil
	} else if err != nil {
		return nil, "", err
	}
	if sum := t.at(row, "sum"); sum != nil && sum != any(store.Sum(json)) { // a damaged one may be of another type
		return nil, "the checksum is another", nil
	}
	onArrival := number(t.at(row, "status"))&store.StatusRedactedOnArrival != 0
	if e, err = pdu.FromStore(rules, id, json, onArrival); err != nil {
		return nil, err.Error(), nil
	}
	switch {
	case t.at(row, "redacted_by") == nil && !onArrival && !e.ContentHashHolds():
		return nil, "the content hash is another", nil
	case !e.IDHolds():
		return nil, "the event id is another", nil
	}
	return e, "", nil
}

var errBytes = errors.New("its bytes can't be put together")

// whole puts the bytes of an event together, of its row and the frame that it names.
func (s *scrub) whole(ctx context.Context, t *table, row []any) ([]byte, error) {
	body, id := blob(t.at(row, "json")), number(t.at(row, "frame"))
	if id == 0 {
		return body, nil
	}
	frame, known := s.frames[id]
	if !known {
		if err := s.r.one(ctx, `SELECT text FROM event_frame WHERE id = ?`, []any{id}, &frame); err != nil {
			return nil, err
		}
		if len(s.frames) >= maxFrames {
			clear(s.frames)
		}
		s.frames[id] = frame
	}
	if frame == nil {
		return nil, fmt.Errorf("%w: frame %d is not there", errBytes, id)
	}
	json, err := store.Unframe(body, frame)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBytes, err)
	}
	return json, nil
}

// maxFrames is how many frames are remembered.
const maxFrames = 1000

// columns compares the columns of an event's row with its bytes.
func (s *scrub) columns(ctx context.Context, t *table, row []any, r *room, e *pdu.Event) (why string, err error) {
	key, isState := e.StateKey()
	for column, want := range map[string]string{"type": e.Type(), "sender": e.Sender(), "state_key": key} {
		if column == "state_key" && !isState {
			if t.at(row, column) != nil {
				return "a state key, but no state", nil
			}
			continue
		}
		have, err := s.atom(ctx, number(t.at(row, column)))
		if err != nil {
			return "", err
		}
		if have != want {
			return fmt.Sprintf("%s is %q, its bytes say %q", column, have, want), nil
		}
	}
	if ts := number(t.at(row, "ts")); ts != e.OriginServerTS() {
		return fmt.Sprintf("ts is %d, its bytes say %d", ts, e.OriginServerTS()), nil
	}
	if e.RoomID() != r.id {
		return fmt.Sprintf("the room is %s, its bytes say %s", r.id, e.RoomID()), nil
	}
	return "", nil
}

// atom reads an interned text; one that can't be read is empty.
func (s *scrub) atom(ctx context.Context, id int64) (text string, err error) {
	if err = s.r.one(ctx, `SELECT text FROM atom WHERE id = ?`, []any{id}, &text); damaged(err) {
		err = nil
	}
	return text, err
}

// eventID is the id of a stored one.
func eventID(v any) string { return store.EventIDText(blob(v)) }

// day is the date of a time in milliseconds.
func day(ms int64) string {
	if ms == 0 {
		return ""
	}
	return time.UnixMilli(ms).Format(time.DateOnly)
}

// room is what is told of a room.
type room struct {
	id, name string
	rules    pdu.Rules
}

const (
	roomRow  = `SELECT room_id, version FROM room WHERE id = ?`
	roomName = `SELECT e.json FROM current_state s JOIN event e ON e.nid = s.nid WHERE s.room = ? AND s.type = ? AND s.state_key = ?`
)

// room names a room; nil where there is none of this number, or of no version that is known.
func (s *scrub) room(ctx context.Context, ref int64) *room {
	if r, known := s.rooms[ref]; known || ref == 0 {
		return r
	}
	if len(s.rooms) > 10_000 {
		clear(s.rooms)
	}
	var id []byte
	var version string
	var r *room
	if err := s.r.one(ctx, roomRow, []any{ref}, &id, &version); err == nil && id != nil {
		if rules, ok := pdu.RulesFor(version); ok {
			r = &room{id: store.RoomIDText(id), rules: rules}
		}
	}
	if r != nil {
		var json []byte
		if err := s.r.one(ctx, roomName, []any{ref, store.AtomName, store.AtomEmpty}, &json); err == nil {
			r.name, _ = pdu.StoredObject(json).Object("content").Text("name")
		}
	}
	s.rooms[ref] = r
	return r
}

// tellLost gathers the events that can't be read by room and day.
func (s *scrub) tellLost(ctx context.Context) error {
	if len(s.lost) > 0 {
		delete(s.found.at, spot{kind: RowsUnreadable, table: "event"}) // it is told better here
	}
	for nid, e := range s.lost {
		f := Finding{Kind: EventUnreadable, Table: "event", Count: 1, State: e.state, Details: []string{fmt.Sprintf("nid %d %s", nid, e.id)}}
		if e.id != "" {
			f.EventIDs = []string{e.id}
		}
		if r := s.room(ctx, e.room); r != nil {
			f.RoomID, f.RoomName = r.id, r.name
		}
		var err error
		if f.Day, err = s.dayOf(ctx, e); err != nil {
			return err
		}
		s.found.add(f)
	}
	return nil
}

// dayOf is the day of the nearest event beside a lost one that can be read, "" where its place is not known.
func (s *scrub) dayOf(ctx context.Context, e *lostEvent) (string, error) {
	if !e.placed {
		return "", nil
	}
	for _, neighbours := range []string{
		`SELECT nid FROM timeline WHERE room = ? AND ord < ? ORDER BY ord DESC LIMIT 50`,
		`SELECT nid FROM timeline WHERE room = ? AND ord > ? ORDER BY ord LIMIT 50`,
	} {
		var near []int64
		err := s.r.rows(ctx, neighbours, []any{e.room, e.ord}, func(row []any) error {
			near = append(near, number(row[0]))
			return nil
		})
		if err != nil && !damaged(err) {
			return "", err
		}
		for _, nid := range near {
			var ts int64
			if err := s.r.one(ctx, `SELECT ts FROM event WHERE nid = ?`, []any{nid}, &ts); err == nil && ts != 0 {
				return day(ts), nil
			} else if err != nil && !damaged(err) {
				return "", err
			}
		}
	}
	return "", nil
}

// maxFetched is how many events are asked of other servers in one run.
const maxFetched = 500

// fetch asks other servers for what is damaged here.
func (s *scrub) fetch(ctx context.Context) error {
	if s.Fetch == nil {
		return nil
	}
	left := maxFetched
	for _, f := range s.found.at {
		if f.Kind != EventUnreadable && f.Kind != EventAltered || f.RoomID == "" {
			continue
		}
		for _, id := range f.EventIDs {
			if left--; left < 0 {
				return nil
			}
			if err := s.Fetch(ctx, f.RoomID, id); ctx.Err() != nil {
				return ctx.Err()
			} else if err == nil {
				f.Fetched++
			}
		}
	}
	return nil
}
