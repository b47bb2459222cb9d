package store

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/rs/zerolog"
)

func open(t *testing.T) *DB {
	t.Helper()
	db, err := Open(context.Background(), filepath.Join(t.TempDir(), "beffroi.db"), zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestWellKnownAtomsHaveTheirNumbers(t *testing.T) {
	db := open(t)
	want := map[Atom]string{AtomEmpty: "", AtomCreate: "m.room.create", AtomMember: "m.room.member", AtomEncryption: "m.room.encryption",
		AtomRedaction: "m.room.redaction", AtomPushRules: "m.push_rules", AtomFullyRead: "m.fully_read"}
	err := db.Read(context.Background(), func(r *Reader) error {
		for atom, text := range want {
			got, err := r.FindAtom(text)
			if err != nil || got != atom {
				t.Errorf("%q is %d, %v; want %d", text, got, err, atom)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
