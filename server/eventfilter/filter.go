// Package eventfilter reads the filters of clients and says which events they let through.
//
// Source: client-server API, "Filtering".
package eventfilter

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"beffroi/server/merr"
)

// Limits of what a client can ask for.
const (
	MaxSize   = 64 << 10 // bytes of a filter
	MaxLimit  = 500      // events
	maxValues = 1000     // entries of a list
)

// Filter is a whole filter. The zero Filter lets everything through.
type Filter struct {
	EventFields []string `json:"event_fields"`
	EventFormat string   `json:"event_format"`
	Presence    Events   `json:"presence"`
	AccountData Events   `json:"account_data"`
	Room        Room     `json:"room"`
}

// Room is the part about rooms. A nil list excludes nothing; an empty one of what to include excludes everything.
type Room struct {
	Rooms        []string   `json:"rooms"`
	NotRooms     []string   `json:"not_rooms"`
	IncludeLeave bool       `json:"include_leave"`
	Ephemeral    RoomEvents `json:"ephemeral"`
	State        RoomEvents `json:"state"`
	Timeline     RoomEvents `json:"timeline"`
	AccountData  RoomEvents `json:"account_data"`
}

// Events filters by type and sender.
type Events struct {
	Limit      *int     `json:"limit"`
	Types      []string `json:"types"`
	NotTypes   []string `json:"not_types"`
	Senders    []string `json:"senders"`
	NotSenders []string `json:"not_senders"`
}

// RoomEvents filters by room and content too.
type RoomEvents struct {
	Events
	Rooms                     []string `json:"rooms"`
	NotRooms                  []string `json:"not_rooms"`
	ContainsURL               *bool    `json:"contains_url"`
	RelatedBySenders          []string `json:"related_by_senders"`   // these two: MSC3440, "Fetch all threads in a room"
	RelatedByRelTypes         []string `json:"related_by_rel_types"` // they concern the events that relate to one, which the caller must know
	LazyLoadMembers           bool     `json:"lazy_load_members"`
	IncludeRedundantMembers   bool     `json:"include_redundant_members"`
	UnreadThreadNotifications bool     `json:"unread_thread_notifications"`
}

// Parse reads a filter: M_NOT_JSON for what is no JSON, M_BAD_JSON for what is no filter.
func Parse(raw []byte) (*Filter, error) {
	var f Filter
	if err := decode(raw, &f); err != nil {
		return nil, err
	}
	return &f, f.check()
}

// ParseRoomEvents reads a RoomEventFilter, as /messages and /context take.
func ParseRoomEvents(raw []byte) (*RoomEvents, error) {
	var f RoomEvents
	if err := decode(raw, &f); err != nil {
		return nil, err
	}
	return &f, f.check()
}

func decode(raw []byte, v any) error {
	switch {
	case len(raw) > MaxSize:
		return merr.TooLarge("The filter is larger than %d bytes", MaxSize)
	case !json.Valid(raw):
		return merr.NotJSON("The filter is not JSON")
	case !bytes.HasPrefix(bytes.TrimSpace(raw), []byte{'{'}):
		return merr.BadJSON("The filter is not a JSON object")
	}
	err := json.Unmarshal(raw, v)
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return merr.BadJSON("The filter's %s has the wrong type: %s", wrong.Field, wrong.Value).Because(err)
	}
	if err != nil {
		return merr.BadJSON("The filter has the wrong shape").Because(err)
	}
	return nil
}

func (f *Filter) check() error {
	switch f.EventFormat {
	case "", "client":
	case "federation":
		return merr.InvalidParam("event_format federation is not offered")
	default:
		return merr.BadJSON("event_format must be client or federation")
	}
	return errors.Join(f.Presence.check(), f.AccountData.check(), short(f.EventFields), ids('!', f.Room.Rooms), ids('!', f.Room.NotRooms),
		f.Room.Ephemeral.check(), f.Room.State.check(), f.Room.Timeline.check(), f.Room.AccountData.check())
}

func (f *Events) check() error {
	if f.Limit != nil && *f.Limit < 0 {
		return merr.BadJSON("limit must not be negative")
	}
	return errors.Join(short(f.Types), short(f.NotTypes), ids('@', f.Senders), ids('@', f.NotSenders))
}

func (f *RoomEvents) check() error {
	return errors.Join(f.Events.check(), ids('!', f.Rooms), ids('!', f.NotRooms), ids('@', f.RelatedBySenders), short(f.RelatedByRelTypes))
}

func short(values []string) error {
	if len(values) > maxValues {
		return merr.BadJSON("A list of the filter has more than %d entries", maxValues)
	}
	return nil
}

// ids checks a list of room or user ids, which begin with their sigil. Spec: appendices, "Common Namespace Format".
func ids(sigil byte, values []string) error {
	for _, id := range values {
		if id == "" || id[0] != sigil {
			return merr.BadJSON("%q is not an id that begins with %c", id, sigil)
		}
	}
	return short(values)
}

// Limited gives the number of events asked for: standard where the filter says nothing, MaxLimit at most.
func (f *Events) Limited(standard int) int {
	if f.Limit == nil {
		return standard
	}
	return min(*f.Limit, MaxLimit)
}

// Match tells whether events of this type and sender pass.
func (f *Events) Match(eventType, sender string) bool {
	return (f.Types == nil || matchAny(f.Types, eventType)) && !matchAny(f.NotTypes, eventType) &&
		(f.Senders == nil || slices.Contains(f.Senders, sender)) && !slices.Contains(f.NotSenders, sender)
}

// MatchRoom tells whether anything of the room passes.
func (f *Room) MatchRoom(roomID string) bool { return included(f.Rooms, f.NotRooms, roomID) }

// MatchRoom tells whether anything of the room passes.
func (f *RoomEvents) MatchRoom(roomID string) bool { return included(f.Rooms, f.NotRooms, roomID) }

// MatchContent tells whether an event with this content passes, which is JSON.
func (f *RoomEvents) MatchContent(content []byte) bool {
	if f.ContainsURL == nil {
		return true
	}
	var c struct {
		URL json.RawMessage `json:"url"`
	}
	err := json.Unmarshal(content, &c)
	return err == nil && (c.URL != nil) == *f.ContainsURL
}

// Related tells whether only events pass to which certain others relate.
func (f *RoomEvents) Related() bool { return f.RelatedBySenders != nil || f.RelatedByRelTypes != nil }

// All tells whether every event of every room passes, but for Related.
func (f *RoomEvents) All() bool {
	return f.Types == nil && len(f.NotTypes) == 0 && f.Senders == nil && len(f.NotSenders) == 0 && f.ContainsURL == nil &&
		f.Rooms == nil && len(f.NotRooms) == 0
}

func included(in, out []string, roomID string) bool {
	return (in == nil || slices.Contains(in, roomID)) && !slices.Contains(out, roomID)
}

func matchAny(patterns []string, text string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return glob(p, text) })
}

// glob matches a pattern in which `*` stands for any sequence of characters. It takes at most len(pattern)·len(text) steps.
func glob(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	last := len(parts) - 1
	if len(text) < len(parts[0])+len(parts[last]) || !strings.HasPrefix(text, parts[0]) || !strings.HasSuffix(text, parts[last]) {
		return false
	}
	text = text[len(parts[0]) : len(text)-len(parts[last])]
	for _, part := range parts[1:last] {
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return true
}
