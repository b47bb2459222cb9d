package admin

import (
	"context"
	"encoding/json"

	"beffroi/server/pdu"
	"beffroi/server/store"
)

// StateEvent is what administration sees of an event of a room's state.
type StateEvent struct {
	Type     string                     `json:"type"`
	StateKey string                     `json:"state_key"`
	Sender   string                     `json:"sender"`
	EventID  string                     `json:"event_id"`
	RoomID   string                     `json:"room_id"`
	TS       int64                      `json:"origin_server_ts"`
	Content  map[string]json.RawMessage `json:"content"`
}

// shownState are the types of state that administration sees, with the members of their content that it sees. Everything else (topics, pins, widgets, reasons, types of
// applications) may be what members say to each other.
var shownState = map[string][]string{
	"m.room.create":             {"creator", "additional_creators", "room_version", "type", "m.federate", "predecessor"},
	"m.room.member":             {"membership", "displayname", "avatar_url", "is_direct", "join_authorised_via_users_server"},
	"m.room.name":               {"name"},
	"m.room.avatar":             {"url"},
	"m.room.canonical_alias":    {"alias", "alt_aliases"},
	"m.room.join_rules":         {"join_rule", "allow"},
	"m.room.history_visibility": {"history_visibility"},
	"m.room.guest_access":       {"guest_access"},
	"m.room.encryption":         {"algorithm", "rotation_period_ms", "rotation_period_msgs"},
	"m.room.power_levels": {"ban", "events", "events_default", "invite", "kick", "notifications", "redact", "state_default", "users",
		"users_default"},
	"m.room.server_acl": {"allow", "allow_ip_literals", "deny"},
	"m.room.retention":  {"min_lifetime", "max_lifetime"},
	"m.room.tombstone":  {"replacement_room"},
	"m.space.child":     {"via", "order", "suggested"},
	"m.space.parent":    {"via", "canonical"},
}

// StateOf gives what administration sees of a room's state, of one type or ("") of all: 404 M_NOT_FOUND where there is no such room.
//
// Source: Synapse's admin API, "Room State API".
func (s *Service) StateOf(ctx context.Context, roomID, kind string) (shown []StateEvent, err error) {
	err = s.db.Read(ctx, func(r *store.Reader) error {
		room, err := findRoom(r, roomID)
		if err != nil {
			return err
		}
		events, err := r.CurrentEvents(room.Ref)
		if err != nil {
			return err
		}
		for i := range events {
			e, ok, err := shownEvent(r, room, &events[i])
			if err != nil {
				return err
			}
			if ok && (kind == "" || kind == e.Type) {
				shown = append(shown, e)
			}
		}
		return nil
	})
	return shown, err
}

func shownEvent(r *store.Reader, room store.Room, row *store.Event) (e StateEvent, ok bool, err error) {
	e = StateEvent{EventID: row.ID, RoomID: room.ID, TS: row.TS, Content: map[string]json.RawMessage{}}
	if e.Type, err = r.Text(row.Type); err != nil {
		return e, false, err
	}
	keys, ok := shownState[e.Type]
	if !ok {
		return e, false, nil
	}
	content := pdu.StoredObject(row.JSON).Object("content")
	for _, key := range keys {
		if v := content.Get(key); v.Exists() {
			e.Content[key] = v.Raw()
		}
	}
	if e.StateKey, err = r.Text(row.StateKey); err != nil {
		return e, false, err
	}
	e.Sender, err = r.Text(row.Sender)
	return e, true, err
}

// Extremities gives the events that a room ends in, as JSON objects with event_id, state_group, depth and received_ts.
//
// Source: Synapse's admin API, "Forward Extremities Admin API".
func (s *Service) Extremities(ctx context.Context, roomID string) (ends []json.RawMessage, err error) {
	err = s.db.Read(ctx, func(r *store.Reader) error {
		room, err := findRoom(r, roomID)
		if err != nil {
			return err
		}
		events, err := r.Extremities(room.Ref)
		if err != nil {
			return err
		}
		if len(events) == 0 { // it ends in its last event
			last, _, err := r.LastPlace(room.Ref)
			if err != nil {
				return err
			}
			if events, err = r.EventsByNID([]store.NID{last.NID}); err != nil {
				return err
			}
		}
		rules, _ := pdu.RulesFor(room.Version)
		for _, row := range events {
			e, err := row.PDU(rules)
			if err != nil {
				return err
			}
			raw, err := json.Marshal(map[string]any{"event_id": row.ID, "state_group": row.State, "depth": e.Depth(), "received_ts": row.TS})
			if err != nil {
				return err
			}
			ends = append(ends, raw)
		}
		return nil
	})
	return ends, err
}
