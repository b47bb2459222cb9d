package scrub

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// rule is what must hold of each row of a table beside others.
type rule struct {
	what   string // what is named, in the words of the schema
	broken string // SQL on the row t that is true where the rule is broken
	room   string // SQL: the room that it concerns; "": none
	event  string // SQL: the number of the event that it concerns; "": none
	counts string // the table whose rows are counted by it where they can't be read; "": none
}

// to is a column that names a row of another table by one column; 0 and null name none.
func to(column, table, key string) rule {
	return rule{what: column + " → " + table,
		broken: fmt.Sprintf("coalesce(t.%s, 0) <> 0 AND NOT EXISTS (SELECT 1 FROM %s o WHERE o.%s = t.%s)", column, table, key, column)}
}

func atom(column string) rule   { return to(column, "atom", "id") }
func inRoom(column string) rule { return to(column, "room", "id") }

// named is a column with the number of an event, of the same room.
func named(column string) rule {
	return rule{what: column + " → event", room: "t.room", event: "t." + column,
		broken: fmt.Sprintf("coalesce(t.%s, 0) <> 0 AND NOT EXISTS (SELECT 1 FROM event e WHERE e.nid = t.%s AND e.room = t.room)", column, column)}
}

// stateOf is a row that says that an event is the state of a type and key.
func stateOf(column, room string) rule {
	return rule{what: column + " → event", room: room, event: "t." + column,
		broken: fmt.Sprintf(`t.%s <> 0 AND NOT EXISTS (SELECT 1 FROM event e WHERE e.nid = t.%s AND e.room = %s AND e.type = t.type AND e.state_key = t.state_key)`,
			column, column, room)}
}

const groupRoom = `(SELECT g.room FROM state_group g WHERE g.id = t.state_group)`

// rules are those of every table. A table without one is still read, checksummed where it has checksums, and compared with its indexes.
var rules = map[string][]rule{
	"event": {inRoom("room"), atom("type"), atom("state_key"), atom("sender"), to("state", "state_group", "id"), named("replaces"), named("redacted_by"),
		to("frame", "event_frame", "id"),
		{what: "ord → timeline", room: "t.room", event: "t.nid", counts: "timeline", broken: `t.ord IS NOT NULL AND NOT EXISTS (
			SELECT 1 FROM timeline l WHERE l.room = t.room AND l.ord = t.ord AND l.nid = t.nid)`},
		{what: "state → state_delta", room: "t.room", event: "t.nid", broken: `t.state_key IS NOT NULL AND t.status & 7 = 0 AND t.state <> 0
			AND NOT EXISTS (SELECT 1 FROM state_delta d WHERE d.state_group = t.state AND d.type = t.type AND d.state_key = t.state_key AND d.nid = t.nid)`},
	},
	"timeline": {inRoom("room"),
		{what: "nid → event", room: "t.room", event: "t.nid", broken: `NOT EXISTS (
			SELECT 1 FROM event e WHERE e.nid = t.nid AND e.room = t.room AND e.ord = t.ord AND e.sender = t.sender)`},
		named("thread")},
	"event_frame":  {inRoom("room")},
	"timeline_gap": {inRoom("room")},
	"room_server":  {inRoom("room"), atom("server")},
	"outgoing_edu": {atom("server")},
	"destination":  {atom("server")},
	// Its event may have been purged.
	"txn": {{what: "nid → event", event: "t.nid", broken: `t.nid <> 0 AND EXISTS (
		SELECT 1 FROM event e WHERE e.nid = t.nid AND (e.txn_device IS NOT t.device OR e.txn_id IS NOT t.txn_id))`}},
	"state_group": {inRoom("room"), {what: "prev → state_group", room: "t.room", broken: `(t.prev <> 0 OR t.links <> 0) AND NOT EXISTS (
		SELECT 1 FROM state_group p WHERE p.id = t.prev AND p.id < t.id AND p.room = t.room AND (t.links = 0 OR t.links = p.links + 1))`}},
	"state_delta": {to("state_group", "state_group", "id"), atom("type"), atom("state_key"), stateOf("nid", groupRoom)},
	"current_state": {inRoom("room"), stateOf("nid", "t.room"), {what: "membership → member", room: "t.room", event: "t.nid",
		broken: `t.type = 3 AND NOT EXISTS (SELECT 1 FROM member m WHERE m.room = t.room AND m.user = t.state_key AND m.nid = t.nid)`}},
	"state_change": {inRoom("room"), atom("type"), atom("state_key"), stateOf("old", "t.room"), stateOf("new", "t.room")},
	"member":       {inRoom("room"), atom("user"), named("nid")},
	"stripped_state": {inRoom("room"), atom("user"), {what: "user → member", room: "t.room",
		broken: `NOT EXISTS (SELECT 1 FROM member m WHERE m.room = t.room AND m.user = t.user)`}},
	"extremity": {inRoom("room"), named("nid")},
	"receipt":   {inRoom("room"), atom("user"), atom("type")},

	"missing_event":   {inRoom("room"), named("nid")},
	"early_redaction": {inRoom("room"), named("nid")},
	"relation": {atom("sender"), atom("type"), {what: "target → event", event: "t.target", broken: `NOT EXISTS (SELECT 1 FROM event e WHERE e.nid = t.target)`},
		{what: "nid → event", event: "t.nid", broken: `NOT EXISTS (SELECT 1 FROM event e WHERE e.nid = t.nid AND e.ord = t.ord)`}},
	"thread":       {inRoom("room"), named("root")},
	"alias":        {inRoom("room"), atom("creator")},
	"published":    {inRoom("room")},
	"network_room": {inRoom("room")},

	"account":      {atom("user")},
	"erased":       {atom("user")},
	"profile":      {atom("user")},
	"device":       {atom("user")},
	"account_data": {atom("user"), atom("type"), inRoom("room")},
	"filter":       {atom("user")},
	// The messages of a deleted device go after it, piece by piece.
	"to_device":          {{what: "device → device", broken: `t.device > (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'device')`}},
	"delayed_event":      {atom("user")},
	"pusher":             {atom("user"), to("device", "device", "id")},
	"dehydrated_device":  {atom("user"), to("device", "device", "id")},
	"device_list":        {atom("user")},
	"rate_override":      {atom("user")},
	"device_keys":        {atom("user")},
	"cross_signing_key":  {atom("user")},
	"key_signature":      {atom("user"), atom("signer")},
	"one_time_key":       {to("device", "device", "id")},
	"fallback_key":       {to("device", "device", "id")},
	"key_backup":         {atom("user")},
	"key_backup_session": {{what: "version → key_backup", broken: `NOT EXISTS (SELECT 1 FROM key_backup b WHERE b.user = t.user AND b.version = t.version)`}},
	"threepid":           {atom("user")},
	"media":              {atom("uploader")},
	"media_pending":      {atom("uploader")},
	"media_quarantine":   {atom("admin")},
	"password_link":      {atom("user"), atom("admin")},
	"blocked_room":       {atom("admin")},
	"notice_room":        {atom("user")},
}

