package rooms

import (
	"encoding/json"
	"testing"

	"beffroi/server/pdu"
)

// Whatever servers say of a room, people are shown stripped state within its bounds.
func FuzzStrippedState(f *testing.F) {
	f.Add([]byte(`{"type":"m.room.name","state_key":"","sender":"@a:b","content":{"name":"Halle"},"extra":1}`))
	f.Add([]byte(`{"type":"m.room.member","state_key":"@a:b","sender":"@a:b","content":{"displayname":"A"}}`))
	f.Add([]byte(`{"type":1,"state_key":null,"sender":"a","content":[]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		events := claimed(raw)
		out, err := kept(append(events, events...), "@a:b")
		if err != nil || len(out) > 1 {
			t.Fatalf("%q: %d events, %v", raw, len(out), err)
		}
		for _, e := range out {
			o, err := pdu.ParseObject(e)
			if err != nil || len(e) > maxStrippedBytes {
				t.Fatalf("%q: %v", raw, err)
			}
			for name := range o.All() {
				if name != "content" && name != "sender" && name != "state_key" && name != "type" {
					t.Errorf("%q gives %s", raw, e)
				}
			}
		}
	})
}

func TestStrippedStateIsCutToItsBytes(t *testing.T) {
	long, err := json.Marshal(map[string]string{"topic": string(make([]byte, maxStrippedBytes))})
	if err != nil {
		t.Fatal(err)
	}
	key := ""
	out, err := kept([]strippedEvent{{json.RawMessage(long), "@a:b", &key, "m.room.topic"}, {json.RawMessage(`{"name":"Halle"}`), "@a:b", &key, "m.room.name"},
		{json.RawMessage(`{}`), "@a:b", &key, "m.room.power_levels"}}, "@a:b")
	if err != nil || len(out) != 1 {
		t.Errorf("%d events, %v", len(out), err)
	}
}
