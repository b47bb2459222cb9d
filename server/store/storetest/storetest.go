// Package storetest fills real database files for tests of packages below the room core: rooms, members and events as the
// room core stores them, without its rules.
package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"

	"beffroi/server/pdu"
	"beffroi/server/store"
)

// File is an open database of a test.
type File struct {
	*store.DB
	t testing.TB
}

// Open makes a new database in a folder of the test.
func Open(t testing.TB) *File {
	t.Helper()
	return &File{DB: OpenAt(t, filepath.Join(t.TempDir(), store.FileName)), t: t}
}

// Atom gives the atom of a text.
func (f *File) Atom(text string) (a store.Atom) {
	f.t.Helper()
	f.write(func(tx *store.Tx) (err error) {
		a, err = tx.Atom(text)
		return err
	})
	return a
}

func (f *File) write(fn func(*store.Tx) error) {
	f.t.Helper()
	if err := f.Write(context.Background(), fn); err != nil {
		f.t.Fatal(err)
	}
}

// Room is a room of version 12.
type Room struct {
	f    *File
	ID   string
	Ref  store.RoomRef
	last store.Place
	// of threads: how many events notify so far, by the root
	threads map[store.NID]int64
}

// Room makes an empty room whose id is made of a name.
func (f *File) Room(name string) *Room {
	f.t.Helper()
	r := &Room{f: f, ID: pdu.Hash(sha256.Sum256([]byte(name))).RoomID(), threads: map[store.NID]int64{}}
	f.write(func(tx *store.Tx) (err error) {
		r.Ref, err = tx.AddRoom(r.ID, "12")
		return err
	})
	return r
}

// Event is what a test says of an event; the rest follows from its place.
type Event struct {
	Sender, Type string
	StateKey     *string
	Content      string // JSON
	Thread       store.NID
	Notifies     bool // by the default rules
}

// Sent is an event in the timeline.
type Sent struct {
	ID  string
	NID store.NID
	Ord int64
}

// Message sends a text that notifies.
func (r *Room) Message(sender, body string) Sent {
	r.f.t.Helper()
	content, err := json.Marshal(map[string]string{"msgtype": "m.text", "body": body})
	if err != nil {
		r.f.t.Fatal(err)
	}
	return r.Send(Event{Sender: sender, Type: "m.room.message", Content: string(content), Notifies: true})
}

// Send puts an event at the end of the timeline, and into the current state where it is a state event.
func (r *Room) Send(e Event) (s Sent) {
	r.f.t.Helper()
	r.count(e)
	r.f.write(func(tx *store.Tx) error {
		pos, err := tx.NextPos()
		if err != nil {
			return err
		}
		s = Sent{ID: pdu.Hash(sha256.Sum256(fmt.Append(nil, pos))).EventID(), NID: store.NID(pos), Ord: r.last.Ord}
		return r.store(tx, e, s)
	})
	return s
}

func (r *Room) count(e Event) {
	r.last.Ord++
	r.last.Thread = e.Thread
	if e.Notifies {
		r.last.Notify++
		r.threads[e.Thread]++
	}
	r.last.NotifyMain, r.last.NotifyThread = r.threads[0], r.threads[e.Thread]
}

func (r *Room) store(tx *store.Tx, e Event, s Sent) error {
	row := store.Event{NID: s.NID, Room: r.Ref, Ord: s.Ord, Placed: true, ID: s.ID, TS: 1_700_000_000_000, JSON: r.json(e)}
	var err error
	if row.Type, err = tx.Atom(e.Type); err != nil {
		return err
	}
	if row.Sender, err = tx.Atom(e.Sender); err != nil {
		return err
	}
	if e.StateKey != nil {
		if row.StateKey, err = tx.Atom(*e.StateKey); err != nil {
			return err
		}
		entry := store.StateEntry{Type: row.Type, StateKey: row.StateKey, NID: row.NID}
		if row.Replaces, err = tx.SetCurrentState(r.Ref, int64(s.NID), entry); err != nil {
			return err
		}
	}
	if err := tx.AddEvent(&row); err != nil {
		return err
	}
	place := r.last
	place.Room, place.NID, place.Pos, place.Sender = r.Ref, s.NID, int64(s.NID), row.Sender
	return tx.AddPlace(place)
}

// json is an event as it is stored, but for what tests of this floor don't read: hashes, signatures, other events.
func (r *Room) json(e Event) []byte {
	fields := map[string]any{"content": json.RawMessage(e.Content), "sender": e.Sender, "type": e.Type, "auth_events": []string{},
		"prev_events": []string{}, "depth": r.last.Ord, "origin_server_ts": 1_700_000_000_000,
		"hashes": map[string]string{"sha256": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}, "signatures": map[string]any{}}
	if e.Type != "m.room.create" {
		fields["room_id"] = r.ID
	}
	if e.StateKey != nil {
		fields["state_key"] = *e.StateKey
	}
	b, err := json.Marshal(fields)
	if err != nil {
		r.f.t.Fatal(err)
	}
	return b
}

// Join lets a user join, with a display name, and gives their atom.
func (r *Room) Join(user, displayName string) store.Atom {
	r.f.t.Helper()
	content := fmt.Sprintf(`{"displayname":%q,"membership":"join"}`, displayName)
	s := r.Send(Event{Sender: user, Type: "m.room.member", StateKey: &user, Content: content})
	a := r.f.Atom(user)
	r.f.write(func(tx *store.Tx) error {
		return tx.PutMember(store.Member{Room: r.Ref, User: a, Membership: store.Join, NID: s.NID, Pos: int64(s.NID), Ord: s.Ord})
	})
	return a
}
