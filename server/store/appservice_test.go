package store_test

import (
	"slices"
	"testing"

	"beffroi/server/store"
	"beffroi/server/store/storetest"
)

// Who follows the stream finds each event once, at its position: also one that was an outlier before, whose number is not its position.
func TestFollow(t *testing.T) {
	f := storetest.Open(t)
	room := f.Room("a")
	begin := f.Visible()
	var outlier store.NID
	write := func(fn func(tx *store.Tx) error) {
		t.Helper()
		if err := f.Write(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
	}
	write(func(tx *store.Tx) error {
		pos, err := tx.NextPos()
		outlier = store.NID(pos)
		if err != nil {
			return err
		}
		return tx.AddEvent(&store.Event{NID: outlier, Room: room.Ref, ID: "$old:x", Type: store.AtomMessage, Sender: store.AtomEmpty, Status: store.StatusOutlier, JSON: []byte("{}")})
	})
	one, two := room.Message("@a:x", "one"), room.Message("@a:x", "two")
	var late int64
	write(func(tx *store.Tx) (err error) {
		if late, err = tx.NextPos(); err != nil {
			return err
		}
		if err := tx.PlaceEvent(&store.Event{NID: outlier, Ord: 100, Placed: true}); err != nil {
			return err
		}
		if err := tx.AddPlace(store.Place{Room: room.Ref, Ord: 100, NID: outlier, Pos: late}); err != nil {
			return err
		}
		return tx.AddLate(room.Ref, late, outlier)
	})
	follow := func(after, upto int64, limit int) (nids []store.NID) {
		t.Helper()
		events, err := store.Get(t.Context(), f.DB, func(r *store.Reader) ([]store.Followed, error) { return r.Follow(after, upto, limit) })
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			nids = append(nids, e.NID)
		}
		return nids
	}
	for _, c := range []struct {
		after, upto int64
		limit       int
		want        []store.NID
	}{
		{begin, f.Visible(), 10, []store.NID{one.NID, two.NID, outlier}},
		{begin, f.Visible(), 2, []store.NID{one.NID, two.NID}},
		{int64(one.NID), f.Visible(), 2, []store.NID{two.NID, outlier}},
		{begin, late - 1, 10, []store.NID{one.NID, two.NID}},
		{late, f.Visible(), 10, nil},
	} {
		if got := follow(c.after, c.upto, c.limit); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
