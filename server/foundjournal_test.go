package server_test

import (
	"testing"

	"github.com/rs/zerolog"

	"beffroi/server"
	"beffroi/server/accounts"
	"beffroi/server/config"
	"beffroi/server/journal"
	"beffroi/server/store"
)

// The first administrator stands in the journal from the write that founds the server.
func TestTheFirstAdministratorStandsInTheJournal(t *testing.T) {
	cfg := config.Default()
	cfg.DataDir, cfg.Password = t.TempDir(), config.Password{MemoryKiB: 8, Iterations: 1}
	s, err := server.New(t.Context(), cfg, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	hash, err := s.HashPassword(t.Context(), "Mairie-2026-Beffroi")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Found(t.Context(), server.Founding{ServerName: "mairie.test", Admin: accounts.First{Localpart: "claire", PasswordHash: hash}}); err != nil {
		t.Fatal(err)
	}
	rows, err := store.Get(t.Context(), s.DB(), func(r *store.Reader) ([]store.JournalRow, error) { return r.JournalFrom(0, 10) })
	if err != nil || len(rows) != 1 || rows[0].Act != string(journal.CreateUser) || rows[0].Target != "@claire:mairie.test" || rows[0].Detail != `{"admin":true}` {
		t.Errorf("%v %+v", err, rows)
	}
}
