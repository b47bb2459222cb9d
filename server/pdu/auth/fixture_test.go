package auth

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"strconv"
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
	built int
	keys  map[string]pdu.Signer
}

// signer is signerOf, which takes as long as signing does, once for each server.
func (r *room) signer(server string) pdu.Signer {
	if _, ok := r.keys[server]; !ok {
		r.keys[server] = signerOf(server)
	}
	return r.keys[server]
}

// newRoom is a room of the given version with the people above, join rule
// invite, and the power levels above.
func newRoom(t testing.TB, version string) *room {
	t.Helper()
	rules, ok := pdu.RulesFor(version)
	if !ok {
		t.Fatalf("no rules for version %s", version)
	}
	r := &room{t: t, rules: rules, state: Map{}, keys: map[string]pdu.Signer{}}
	if !rules.RoomIDIsHash {
		r.id = "!room:a.fr"
	}
	create := r.set(creator, "m.room.create", "", `{"creator":"`+creator+`","room_version":"`+version+`","additional_creators":["`+second+`"]}`)
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
	r.built++
	p.Localpart, p.Hashes = strconv.Itoa(r.built), map[string]pdu.Hash{}
	for _, id := range p.PrevEvents {
		p.Hashes[id] = pdu.Hash{}
	}
	e, err := pdu.Build(r.rules, p, r.signer(pdu.ServerOf(p.Sender)))
	if errors.Is(err, pdu.ErrBadJSON) && !r.rules.CanonicalJSON {
		return r.foreign(p)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return e
}

// foreign is an event whose content, canonical but for its numbers, we would not
// send: of another server's.
func (r *room) foreign(p pdu.Proto) *pdu.Event {
	r.t.Helper()
	content := p.Content
	p.Content = nil
	e, err := pdu.Build(r.rules, p, r.signer(pdu.ServerOf(p.Sender)))
	if err != nil {
		r.t.Fatal(err)
	}
	e, err = pdu.FromStore(r.rules, e.ID(), bytes.Replace(e.JSON(), []byte(`"content":{}`), append([]byte(`"content":`), content...), 1), false)
	if err != nil {
		r.t.Fatal(err)
	}
	return e
}

// received is an event with a content from outside, nil where the version refuses it.
func (r *room) received(p pdu.Proto, content []byte) *pdu.Event {
	if p.Type == "m.room.create" && r.rules.RoomIDIsHash {
		p.RoomID = ""
	}
	e, err := pdu.Build(r.rules, p, r.signer(pdu.ServerOf(p.Sender)))
	if err != nil {
		r.t.Fatal(err)
	}
	rc, err := pdu.Receive(r.rules, bytes.Replace(e.JSON(), []byte(`"content":{}`), append([]byte(`"content":`), content...), 1))
	if err != nil {
		return nil
	}
	e, err = pdu.FromStore(r.rules, rc.ID(), rc.JSON(), false)
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
