package stateres

import (
	"encoding/json"
	"slices"
	"testing"

	"beffroi/server/pdu"
)

// fake is an event with an id of the test's choice, as nobody could make it from
// room version 3 on, and anybody can before.
type fake struct {
	id, eventType, sender string
	stateKey              *string
	content               map[string]any
	auth                  []string
	depth, ts             int64
}

const fakeRoom = "!create:a.fr"

func (f fake) build(t testing.TB, rules pdu.Rules) *pdu.Event {
	t.Helper()
	if f.content == nil {
		f.content = map[string]any{}
	}
	authEvents := []any{}
	for _, id := range f.auth {
		if rules.Format == pdu.EventFormatV1 {
			authEvents = append(authEvents, []any{id, map[string]any{}})
		} else {
			authEvents = append(authEvents, id)
		}
	}
	members := map[string]any{"type": f.eventType, "sender": f.sender, "content": f.content, "auth_events": authEvents, "prev_events": []any{},
		"depth": f.depth, "origin_server_ts": f.ts, "hashes": map[string]any{}, "signatures": map[string]any{}}
	if f.stateKey != nil {
		members["state_key"] = *f.stateKey
	}
	if rules.Format == pdu.EventFormatV1 {
		members["event_id"] = f.id
	}
	if f.eventType != "m.room.create" || !rules.RoomIDIsHash {
		members["room_id"] = fakeRoom
	}
	b, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	e, err := pdu.FromStore(rules, f.id, b, false)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// fakes is a room made of them.
type fakes struct {
	t     testing.TB
	rules pdu.Rules
	memory
}

const (
	creator  = "@creator:a.fr"
	createID = "$create:a.fr"
)

// newFakes is a room with create event, its creator's membership and power levels.
func newFakes(t testing.TB, version string) (*fakes, State) {
	t.Helper()
	rules, ok := pdu.RulesFor(version)
	if !ok {
		t.Fatalf("room version %s is not known", version)
	}
	f := &fakes{t, rules, memory{}}
	s := State{}
	s = s.after(f.add(createID, "m.room.create", "", map[string]any{"room_version": version, "creator": creator}))
	s = s.after(f.add("$member", "m.room.member", creator, map[string]any{"membership": "join"}))
	s = s.after(f.add("$levels", "m.room.power_levels", "", f.levels(), "$member"))
	return f, s
}

func (f *fakes) levels() map[string]any {
	users := map[string]any{"@mod:b.fr": 50}
	if !f.rules.CreatorsRule {
		users[creator] = 100
	}
	return map[string]any{"users": users}
}

// add is a state event of the creator. Where the version wants it, the create
// event is among its auth_events.
func (f *fakes) add(id, eventType, key string, content map[string]any, auth ...string) *pdu.Event {
	f.t.Helper()
	if eventType != "m.room.create" && !f.rules.RoomIDIsHash {
		auth = append(slices.Clone(auth), createID)
	}
	e := fake{id: id, eventType: eventType, sender: creator, stateKey: &key, content: content, auth: auth, ts: int64(len(f.memory)),
		depth: int64(len(f.memory))}.build(f.t, f.rules)
	f.put(e)
	return e
}

func (f *fakes) resolve(states ...State) State {
	f.t.Helper()
	s, err := Resolve(f.rules, states, f)
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

// reject marks an event.
func (f *fakes) reject(id string) {
	e := f.memory[id]
	e.Rejected = true
	f.memory[id] = e
}
