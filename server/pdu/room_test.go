package pdu

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// realRoom is the events of a real room of version 12, in order, as a server
// exported them (mautrix-go's test data, read where the module cache has it).
func realRoom(t testing.TB) [][]byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(mautrixDir(t), "federation/eventauth/testroom-v12-success.jsonl"))
	if err != nil {
		t.Skipf("mautrix without its test room: %v", err)
	}
	return bytes.Split(bytes.TrimSpace(b), []byte("\n"))
}

func TestRealRoomHashesAndIDs(t *testing.T) {
	rules, _ := RulesFor("12")
	known := map[string]bool{}
	_, keys := realEvents(t)
	room, signed := "", 0
	for i, line := range realRoom(t) {
		rc, err := Receive(rules, line)
		if err != nil {
			t.Fatalf("event %d: %v", i, err)
		}
		if !rc.contentHashHolds() {
			t.Errorf("event %d: content hash", i)
		}
		if server := ServerOf(rc.Sender()); keys[server] != nil {
			signed++
			if _, err := rc.Verify(keys.find); err != nil {
				t.Errorf("event %d: %v", i, err)
			}
		}
		o, _ := ParseObject(line)
		if exported, _ := o.Object("unsigned").Text("event_id"); exported != rc.ID() {
			t.Errorf("event %d: id %s, exported as %s", i, rc.ID(), exported)
		}
		for _, id := range append(rc.PrevEvents(), rc.AuthEvents()...) {
			if !known[id] {
				t.Errorf("event %d names %s, which was not computed before", i, id)
			}
		}
		if room == "" {
			room = rc.RoomID()
		}
		if rc.RoomID() != room {
			t.Errorf("event %d: room %s, not %s", i, rc.RoomID(), room)
		}
		known[rc.ID()] = true
		e, err := FromStore(rules, rc.ID(), rc.JSON(), false)
		if err != nil {
			t.Fatal(err)
		}
		if got := hashOf(e.Redact().essential()).EventID(); got != rc.ID() {
			t.Errorf("event %d: the redacted form has id %s, not %s", i, got, rc.ID())
		}
	}
	t.Logf("%d events; signatures of %d, the keys of the others' servers are not known", len(known), signed)
	if signed < len(known)/2 {
		t.Errorf("signatures of only %d events were checked", signed)
	}
}
