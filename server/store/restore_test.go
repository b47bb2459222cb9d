package store_test

import (
	"context"
	"testing"
	"time"

	"beffroi/server/store"
	"beffroi/server/store/storetest"
)

func TestAfterRestore(t *testing.T) {
	f := storetest.Open(t)
	ctx := context.Background()
	alice, bob, far := f.Atom("@alice:hs"), f.Atom("@bob:hs"), f.Atom("@far:away")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	session := store.BackupSession{RoomID: "!r", SessionID: "s", SessionData: []byte(`{"a":1}`)}
	must(f.Write(ctx, func(tx *store.Tx) error {
		for range 2 { // alice has a version that she replaced
			if _, err := tx.AddKeyBackup(alice, "m.alg", []byte(`{"public_key":"k"}`)); err != nil {
				return err
			}
		}
		if err := tx.PutBackupSessions(alice, 2, []store.BackupSession{session}); err != nil {
			return err
		}
		if err := tx.PutThreepidSession(store.ThreepidSession{SID: "s", Purpose: "reset", Address: "a@b.test", ClientSecret: []byte{}, Token: []byte{}, Validated: 1}); err != nil {
			return err
		}
		if _, err := tx.AddKeyBackup(bob, "m.alg", []byte(`{}`)); err != nil { // bob deleted his
			return err
		}
		return tx.DeleteKeyBackup(bob, 1)
	}))
	before := f.Visible()

	restore := func(now time.Time) (epoch int64) {
		t.Helper()
		must(f.Write(ctx, func(tx *store.Tx) (err error) {
			epoch, err = tx.AfterRestore(now)
			return err
		}))
		return epoch
	}
	now := time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)
	first := restore(now)
	if first != now.Unix()/60 {
		t.Error("epoch", first)
	}
	if jumped := f.Visible() - before; jumped < 1<<32 {
		t.Error("positions moved by", jumped)
	}
	version := first<<32 + 1
	must(f.Read(ctx, func(r *store.Reader) error {
		if _, found, err := r.ThreepidSession("s"); found || err != nil {
			t.Error("what was proven may be used again", err)
		}
		b, found, err := r.CurrentKeyBackup(alice)
		if !found || b.Version != version || string(b.AuthData) != `{"public_key":"k"}` || b.Count != 1 || b.Bytes != int64(len(session.SessionData)) || b.Algorithm != "m.alg" {
			t.Errorf("alice's backup is %+v, want version %d", b, version)
		}
		n := 0
		for _, v := range []int64{2, version} { // who has not noticed yet reads the old one
			sessions, _, err := r.BackupSessions(alice, v, store.BackupPart{}, store.BackupSession{}, 1<<20)
			must(err)
			for _, s := range sessions {
				if n++; string(s.SessionData) != string(session.SessionData) {
					t.Errorf("%s", s.SessionData)
				}
			}
		}
		if n != 2 {
			t.Error(n, "sessions in both versions")
		}
		if _, found, _ := r.CurrentKeyBackup(bob); found {
			t.Error("bob's deleted backup came back")
		}
		return err
	}))
	must(f.Write(ctx, func(tx *store.Tx) error {
		v, err := tx.AddKeyBackup(far, "m.alg", []byte(`{}`))
		if v != version {
			t.Errorf("the first version after a restore is %d, which a client may know from before", v)
		}
		return err
	}))

	// Of one backup restored twice, and with a clock that stands still, each life has numbers of its own.
	if again := restore(time.Unix(0, 0)); again != first+1 {
		t.Error("with a wrong clock:", again, "after", first)
	}
}
