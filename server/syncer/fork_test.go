package syncer_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"testing"

	"beffroi/server/pdu"
	"beffroi/server/pdu/pdutest"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// verifier is other servers that are asked nothing but for their keys.
type verifier struct{ rooms.Remote }

func (verifier) Verify(_ context.Context, rc *pdu.Received) (*pdu.Event, error) {
	return rc.Verify(func(server, keyID string) (ed25519.PublicKey, bool) {
		s := pdutest.Signer(server)
		return s.Key.Public().(ed25519.PublicKey), keyID == s.KeyID
	})
}

// branch shows another server all that a room has.
func (w *world) branch(room string) *pdutest.Branch {
	w.Helper()
	var events []*pdu.Event
	var rules pdu.Rules
	w.ok(w.db.Read(context.Background(), func(r *store.Reader) error {
		found, _, err := r.FindRoom(room)
		if err != nil {
			return err
		}
		rules, _ = pdu.RulesFor(found.Version)
		rows, err := r.EventsForward(found.Ref, store.OrdMin, store.OrdMax, 1000)
		for _, row := range rows {
			e, err := row.PDU(rules)
			if err != nil {
				return err
			}
			events = append(events, e)
		}
		return err
	}))
	_, b := pdutest.Continue(w, rules, events)
	return b
}

func (w *world) receive(e *pdu.Event) {
	w.Helper()
	w.ok(w.rooms.Receive(context.Background(), "far", e.JSON())[0].Err)
}

// Where a fork takes a change back, no event of the timeline tells: it stands in the state section, and the room is no other for who comes later.
func TestWhatAForkTakesBackIsSynced(t *testing.T) {
	w := start(t)
	w.rooms.Remote = verifier{}
	alice, late := w.user("alice"), w.user("late")
	const bob = "@bob:far"
	room := w.create(alice, rooms.CreateRequest{RoomVersion: "11"})
	line := w.branch(room)
	w.receive(line.Member("join", bob, bob))
	w.receive(line.State0("m.room.power_levels", alice.ID, map[string]any{"users": map[string]int{alice.ID: 100, bob: 50}}))
	w.receive(line.State0("m.room.name", alice.ID, map[string]any{"name": "of all"}))
	side := line.Fork()
	w.receive(line.State0("m.room.name", bob, map[string]any{"name": "of bob"}))
	res := w.sync(alice, "")
	since := next(res)
	name := func(list string, since string, u rooms.User, options ...option) string {
		return keys(joined(w.sync(u, since, options...), room).Get(list))["m.room.name/"].Get("content.name").Str
	}
	want(t, "the name", keys(joined(res, room).Get("timeline.events"))["m.room.name/"].Get("content.name").Str, "of bob")

	w.receive(side.State0("m.room.power_levels", alice.ID, map[string]any{"users": map[string]int{alice.ID: 100}}))
	res = joined(w.sync(alice, since), room)
	want(t, "events", len(res.Get("timeline.events").Array()), 1)
	want(t, "the event", res.Get("timeline.events.0.content.users").Raw, `{"@alice:hs":100}`)
	want(t, "the name taken back", keys(res.Get("state.events"))["m.room.name/"].Get("content.name").Str, "of all")
	w.join(room, late)
	want(t, "the name for who comes later", name("state.events", "", late, filtered(`{"room":{"timeline":{"limit":1}}}`)), "of all")

	w.receive(side.Build("m.room.message", nil, bob, json.RawMessage(`{"body":"aside","msgtype":"m.text"}`)))
	want(t, "messages of the fork", bodies(joined(w.sync(alice, since), room)), []string{"aside"})
}
