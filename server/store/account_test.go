package store

import (
	"errors"
	"testing"
)

func TestAccountsAreMadeOnce(t *testing.T) {
	db := open(t)
	want := Account{User: 100, Password: "hash", Created: 5, Admin: true}
	for _, first := range []bool{true, false} {
		write(t, db, func(tx *Tx) error {
			made, err := tx.PutAccount(want)
			if made != first {
				t.Error("made:", made)
			}
			return err
		})
	}
	write(t, db, func(tx *Tx) error {
		return errors.Join(tx.SetPassword(100, ""), tx.SetAccountState(100, AccountDeactivated))
	})
	want.Password, want.State = "", AccountDeactivated
	read(t, db, func(r *Reader) error {
		got, found, err := r.Account(100)
		if !found || got != want {
			t.Error(got, found)
		}
		if _, found, _ := r.Account(101); found {
			t.Error("an account that was never made")
		}
		return err
	})
}

func TestDevices(t *testing.T) {
	db := open(t)
	d := Device{DeviceID: "PHONE", TokenKey: TokenKey{1, 2}, Generation: 1<<40 + 1, Confirmed: true, DisplayName: "Phone", Created: 7}
	write(t, db, func(tx *Tx) (err error) {
		if d.User, err = tx.Atom("@alice:mairie.test"); err != nil {
			return err
		}
		if _, err := tx.PutAccount(Account{User: d.User, Admin: true, State: AccountSuspended}); err != nil {
			return err
		}
		d.ID, err = tx.PutDevice(d)
		return err
	})
	read(t, db, func(r *Reader) error {
		b, found, err := r.Bearer(d.TokenKey)
		if want := (Bearer{Device: d, UserID: "@alice:mairie.test", Admin: true, State: AccountSuspended}); !found || b != want || err != nil {
			t.Error(b, found, err)
		}
		if _, found, _ := r.Bearer(TokenKey{9}); found {
			t.Error("a bearer that was never made")
		}
		return nil
	})
	write(t, db, func(tx *Tx) error {
		return errors.Join(tx.SetGeneration(d.ID, 9, false), tx.ConfirmGeneration(d.ID, 8), tx.RenameDevice(d.ID, ""), tx.SetLastSeen(d.ID, 60, "::1"))
	})
	d.Generation, d.Confirmed, d.DisplayName, d.LastSeenTS, d.LastSeenIP = 9, false, "", 60, "::1"
	read(t, db, func(r *Reader) error {
		got, found, err := r.Device(d.User, "PHONE")
		if !found || got != d {
			t.Error("confirming another generation changes nothing", got)
		}
		return err
	})
	write(t, db, func(tx *Tx) error { return errors.Join(tx.ConfirmGeneration(d.ID, 9), tx.DeleteDevice(d.ID)) })
	write(t, db, func(tx *Tx) error {
		next, err := tx.PutDevice(d)
		if next <= d.ID {
			t.Error("a device's number was given twice")
		}
		list, listErr := tx.Devices(d.User)
		if len(list) != 1 || list[0].ID != next {
			t.Error(list)
		}
		return errors.Join(err, listErr)
	})
}

func TestTwoDevicesDoNotShareATokenKey(t *testing.T) {
	db := open(t)
	write(t, db, func(tx *Tx) error {
		_, err := tx.PutDevice(Device{User: 1, DeviceID: "A", TokenKey: TokenKey{1}})
		return err
	})
	err := db.Write(t.Context(), func(tx *Tx) error {
		_, err := tx.PutDevice(Device{User: 2, DeviceID: "B", TokenKey: TokenKey{1}})
		return err
	})
	if err == nil {
		t.Fatal("two devices answer to one token")
	}
}

func TestProfileSizeCountsBytes(t *testing.T) {
	db := open(t)
	write(t, db, func(tx *Tx) error {
		return errors.Join(tx.PutProfileField(7, "a", []byte(`"éé"`)), tx.PutProfileField(7, "a", []byte(`"é"`)), tx.PutProfileField(7, "bc", []byte(`1`)),
			tx.PutProfileField(8, "other", []byte(`1`)))
	})
	read(t, db, func(r *Reader) error {
		for without, want := range map[string][2]int{"": {1 + 4 + 2 + 1, 2}, "bc": {1 + 4, 1}, "x": {8, 2}} {
			bytes, fields, err := r.ProfileSize(7, without)
			if got := [2]int{bytes, fields}; got != want || err != nil {
				t.Error(without, got, err)
			}
		}
		fields, err := r.Profile(7)
		if len(fields) != 2 || fields[0].Name != "a" || string(fields[0].Value) != `"é"` {
			t.Error(fields)
		}
		return err
	})
	write(t, db, func(tx *Tx) error { return tx.DeleteProfile(7) })
	read(t, db, func(r *Reader) error {
		gone, err := r.ProfileField(7, "a")
		kept, keptErr := r.ProfileField(8, "other")
		if gone != nil || string(kept) != "1" {
			t.Error(gone, kept)
		}
		return errors.Join(err, keptErr)
	})
}

func TestAccountDataByPosition(t *testing.T) {
	db := open(t)
	put := func(tx *Tx, room RoomRef, kind Atom, pos int64) error {
		return tx.PutAccountData(7, AccountData{Room: room, Type: kind, Content: []byte(`{}`), Pos: pos})
	}
	write(t, db, func(tx *Tx) error {
		return errors.Join(put(tx, 0, 1, 10), put(tx, 5, 1, 11), put(tx, 0, 2, 12), put(tx, 0, 1, 13),
			tx.PutAccountData(8, AccountData{Type: 1, Content: []byte(`{}`), Pos: 14}))
	})
	read(t, db, func(r *Reader) error {
		for _, c := range []struct {
			after, upTo int64
			want        []int64
		}{{0, 99, []int64{11, 12, 13}}, {11, 12, []int64{12}}, {13, 99, nil}} {
			data, err := r.AccountDataSince(7, c.after, c.upTo)
			var got []int64
			for _, d := range data {
				got = append(got, d.Pos)
			}
			if err != nil || len(got) != len(c.want) || len(got) > 0 && (got[0] != c.want[0] || got[len(got)-1] != c.want[len(c.want)-1]) {
				t.Error(c, got, err)
			}
		}
		d, err := r.AccountData(7, 5, 1)
		if d.Pos != 11 || d.Room != 5 {
			t.Error(d)
		}
		return err
	})
}

func TestFilters(t *testing.T) {
	db := open(t)
	write(t, db, func(tx *Tx) error {
		return errors.Join(tx.PutFilter(7, "a", []byte(`{}`)), tx.PutFilter(7, "a", []byte(`{}`)), tx.PutFilter(8, "a", []byte(`{"x":1}`)))
	})
	write(t, db, func(tx *Tx) error {
		n, err := tx.FilterCount(7)
		if n != 1 {
			t.Error("filters:", n)
		}
		return errors.Join(err, tx.DeleteFilters(7))
	})
	read(t, db, func(r *Reader) error {
		gone, err := r.Filter(7, "a")
		kept, keptErr := r.Filter(8, "a")
		if gone != nil || string(kept) != `{"x":1}` {
			t.Error(string(gone), string(kept))
		}
		return errors.Join(err, keptErr)
	})
}
