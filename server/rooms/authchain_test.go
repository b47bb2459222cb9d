package rooms

import (
	"context"
	"maps"
	"testing"

	"beffroi/server/pdu"
	"beffroi/server/pdu/pdutest"
	"beffroi/server/pdu/stateres"
	"beffroi/server/store"
	"beffroi/server/store/storetest"
)

// stored puts a room's events into a new database; status says how.
func stored(t testing.TB, room *pdutest.Room, status func(*pdu.Event) int) (*store.DB, store.RoomRef) {
	t.Helper()
	db := storetest.Open(t).DB
	return db, addRoom(t, db, room, status)
}

func addRoom(t testing.TB, db *store.DB, room *pdutest.Room, status func(*pdu.Event) int) (ref store.RoomRef) {
	t.Helper()
	err := db.Write(context.Background(), func(tx *store.Tx) (err error) {
		if ref, err = tx.AddRoom(room.ID, room.Rules.Version); err != nil {
			return err
		}
		for id, e := range room.Events {
			row := store.Event{Room: ref, ID: id, Status: status(e), TS: e.OriginServerTS(), JSON: e.JSON()}
			pos, err := tx.NextPos()
			if err != nil {
				return err
			}
			row.NID = store.NID(pos)
			if row.Type, err = tx.Atom(e.Type()); err != nil {
				return err
			}
			if row.Sender, err = tx.Atom(e.Sender()); err != nil {
				return err
			}
			if err := tx.AddEvent(&row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func accepted(*pdu.Event) int { return 0 }

// inMemory is a room as stateres.Source.
type inMemory map[string]*pdu.Event

func (m inMemory) Events(ids []string) (events []stateres.Event, err error) {
	for _, id := range ids {
		if e, ok := m[id]; ok {
			events = append(events, stateres.Event{Event: e})
		}
	}
	return events, nil
}

// TestAuthChainResolves: from the database a resolution is what it is from memory.
func TestAuthChainResolves(t *testing.T) {
	for _, version := range []string{"11", "12"} {
		room, forks := pdutest.BigFork(t, version, 300, 100)
		states := []stateres.State{forks[0].State, forks[1].State}
		want, err := stateres.Resolve(room.Rules, states, inMemory(room.Events))
		if err != nil {
			t.Fatal(err)
		}
		db, ref := stored(t, room, accepted)
		got, err := store.Get(context.Background(), db, func(r *store.Reader) (stateres.State, error) {
			return stateres.Resolve(room.Rules, states, authChain{r, ref, room.Rules})
		})
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("version %s: the database gives another state than memory (%d and %d entries): %v", version, len(got), len(want), err)
		}
	}
}

// TestAuthChainIsOfOneRoom: events of another room and unknown ones are left out, rejected ones marked.
func TestAuthChainIsOfOneRoom(t *testing.T) {
	mine, branch := pdutest.NewRoom(t, "12", "@a:a.fr")
	join := branch.Member("join", "@a:a.fr", "@a:a.fr")
	theirs, other := pdutest.NewRoom(t, "12", "@b:b.fr")
	foreign := other.Member("join", "@b:b.fr", "@b:b.fr")

	db, ref := stored(t, mine, func(e *pdu.Event) int {
		if e == join {
			return store.StatusRejected | store.StatusOutlier
		}
		return store.StatusSoftFailed
	})
	addRoom(t, db, theirs, accepted)
	err := db.Read(context.Background(), func(r *store.Reader) error {
		events, err := authChain{r, ref, mine.Rules}.Events([]string{foreign.ID(), join.ID(), "$unknown", "$" + mine.ID[1:]})
		if err != nil {
			return err
		}
		if len(events) != 2 {
			t.Errorf("%d events instead of two", len(events))
		}
		for _, e := range events {
			if _, known := mine.Events[e.ID()]; !known || e.Rejected != (e.ID() == join.ID()) {
				t.Errorf("%s %s, rejected: %t", e.Type(), e.ID(), e.Rejected)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// BenchmarkResolveFromStore is stateres' benchmark with all events read from the database. The goal is 600 ms.
func BenchmarkResolveFromStore(b *testing.B) {
	for _, version := range []string{"11", "12"} {
		b.Run("v"+version, func(b *testing.B) {
			room, forks := pdutest.BigFork(b, version, 9_995, 1_000)
			db, ref := stored(b, room, accepted)
			states := []stateres.State{forks[0].State, forks[1].State}
			for b.Loop() {
				err := db.Read(context.Background(), func(r *store.Reader) error {
					_, err := stateres.Resolve(room.Rules, states, authChain{r, ref, room.Rules})
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