// follow holds a piece of a table to a rule, in the snapshot in which it was read. Where what a row names can't be read, that is told where it stands;
// what the row knows of it is noted.
func (s *scrub) follow(ctx context.Context, t *table, rule rule, rows [][]any) error {
	return t.inPiece(rows, func(condition string, args []any) error {
		return s.broken(ctx, t, rule, condition, args)
	}, func(key []any, _ error) error {
		return s.namesUnreadable(ctx, t, rule, key)
	})
}

// broken finds the rows for which a rule is broken.
func (s *scrub) broken(ctx context.Context, t *table, rule rule, condition string, args []any) error {
	if rule.room == "" && slices.Contains(t.columns, "room") {
		rule.room = "t.room"
	}
	query := "SELECT " + orNull(rule.room) + ", " + orNull(rule.event) + ", " + list("t", t.key) + " FROM " + quoted(t.name) +
		" t NOT INDEXED WHERE " + condition + " AND (" + rule.broken + ")"
	var rows [][]any
	if err := s.r.rows(ctx, query, args, collect(&rows)); err != nil {
		return err
	}
	for _, row := range rows {
		if going, err := s.purging(ctx, number(row[0])); err != nil {
			return err
		} else if going {
			continue
		}
		f := Finding{Kind: Reference, Table: t.name, What: rule.what, Count: 1, Details: []string{keyText(t.key, row[2:])}}
		if room := s.room(ctx, number(row[0])); room != nil {
			f.RoomID, f.RoomName = room.id, room.name
		}
		s.found.add(f)
	}
	return nil
}

// purging tells whether a room is being removed: its rows go one after the other, so they may name what is gone already.
func (s *scrub) purging(ctx context.Context, ref int64) (going bool, err error) {
	err = s.r.one(ctx, `SELECT 1 FROM purge WHERE room = ?`, []any{ref}, &going)
	if damaged(err) {
		err = nil
	}
	return going, err
}

// namesUnreadable notes what a row knows of an event that can't be read.
func (s *scrub) namesUnreadable(ctx context.Context, t *table, rule rule, key []any) error {
	if rule.counts != "" {
		s.found.add(Finding{Kind: RowsUnreadable, Table: rule.counts, Count: 1, Details: []string{keyText(t.key, key) + ": " + rule.what}})
	}
	if rule.event == "" || t.name == "event" {
		return nil
	}
	columns := []string{orNull(rule.room), rule.event, "NULL"}
	if t.name == "timeline" {
		columns[2] = "t.ord"
	}
	query := "SELECT " + strings.Join(columns, ", ") + " FROM " + quoted(t.name) + " t NOT INDEXED WHERE " + compared("t", t.key, "=")
	err := s.r.rows(ctx, query, key, func(row []any) error {
		if readable, err := s.readable(ctx, number(row[1])); readable || err != nil {
			return err
		}
		e := s.lose(number(row[1]))
		if room := number(row[0]); room != 0 {
			e.room = room
		}
		if ord, ok := row[2].(int64); ok {
			e.ord, e.placed = ord, true
		}
		e.state = e.state || strings.HasPrefix(t.name, "state") || t.name == "current_state"
		return nil
	})
	if damaged(err) {
		return nil
	}
	return err
}

// readable tells whether the row of an event can be read.
func (s *scrub) readable(ctx context.Context, nid int64) (bool, error) {
	err := s.r.rows(ctx, `SELECT * FROM event NOT INDEXED WHERE nid = ?`, []any{nid}, func([]any) error { return nil })
	if damaged(err) {
		return false, nil
	}
	return true, err
}

func orNull(expression string) string {
	if expression == "" {
		return "NULL"
	}
	return expression
}
