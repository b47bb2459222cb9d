package auth

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"beffroi/server/pdu"
)

// TestRealRoom replays a real room of version 12 (mautrix-go's test data, read
// where the module cache has it): each event passes against its auth events
// and against the state built so far.
func TestRealRoom(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "maunium.net/go/mautrix").Output()
	if err != nil || len(bytes.TrimSpace(dir)) == 0 {
		t.Skipf("module maunium.net/go/mautrix is not in the module cache: %v", err)
	}
	b, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "federation/eventauth/testroom-v12-success.jsonl"))
	if err != nil {
		t.Skipf("mautrix without its test room: %v", err)
	}
	rules, _ := pdu.RulesFor("12")
	state, byID := Map{}, map[string]*pdu.Event{}
	for i, line := range bytes.Split(bytes.TrimSpace(b), []byte("\n")) {
		rc, err := pdu.Receive(rules, line)
		if err != nil {
			t.Fatal(err)
		}
		e, err := pdu.FromStore(rules, rc.ID(), rc.JSON(), false)
		if err != nil {
			t.Fatal(err)
		}
		listed := Map{}
		var authEvents []*pdu.Event
		for _, id := range e.AuthEvents() {
			authEvents = append(authEvents, byID[id])
			listed.Put(byID[id])
		}
		if create := state.Event("m.room.create", ""); create != nil {
			listed.Put(create)
		}
		if err := CheckAuthEvents(e, authEvents, func(string) bool { return false }); err != nil {
			t.Errorf("event %d: list of auth events: %v", i, err)
		}
		if err := Check(e, listed); err != nil {
			t.Errorf("event %d: against its auth events: %v", i, err)
		}
		if err := Check(e, state); err != nil {
			t.Errorf("event %d: against the state: %v", i, err)
		}
		state.Put(e)
		byID[e.ID()] = e
	}
	if len(byID) < 20 {
		t.Errorf("only %d events replayed", len(byID))
	}
}
