package clientevent

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"beffroi/server/store"
)

func stored(nid store.NID, text string) store.Event {
	return store.Event{NID: nid, ID: "$" + string(rune('a'+nid)), TS: 1000, JSON: []byte(text)}
}

func same(t *testing.T, got json.RawMessage, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatalf("%s: %v", got, err)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

const topic = `{"auth_events":["$x"],"content":{"topic":"Café \"du\" coin"},"depth":4,"hashes":{"sha256":"a"},"origin_server_ts":1000,` +
	`"prev_events":[],"room_id":"!r","sender":"@a:b","signatures":{},"state_key":"","type":"m.room.topic","unsigned":{"evil":1}}`

func TestRenderCutsFederationAndAddsTheServersOwn(t *testing.T) {
	e := stored(1, topic)
	e.Replaces, e.TxnDevice, e.TxnID = 2, 7, "t\"1"
	old := stored(2, `{"content":{"topic":"before"},"origin_server_ts":1,"sender":"@c:d","state_key":"","type":"m.room.topic"}`)
	v := View{Device: 7, Now: time.UnixMilli(1500), RoomID: "!r", Around: Around{2: old}}
	same(t, v.Render(&e, Standing{Membership: "join"}), `{"content":{"topic":"Café \"du\" coin"},"event_id":"$b","origin_server_ts":1000,
		"room_id":"!r","sender":"@a:b","state_key":"","type":"m.room.topic","unsigned":{"age":500,"membership":"join","transaction_id":"t\"1",
		"replaces_state":"$c","prev_content":{"topic":"before"},"prev_sender":"@c:d"}}`)
	other := View{Device: 8, Now: time.UnixMilli(1500), Around: Around{2: old}}
	same(t, other.Render(&e, Standing{HidePrevContent: true}), `{"content":{"topic":"Café \"du\" coin"},"event_id":"$b","origin_server_ts":1000,
		"sender":"@a:b","state_key":"","type":"m.room.topic","unsigned":{"age":500,"replaces_state":"$c"}}`)
	same(t, Stripped(&e), `{"content":{"topic":"Café \"du\" coin"},"sender":"@a:b","state_key":"","type":"m.room.topic"}`)
}

func TestRenderShowsTheRedaction(t *testing.T) {
	e := stored(1, `{"content":{},"origin_server_ts":1000,"sender":"@a:b","type":"m.room.message"}`)
	e.RedactedBy = 3
	by := stored(3, `{"content":{"reason":"spam","redacts":"$b"},"origin_server_ts":1000,"sender":"@m:b","type":"m.room.redaction"}`)
	by.Type = store.AtomRedaction
	v := View{Now: time.UnixMilli(1000), Around: Around{3: by}}
	same(t, v.Render(&e, Standing{}), `{"content":{},"event_id":"$b","origin_server_ts":1000,"sender":"@a:b","type":"m.room.message","unsigned":{"age":0,
		"redacted_because":{"content":{"reason":"spam","redacts":"$b"},"event_id":"$d","origin_server_ts":1000,"redacts":"$b","sender":"@m:b",
		"type":"m.room.redaction","unsigned":{"age":0}}}}`)
}

// Whichever place the room version has, clients find the id in both.
func TestRenderShowsWhatARedactionNamesInBothPlaces(t *testing.T) {
	for _, stands := range []string{`{"content":{"redacts":"$b"},"sender":"@m:b","type":"m.room.redaction"}`,
		`{"content":{},"redacts":"$b","sender":"@m:b","type":"m.room.redaction"}`} {
		e := stored(3, stands)
		e.Type = store.AtomRedaction
		v := View{Now: time.UnixMilli(1000)}
		same(t, v.Render(&e, Standing{}), `{"content":{"redacts":"$b"},"event_id":"$d","redacts":"$b","sender":"@m:b","type":"m.room.redaction","unsigned":{"age":0}}`)
	}
	e := stored(3, `{"content":{"redacts":7},"redacts":[],"sender":"@m:b","type":"m.room.redaction"}`)
	e.Type = store.AtomRedaction
	v := View{Now: time.UnixMilli(1000)}
	same(t, v.Render(&e, Standing{}), `{"content":{"redacts":7},"event_id":"$d","sender":"@m:b","type":"m.room.redaction","unsigned":{"age":0}}`)
}
