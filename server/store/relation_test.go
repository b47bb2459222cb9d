package store_test

import (
	"fmt"
	"slices"
	"testing"

	"beffroi/server/store"
	"beffroi/server/store/storetest"
)

// received places an event of a room that came from elsewhere: its id is given, and what it relates to may not be here.
func received(t *testing.T, f *storetest.File, room store.RoomRef, id, content string) (e store.Event) {
	t.Helper()
	err := f.Write(t.Context(), func(tx *store.Tx) error {
		pos, err := tx.NextPos()
		if err != nil {
			return err
		}
		e = store.Event{NID: store.NID(pos), Room: room, Ord: pos, Placed: true, ID: id, Type: store.AtomMessage, Sender: store.AtomEmpty,
			JSON: fmt.Appendf(nil, `{"content":%s,"type":"m.room.message"}`, content)}
		if err := tx.AddEvent(&e); err != nil {
			return err
		}
		return tx.Relate(&e)
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func relatesTo(id, relType string) string {
	return fmt.Sprintf(`{"m.relates_to":{"event_id":%q,"rel_type":%q}}`, id, relType)
}

func relating(t *testing.T, f *storetest.File, target store.Event) (ids []string) {
	t.Helper()
	events, err := store.Get(t.Context(), f.DB, func(r *store.Reader) ([]store.Event, error) {
		return r.Relating(&store.Relating{Target: target.NID, After: store.OrdMin, To: store.OrdMax, Limit: 10, Recurse: true})
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		ids = append(ids, e.ID)
	}
	return ids
}

func TestRelationsWaitForWhatTheyRelateTo(t *testing.T) {
	f := storetest.Open(t)
	room, other := f.Room("here").Ref, f.Room("there").Ref
	received(t, f, room, "$reply:a", relatesTo("$root:a", "m.thread"))
	received(t, f, room, "$reaction:a", relatesTo("$reply:a", "m.annotation"))
	received(t, f, other, "$stranger:a", relatesTo("$root:a", "m.thread"))
	gone := received(t, f, room, "$gone:a", relatesTo("$root:a", "m.thread"))
	if err := f.Write(t.Context(), func(tx *store.Tx) error {
		return tx.Redact(gone.NID, gone.NID, []byte(`{"content":{},"type":"m.room.message"}`))
	}); err != nil {
		t.Fatal(err)
	}
	root := received(t, f, room, "$root:a", `{}`)
	if got := relating(t, f, root); !slices.Equal(got, []string{"$reply:a", "$reaction:a"}) {
		t.Errorf("got %v", got)
	}
	late := received(t, f, other, "$late:a", relatesTo("$root:a", "m.thread"))
	if got := relating(t, f, root); slices.Contains(got, late.ID) {
		t.Error("an event of another room relates to this one's")
	}
}

// Events that relate to each other in a circle, as the ids of old room versions allow, end nowhere and are listed once.
func TestRelationsInACircle(t *testing.T) {
	f := storetest.Open(t)
	room := f.Room("here").Ref
	a := received(t, f, room, "$a:a", relatesTo("$b:a", "m.reference"))
	received(t, f, room, "$b:a", relatesTo("$a:a", "m.reference"))
	if got := relating(t, f, a); !slices.Equal(got, []string{"$a:a", "$b:a"}) {
		t.Errorf("got %v", got)
	}
}

// Threads are not nested: an event that relates to another begins none.
func TestThreadHeadsAreNotNested(t *testing.T) {
	f := storetest.Open(t)
	room := f.Room("here").Ref
	root := received(t, f, room, "$root:a", `{}`)
	received(t, f, room, "$inside:a", relatesTo("$root:a", "m.thread"))
	received(t, f, room, "$nested:a", relatesTo("$inside:a", "m.thread"))
	heads, err := store.Get(t.Context(), f.DB, func(r *store.Reader) ([]store.ThreadHead, error) {
		return r.ThreadHeads(room, nil, 0, store.OrdMax, 10)
	})
	if err != nil || len(heads) != 1 || heads[0].Root != root.NID {
		t.Errorf("%+v, %v", heads, err)
	}
}

func TestWhatBreaksTheSchemaIsNoRelation(t *testing.T) {
	f := storetest.Open(t)
	room := f.Room("here").Ref
	root := received(t, f, room, "$root:a", `{}`)
	for i, content := range []string{`{"m.relates_to":"$root:a"}`, `{"m.relates_to":{"event_id":"$root:a"}}`, `{"m.relates_to":{"rel_type":"m.thread"}}`,
		`{"m.relates_to":{"event_id":"$root:a","rel_type":""}}`, `{"m.relates_to":{"event_id":["$root:a"],"rel_type":"m.thread"}}`,
		`{"m.relates_to":{"m.in_reply_to":{"event_id":"$root:a"}}}`, `{"m.relates_to":{"event_id":"root","rel_type":"m.thread"}}`} {
		received(t, f, room, fmt.Sprint("$", i, ":a"), content)
	}
	if got := relating(t, f, root); got != nil {
		t.Errorf("got %v", got)
	}
}
