// Package clientevent turns stored events into what clients read, by cutting the canonical bytes and adding what the event
// itself doesn't say: its id, its room, its age and other unsigned data.
//
// A handler calls Load once with all the events it is going to show, then Render for each.
//
// Source: client-server API, "Room event format".
package clientevent

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"beffroi/server/pdu"
	"beffroi/server/store"
)

// View says how events are shown to a device.
type View struct {
	Device int64      // transaction_id is for the device that sent the event only
	User   store.Atom // the id of a delayed event is for its sender only
	Now    time.Time  // for age
	RoomID string     // "": left out, as in the timelines of /sync
	Around Around     // the events that the shown ones speak of

	Relations Relations // what is aggregated of the events that relate to the shown ones
	Fields    Fields    // what is shown of each event

	Veil func(*store.Event) *store.Event // gives what is shown in an event's place; nil: the event
}

// Relations holds unsigned."m.relations", JSON objects, by the number of the event that they belong to.
type Relations map[store.NID]json.RawMessage

// Standing is how the reader stands to one event.
type Standing struct {
	Membership      string // at the event, its own change included, for unsigned.membership; "": left out
	HidePrevContent bool   // the reader may not see the state event that was replaced
}

// Around holds the events that others speak of, by nid: redactions, and the state events that were replaced.
type Around map[store.NID]store.Event

// Load reads what Render needs to know of other events. replaced: also the state events that were replaced, for prev_content.
func Load(r *store.Reader, events []store.Event, replaced bool) (Around, error) {
	var nids []store.NID
	for i := range events {
		if events[i].RedactedBy != 0 {
			nids = append(nids, events[i].RedactedBy)
		}
		if replaced && events[i].Replaces != 0 {
			nids = append(nids, events[i].Replaces)
		}
	}
	return LoadNIDs(r, nids)
}

// LoadNIDs reads events by their numbers.
func LoadNIDs(r *store.Reader, nids []store.NID) (Around, error) {
	around := Around{}
	if len(nids) == 0 {
		return around, nil
	}
	events, err := r.EventsByNID(nids)
	for _, e := range events {
		around[e.NID] = e
	}
	return around, err
}

// Render gives the event in the client format, without the fields of federation.
func (v *View) Render(e *store.Event, s Standing) json.RawMessage {
	e = v.veiled(e)
	out := append(make([]byte, 0, len(e.JSON)+128), '{')
	redacts := redactsOf(e)
	for key, value := range pdu.StoredObject(e.JSON).All() {
		switch {
		case key == "content" && redacts.Exists():
			out = appendMember(out, key, withRedacts(value.Raw(), redacts))
		case shown(key):
			out = appendMember(out, key, value.Raw())
		}
	}
	if redacts.Exists() {
		out = appendMember(out, "redacts", redacts.Raw())
	}
	out = appendText(out, "event_id", e.ID)
	if v.RoomID != "" {
		out = appendText(out, "room_id", v.RoomID)
	}
	out = appendMember(out, "unsigned", v.unsigned(e, s))
	return v.Fields.shown(append(out, '}'))
}

func (v *View) veiled(e *store.Event) *store.Event {
	if v.Veil == nil {
		return e
	}
	return v.Veil(e)
}

// Stripped gives what stripped state has of an event. Source: client-server API, "Stripped state".
func Stripped(e *store.Event) json.RawMessage {
	out := append(make([]byte, 0, len(e.JSON)), '{')
	for key, value := range pdu.StoredObject(e.JSON).All() {
		if shown(key) && key != "origin_server_ts" {
			out = appendMember(out, key, value.Raw())
		}
	}
	return append(out, '}')
}

// Content gives the event's content as it is stored.
func Content(e *store.Event) json.RawMessage {
	return pdu.StoredObject(e.JSON).Get("content").Raw()
}

// ContentText gives a text of the event's content, "" where there is none.
func ContentText(e *store.Event, field string) string {
	text, _ := pdu.StoredObject(e.JSON).Object("content").Text(field)
	return text
}

func shown(key string) bool {
	switch key {
	case "content", "origin_server_ts", "sender", "state_key", "type":
		return true
	}
	return false
}

// unsigned is the data that this server adds.
func (v *View) unsigned(e *store.Event, s Standing) []byte {
	out := appendMember([]byte{'{'}, "age", strconv.AppendInt(nil, v.Now.UnixMilli()-e.TS, 10))
	if s.Membership != "" {
		out = appendText(out, "membership", s.Membership)
	}
	delayID, delayed := strings.CutPrefix(e.TxnID, store.DelayedTxn)
	if delayed && e.Sender == v.User {
		out = appendText(out, "org.matrix.msc4140.delay_id", delayID)
	}
	if !delayed && e.TxnID != "" && e.TxnDevice == v.Device && v.Device != 0 {
		out = appendText(out, "transaction_id", e.TxnID)
	}
	if old, ok := v.Around[e.Replaces]; ok && e.Replaces != 0 {
		out = appendReplaced(out, v.veiled(&old), s)
	}
	if by, ok := v.Around[e.RedactedBy]; ok && e.RedactedBy != 0 {
		out = appendMember(out, "redacted_because", v.redaction(&by))
	}
	if relations, ok := v.Relations[e.NID]; ok {
		out = appendMember(out, "m.relations", relations)
	}
	return append(out, '}')
}

// redaction is shown without what it was redacted by in turn, and without the reader's standing to it.
func (v *View) redaction(by *store.Event) []byte {
	plain := View{Device: v.Device, User: v.User, Now: v.Now, RoomID: v.RoomID}
	return plain.Render(by, Standing{})
}

// appendReplaced adds replaces_state, and prev_content with prev_sender where the reader may see them.
func appendReplaced(out []byte, old *store.Event, s Standing) []byte {
	out = appendText(out, "replaces_state", old.ID)
	if s.HidePrevContent {
		return out
	}
	o := pdu.StoredObject(old.JSON)
	out = appendMember(out, "prev_content", o.Get("content").Raw())
	return appendMember(out, "prev_sender", o.Get("sender").Raw())
}

// redactsOf is the id that a redaction names, in the event or in its content as the room version has it; other events and ids that
// are none have nothing. Clients get it in both places. Source: rooms/v11, "Moving the redacts property".
func redactsOf(e *store.Event) (redacts pdu.Value) {
	if e.Type != store.AtomRedaction {
		return redacts
	}
	o := pdu.StoredObject(e.JSON)
	for _, v := range []pdu.Value{o.Object("content").Get("redacts"), o.Get("redacts")} {
		if _, ok := v.Text(); ok {
			return v
		}
	}
	return redacts
}

// withRedacts is the content of a redaction with the id in it.
func withRedacts(content []byte, redacts pdu.Value) []byte {
	if pdu.StoredObject(content).Get("redacts").Exists() {
		return content
	}
	out := append(make([]byte, 0, len(content)+64), content[:len(content)-1]...)
	return append(appendMember(out, "redacts", redacts.Raw()), '}')
}

func appendText(out []byte, key, text string) []byte {
	quoted, err := json.Marshal(text)
	if err != nil {
		return out // can't be: every string is JSON
	}
	return appendMember(out, key, quoted)
}

func appendMember(out []byte, key string, value []byte) []byte {
	if out[len(out)-1] != '{' {
		out = append(out, ',')
	}
	out = append(append(append(out, '"'), key...), '"', ':')
	return append(out, value...)
}
