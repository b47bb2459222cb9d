package store

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestWellKnownAtomsHaveTheirNumbers(t *testing.T) {
	db := open(t)
	want := map[Atom]string{
		AtomEmpty: "", AtomCreate: "m.room.create", AtomMember: "m.room.member", AtomPowerLevels: "m.room.power_levels",
		AtomJoinRules: "m.room.join_rules", AtomHistoryVisibility: "m.room.history_visibility", AtomGuestAccess: "m.room.guest_access",
		AtomName: "m.room.name", AtomTopic: "m.room.topic", AtomAvatar: "m.room.avatar", AtomCanonicalAlias: "m.room.canonical_alias",
		AtomEncryption: "m.room.encryption", AtomThirdPartyInvite: "m.room.third_party_invite", AtomServerACL: "m.room.server_acl",
		AtomTombstone: "m.room.tombstone", AtomMessage: "m.room.message", AtomEncrypted: "m.room.encrypted",
		AtomRedaction: "m.room.redaction", AtomReaction: "m.reaction", AtomSpaceChild: "m.space.child", AtomPushRules: "m.push_rules",
		AtomReceiptRead: "m.read", AtomReceiptReadPrivate: "m.read.private", AtomFullyRead: "m.fully_read",
	}
	for atom, text := range want {
		if got := mustGet(t, db, func(r *Reader) (string, error) { return r.Text(atom) }); got != text {
			t.Errorf("%d is %q, want %q", atom, got, text)
		}
	}
	if n := mustGet(t, db, func(r *Reader) (n int, err error) {
		_, err = r.row(`SELECT count(*) FROM atom`, nil, &n)
		return n, err
	}); n != len(want) {
		t.Errorf("the migrations insert %d atoms, %d have a name here", n, len(want))
	}
}

func TestAnAtomIsGivenOnce(t *testing.T) {
	db := open(t)
	var first Atom
	write(t, db, func(tx *Tx) (err error) {
		first, err = tx.Atom("@alice:hs")
		second, err2 := tx.Atom("@alice:hs")
		if first == 0 || first != second {
			t.Errorf("%d, then %d", first, second)
		}
		return errors.Join(err, err2)
	})
	for _, db := range []*DB{db, openAt(t, crashed(t, db.path))} { // with its cache and without
		if got := mustGet(t, db, func(r *Reader) (Atom, error) { return r.FindAtom("@alice:hs") }); got != first {
			t.Errorf("%d, made as %d", got, first)
		}
		if got := mustGet(t, db, func(r *Reader) (string, error) { return r.Text(first) }); got != "@alice:hs" {
			t.Errorf("its text is %q", got)
		}
		if got := mustGet(t, db, func(r *Reader) (Atom, error) { return r.FindAtom("@nobody:hs") }); got != 0 {
			t.Errorf("a text that is not there has the atom %d", got)
		}
	}
}

// An atom whose write failed may be given again for another text, so nobody may remember it.
func TestAtomsOfAFailedWriteAreForgotten(t *testing.T) {
	db := open(t)
	release := hold(db)
	var lost, kept Atom
	failed := db.Submit(context.Background(), func(tx *Tx) (err error) {
		if lost, err = tx.Atom("lost"); err != nil {
			return err
		}
		if found, err := tx.FindAtom("lost"); found != lost || err != nil {
			t.Errorf("its own write finds %d, %v", found, err)
		}
		if text, err := tx.Text(lost); text != "lost" || err != nil {
			t.Errorf("its own write reads %q, %v", text, err)
		}
		return errOwn
	})
	next := db.Submit(context.Background(), func(tx *Tx) (err error) {
		if found, err := tx.FindAtom("lost"); found != 0 || err != nil {
			t.Errorf("the next write of the group finds %d, %v", found, err)
		}
		kept, err = tx.Atom("kept")
		return err
	})
	release()
	if !errors.Is(failed.Wait(), errOwn) || next.Wait() != nil {
		t.Fatal(failed.Wait(), next.Wait())
	}
	if got := mustGet(t, db, func(r *Reader) (Atom, error) { return r.FindAtom("lost") }); got != 0 {
		t.Errorf("it is still found as %d", got)
	}
	if kept != lost {
		t.Logf("SQLite did not give %d again, but %d", lost, kept)
	}
	if got := mustGet(t, db, func(r *Reader) (string, error) { return r.Text(kept) }); got != "kept" {
		t.Errorf("the text of %d is %q", kept, got)
	}
}

func TestTheAtomCacheIsBoundedAndStaysRight(t *testing.T) {
	c := newAtomCache()
	for i := range 5 * atomGeneration {
		c.put(Atom(i), fmt.Sprint(i))
		if a, ok := c.atom("0"); !ok || a != 0 {
			t.Fatalf("what is used all the time is pushed out after %d", i)
		}
	}
	if n := len(c.young.atoms) + len(c.old.atoms); n > 2*atomGeneration {
		t.Errorf("it holds %d", n)
	}
	for i := range 5 * atomGeneration {
		if text, ok := c.text(Atom(i)); ok && text != fmt.Sprint(i) {
			t.Fatalf("%d is %q", i, text)
		}
	}
	if _, ok := c.text(Atom(atomGeneration)); ok {
		t.Error("what nobody used is still there")
	}
}
