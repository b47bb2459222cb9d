package store

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/rs/zerolog"
)

func BenchmarkGroupState(b *testing.B) {
	db, err := Open(context.Background(), filepath.Join(b.TempDir(), "x.db"), zerolog.Nop())
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	var group int64
	err = db.Write(context.Background(), func(tx *Tx) error {
		for i := range 10500 {
			if group, err = tx.AddStateGroup(1, group, StateEntry{3, Atom(1000 + i), NID(100000 + i*3)}); err != nil {
				return err
			}
			if _, err := tx.SetCurrentState(1, int64(i+1), StateEntry{3, Atom(1000 + i), NID(100000 + i*3)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for b.Loop() {
		err := db.Read(context.Background(), func(r *Reader) error {
			s, err := r.GroupState(group)
			if len(s) != 10500 {
				b.Fatal(len(s))
			}
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
