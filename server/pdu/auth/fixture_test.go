package auth

import (
	"crypto/ed25519"
	"encoding/json"
	"testing"

	"beffroi/server/pdu"
)

func signerOf(server string) pdu.Signer {
	var seed [32]byte
	copy(seed[:], server)
	return pdu.Signer{ServerName: server, KeyID: "ed25519:k", Key: ed25519.NewKeyFromSeed(seed[:])}
}

// The people of the tests' room, by what they are in it.
const (
	creator   = "@creator:a.fr"
	second    = "@second:b.fr" // an additional creator
	moderator = "@moderator:a.fr"
	peer      = "@peer:b.fr" // with the moderator's power level
	user      = "@user:a.fr"
	other     = "@other:b.fr"
	invited   = "@invited:b.fr"
	knocked   = "@knocked:b.fr"
	banned    = "@banned:b.fr"
	left      = "@left:b.fr"
	stranger  = "@stranger:b.fr"
)

const levels = `{"users":{"@moderator:a.fr":50,"@peer:b.fr":50},"events":{"m.room.name":50,"m.room.topic":75,"m.room.message":0,"m.quiet":10},"notifications":{"room":50,"high":60},"invite":10,"kick":40,"ban":45,"redact":50,"state_default":30}`

// room builds events and holds a state that they are checked against.
type room struct {
	t     testing.TB
	rules pdu.Rules
	id    string
	state Map
}

// newRoom is a room of the given version with the people above, join rule
// invite, and the power levels above.
func newRoom(t testing.TB, version string) *room {
	t.Helper()
	rules, ok := pdu.RulesFor(version)
	if !ok {
		t.Fatalf("no rules for version %s", version)
	}
	r := &room{t: t, rules: rules, state: Map{}}
	if !rules.RoomIDIsHash {
		r.id = "!room:a.fr"
	}
	create := r.set(creator, "m.room.create", "", `{"room_version":"`+version+`","additional_creators":["`+second+`"]}`)
	r.id = create.RoomID()
	for id, membership := range map[string]string{creator: "join", second: "join", moderator: "join", peer: "join", user: "join", other: "join",
		invited: "invite", knocked: "knock", banned: "ban", left: "leave"} {
		r.set(id, "m.room.member", id, `{"membership":"`+membership+`"}`)
	}
	r.set(creator, "m.room.power_levels", "", levels)
	r.set(creator, "m.room.join_rules", "", `{"join_rule":"invite"}`)
	return r
}

// event builds an event; key is nil or a state key.
func (r *room) event(sender, eventType string, key any, content string) *pdu.Event {
	r.t.Helper()
	p := pdu.Proto{Type: eventType, Sender: sender, RoomID: r.id, Content: json.RawMessage(content)}
	if s, ok := key.(string); ok {
		p.StateKey = &s
	}
	return r.build(p)
}

func (r *room) build(p pdu.Proto) *pdu.Event {
	r.t.Helper()
	if p.Type == "m.room.create" && r.rules.RoomIDIsHash {
		p.RoomID = ""
	}
	e, err := pdu.Build(r.rules, p, signerOf(pdu.ServerOf(p.Sender)))
	if err != nil {
		r.t.Fatal(err)
	}
	return e
}

// set puts an event into the state without asking the rules.
func (r *room) set(sender, eventType, key, content string) *pdu.Event {
	r.t.Helper()
	e := r.event(sender, eventType, key, content)
	r.state.Put(e)
	return e
}
