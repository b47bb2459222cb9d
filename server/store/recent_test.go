package store

import (
	"context"
	"fmt"
	"testing"
)

// talk writes n events of a room, each a write of its own.
func talk(t *testing.T, db *DB, room RoomRef, n int) (last int64) {
	t.Helper()
	for range n {
		err := db.Write(context.Background(), func(tx *Tx) (err error) {
			if last, err = tx.NextPos(); err != nil {
				return err
			}
			e := Event{NID: NID(last), Room: room, Ord: last, Placed: true, ID: fmt.Sprint("$", last), Type: AtomMessage, Sender: 1, JSON: []byte(`{}`)}
			if err := tx.AddEvent(&e); err != nil {
				return err
			}
			return tx.AddPlace(Place{Room: room, Ord: last, NID: e.NID, Pos: last, Sender: 1})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return last
}

func TestNews(t *testing.T) {
	db := open(t)
	start := db.Visible()
	first := talk(t, db, 1, 1)
	last := talk(t, db, 2, 3)
	n := db.News(start, 1, 1)
	if n == nil || len(n.Rooms) != 2 || n.Room(1) == nil || n.Room(3) != nil || n.Touched != 0 {
		t.Fatalf("%+v", n)
	}
	events, end, ok := n.Room(2).Timeline(OrdMax, first, last, 2)
	if len(events) != 2 || events[0].Pos != last || end || !ok {
		t.Error("the last two of three:", events, end, ok)
	}
	events, end, ok = n.Room(2).Timeline(last, first, last-1, 2)
	if len(events) != 2 || events[0].Pos != last-1 || !end || !ok {
		t.Error("those before the last:", events, end, ok)
	}
	if n := db.News(last, 1, 1); n == nil || len(n.Rooms) != 0 {
		t.Errorf("after the last: %+v", n)
	}
	if n := db.News(start-1, 1, 1); n != nil {
		t.Errorf("before the process began: %+v", n)
	}
}

// What fails leaves no news, and what was redacted is read from the database.
func TestNewsOfWhatStands(t *testing.T) {
	db := open(t)
	start := db.Visible()
	failed := fmt.Errorf("failed")
	if err := db.Write(context.Background(), func(tx *Tx) error { tx.touch(TouchedReceipts, 1, start+1); return failed }); err == nil {
		t.Fatal("it did not fail")
	}
	if n := db.News(start, 1, 1); n == nil || len(n.Rooms) != 0 {
		t.Errorf("%+v", n)
	}
	pos := talk(t, db, 1, 1)
	if err := db.Write(context.Background(), func(tx *Tx) error { return tx.Redact(NID(pos), 1, []byte(`{"r":1}`)) }); err != nil {
		t.Fatal(err)
	}
	if _, _, ok := db.News(start, 1, 1).Room(1).Timeline(OrdMax, 0, pos, 9); ok {
		t.Error("the bytes from before the redaction are remembered")
	}
}

func TestNewsAreBounded(t *testing.T) {
	m := &recent{}
	for pos := int64(1); pos <= 3*recentChanges; pos++ {
		tx := &Tx{}
		tx.touch(TouchedReceipts, 1, pos)
		m.add(tx)
	}
	if len(m.touches) > recentChanges || m.touches[0].pos != m.floor+1 {
		t.Error(len(m.touches), m.floor)
	}
	db := &DB{recent: m}
	if db.News(m.floor-1, 1, 1) != nil || db.News(m.floor, 1, 1) == nil {
		t.Error("the floor is not kept")
	}
}

// Of the users' own streams only one's own count.
func TestNewsOfOthers(t *testing.T) {
	n := &News{}
	for _, other := range []touch{{what: TouchedData, of: 2}, {what: TouchedDevice, of: 2}, {what: TouchedSignatures, of: 2}, {what: TouchedDevice, of: 1}} {
		n.take(&other, 1, 3)
	}
	if n.Touched != 0 {
		t.Error(n.Touched)
	}
	for _, mine := range []touch{{what: TouchedData, of: 1}, {what: TouchedDevice, of: 3}, {what: TouchedSignatures, of: 1}, {what: TouchedDeviceLists, of: 9}} {
		n.take(&mine, 1, 3)
	}
	if n.Touched != TouchedData|TouchedDevice|TouchedSignatures|TouchedDeviceLists {
		t.Error(n.Touched)
	}
}
