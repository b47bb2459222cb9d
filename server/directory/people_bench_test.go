package directory

import (
	"fmt"
	"path/filepath"
	"testing"

	"beffroi/server/rooms"
	"beffroi/server/store"

	"github.com/rs/zerolog"
)

// A search among 2,000 accounts, as a large town hall has.
func BenchmarkFindPeople(b *testing.B) {
	db, err := store.Open(b.Context(), filepath.Join(b.TempDir(), "beffroi.db"), zerolog.Nop())
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	err = db.Write(b.Context(), func(tx *store.Tx) error {
		for i := range 2000 {
			user, err := tx.Atom(fmt.Sprintf("@agent%d:mairie.test", i))
			if err != nil {
				return err
			}
			if _, err = tx.PutAccount(store.Account{User: user}); err != nil {
				return err
			}
			if err = tx.PutProfileField(user, "displayname", fmt.Appendf(nil, `"Hélène Œuvrard %d"`, i)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	s := &Service{db: db, everybody: true}
	b.ReportAllocs()
	for b.Loop() {
		found, err := s.FindPeople(b.Context(), rooms.User{}, "oeuv 199", 10)
		if err != nil || len(found.Results) != 10 {
			b.Fatalf("%+v, %v", found, err)
		}
	}
}
