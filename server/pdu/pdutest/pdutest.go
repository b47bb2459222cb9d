// Package pdutest builds rooms that fork, out of real events, for tests and
// benchmarks of what judges and resolves them.
package pdutest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
)

// Room is all events of a room.
type Room struct {
	Rules  pdu.Rules
	ID     string
	Events map[string]*pdu.Event
	// Now is the origin_server_ts of the next event; each event moves it on by one.
	Now int64
	// Sign gives the key of a server: Signer, unless a test sets another.
	Sign func(server string) pdu.Signer

	t      testing.TB
	made   int                 // events built so far
	hashes map[string]pdu.Hash // by event id, where events name each other with them
}

// Signer is the signing key of a server, always the same one.
func Signer(server string) pdu.Signer {
	seed := sha256.Sum256([]byte(server))
	return pdu.Signer{ServerName: server, KeyID: "ed25519:k", Key: ed25519.NewKeyFromSeed(seed[:])}
}

// NewRoom is a room with nothing but its create event, and the one branch there is.
func NewRoom(t testing.TB, version, creator string) (*Room, *Branch) {
	t.Helper()
	return NewSignedRoom(t, version, creator, Signer, nil)
}

// NewSignedRoom is NewRoom with keys of the test's, and more in the content of its create event.
func NewSignedRoom(t testing.TB, version, creator string, sign func(server string) pdu.Signer, more map[string]any) (*Room, *Branch) {
	t.Helper()
	rules, ok := pdu.RulesFor(version)
	if !ok {
		t.Fatalf("room version %s is not known", version)
	}
	r := &Room{t: t, Rules: rules, Events: map[string]*pdu.Event{}, hashes: map[string]pdu.Hash{}, Now: 1_700_000_000_000, Sign: sign}
	if !rules.RoomIDIsHash {
		r.ID = "!room:" + pdu.ServerOf(creator)
	}
	b := &Branch{room: r, State: map[auth.Key]string{}}
	content := map[string]any{"room_version": version, "creator": creator}
	maps.Copy(content, more)
	create := b.State0("m.room.create", creator, content)
	r.ID = create.RoomID()
	return r, b
}

// Branch is a way through the room's graph: a tip and the state there.
type Branch struct {
	State map[auth.Key]string
	Tips  []string

	room  *Room
	depth int64
}

// Fork is another branch from here.
func (b *Branch) Fork() *Branch {
	return &Branch{State: maps.Clone(b.State), Tips: slices.Clone(b.Tips), room: b.room, depth: b.depth}
}

// Build makes the next event of a branch without adding it: its auth_events are
// those that the rules want from the branch's state. stateKey is nil for what is
// not state.
func (b *Branch) Build(eventType string, stateKey *string, sender string, content any) *pdu.Event {
	b.room.t.Helper()
	c, err := json.Marshal(content)
	if err != nil {
		b.room.t.Fatal(err)
	}
	p := pdu.Proto{Type: eventType, StateKey: stateKey, Sender: sender, RoomID: b.room.ID, Content: c,
		PrevEvents: b.Tips, Depth: b.depth + 1, OriginServerTS: b.room.Now}
	if b.room.Rules.Format == pdu.EventFormatV1 {
		p.Localpart, p.Hashes = fmt.Sprint("e", b.room.made), b.room.hashes
	}
	b.room.made++
	for _, key := range auth.Needed(b.room.Rules, p) {
		if id, ok := b.State[key]; ok {
			p.AuthEvents = append(p.AuthEvents, id)
		}
	}
	e, err := pdu.Build(b.room.Rules, p, b.room.Sign(pdu.ServerOf(sender)))
	if err != nil {
		b.room.t.Fatal(err)
	}
	b.room.Now++
	return e
}

// Add puts an event at the branch's tip, and into its state.
func (b *Branch) Add(e *pdu.Event) {
	b.room.Events[e.ID()] = e
	if b.room.Rules.Format == pdu.EventFormatV1 {
		b.room.hashes[e.ID()] = e.ReferenceHash()
	}
	b.Tips, b.depth = []string{e.ID()}, e.Depth()
	if key, ok := e.StateKey(); ok {
		b.State[auth.Key{Type: e.Type(), StateKey: key}] = e.ID()
	}
}

// Set builds a state event and adds it, whatever the rules say.
func (b *Branch) Set(eventType, stateKey, sender string, content any) *pdu.Event {
	b.room.t.Helper()
	e := b.Build(eventType, &stateKey, sender, content)
	b.Add(e)
	return e
}

// State0 is Set for an empty state key.
func (b *Branch) State0(eventType, sender string, content any) *pdu.Event {
	b.room.t.Helper()
	return b.Set(eventType, "", sender, content)
}

// Member is Set for a membership.
func (b *Branch) Member(membership, target, sender string) *pdu.Event {
	b.room.t.Helper()
	return b.Set("m.room.member", target, sender, map[string]any{"membership": membership})
}

// Allowed says whether the rules allow an event in the branch's state.
func (b *Branch) Allowed(e *pdu.Event) bool { return auth.Check(e, view{b}) == nil }

type view struct{ *Branch }

func (v view) Event(eventType, stateKey string) *pdu.Event {
	return v.room.Events[v.State[auth.Key{Type: eventType, StateKey: stateKey}]]
}

// Continue is a room that is there already, all of whose events are given in one line, and the branch at its end.
func Continue(t testing.TB, rules pdu.Rules, events []*pdu.Event) (*Room, *Branch) {
	t.Helper()
	r := &Room{t: t, Rules: rules, ID: events[0].RoomID(), Events: map[string]*pdu.Event{}, hashes: map[string]pdu.Hash{}, Sign: Signer}
	b := &Branch{room: r, State: map[auth.Key]string{}}
	for _, e := range events {
		b.Add(e)
		r.Now = max(r.Now, e.OriginServerTS()+1)
	}
	return r, b
}

// Merge puts the branch behind others: its next event follows them all, in a state that is given.
func (b *Branch) Merge(state map[auth.Key]string, others ...*Branch) {
	b.State = maps.Clone(state)
	for _, other := range others {
		b.Tips = append(b.Tips, other.Tips...)
		b.depth = max(b.depth, other.depth)
	}
}
