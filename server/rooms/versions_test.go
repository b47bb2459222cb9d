package rooms_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// A room of every version lives through what rooms are for.
func TestRoomsOfEveryVersion(t *testing.T) {
	ctx := context.Background()
	for _, version := range pdu.Versions() {
		t.Run(version, func(t *testing.T) {
			w := start(t)
			alice, bob, carol := w.user("alice"), w.user("bob"), w.user("carol")
			room := w.create(alice, rooms.CreateRequest{RoomVersion: version, Preset: "trusted_private_chat", Invite: []string{bob.ID},
				CreationContent: map[string]any{"creator": "@x:hs", "fr.x": 1.0}})
			if hasServer := strings.HasSuffix(room, ":hs"); hasServer == (version == "12") {
				t.Error("the room is named", room)
			}
			w.ok(w.Join(ctx, bob, room, ""))
			_, err := w.SetState(ctx, bob, room, "m.room.name", "", []byte(`{"name":"Nous"}`)) // as powerful as the creator
			w.ok(err)
			w.ok(w.Invite(ctx, bob, room, carol.ID, "", false))
			w.ok(w.Join(ctx, carol, room, ""))
			if _, err := w.SetState(ctx, carol, room, "m.room.name", "", []byte(`{"name":"Moi"}`)); !merr.Is(err, "M_FORBIDDEN") {
				t.Error("who was invited later changes the name:", err)
			}
			id, err := w.say(carol, room, "1")
			w.ok(err)
			w.Service = rooms.New(w.db, w.hub, time.Now, w.Config) // from the database
			_, err = w.say(bob, room, "2")
			w.ok(err)
			_, err = w.Redact(ctx, alice, room, id, "t", "")
			w.ok(err)
			w.ok(w.Ban(ctx, alice, room, carol.ID, ""))
			seen := w.sees(alice, room)
			w.ok(w.db.Read(ctx, func(r *store.Reader) error {
				rules, _ := pdu.RulesFor(version)
				row, _, err := r.EventByID(seen[0])
				if err != nil {
					return err
				}
				create, err := row.PDU(rules)
				if err != nil {
					return err
				}
				creator, listed := create.Body().Text("creator")
				if got, _ := create.Body().Text("room_version"); got != version || listed != rules.CreatorProperty || listed && creator != alice.ID ||
					create.Body().Get("additional_creators").Exists() != (version == "12") || !create.Body().Get("fr.x").Exists() {
					t.Errorf("%s", create.JSON())
				}
				redacted, _, err := r.EventByID(id)
				if strings.Contains(string(redacted.JSON), "body") || redacted.RedactedBy == 0 {
					t.Errorf("%s", redacted.JSON)
				}
				return err
			}))
			checkLine(w, room)
		})
	}
}

func TestTheDefaultVersionIsConfigured(t *testing.T) {
	w := start(t)
	alice := w.user("alice")
	config := w.Config
	config.Version = "10"
	w.Service = rooms.New(w.db, w.hub, time.Now, config)
	if room := w.create(alice, rooms.CreateRequest{}); !strings.HasSuffix(room, ":hs") || w.DefaultVersion() != "10" {
		t.Error(room, w.DefaultVersion())
	}
	if _, err := w.Create(context.Background(), alice, &rooms.CreateRequest{RoomVersion: "13"}); !merr.Is(err, "M_UNSUPPORTED_ROOM_VERSION") {
		t.Error(err)
	}
}

// Before version 12 the custodian of a salon is a member with all power, whatever levels the request brings.
func TestTheCustodianBeforeVersion12(t *testing.T) {
	w := start(t)
	ctx := context.Background()
	alice, custodian := w.user("alice"), w.user("_commune")
	for _, users := range []map[string]any{nil, {alice.ID: 100.0}} {
		q := rooms.CreateRequest{RoomVersion: "11"}
		if users != nil {
			q.PowerLevelOverride = map[string]any{"users": users}
		}
		room := w.create(alice, q)
		if !w.joined(room, custodian) {
			t.Error("the custodian is not in the salon")
		}
		_, err := w.SetState(ctx, custodian, room, "m.room.power_levels", "", []byte(`{"users":{"@_commune:hs":100,"@alice:hs":100,"@bob:hs":100}}`))
		w.ok(err)
	}
}
