package main

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"beffroi/server/journal"
	"beffroi/server/store"
	"beffroi/server/store/storetest"
)

// A journal that was changed ends the command with the status of damage, and an export shows what it holds.
func TestJournalThatWasChanged(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, store.FileName)
	db := storetest.OpenAt(t, path)
	acts := journal.New(db, time.Now, zerolog.Nop())
	for _, who := range []string{"@karim:mairie.test", "@jeanne:mairie.test"} {
		if _, err := acts.Record(t.Context(), journal.Entry{Actor: "@claire:mairie.test", Act: journal.LockUser, Target: who}); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	if err := journalCommand([]string{"export", "--data", dir}, &out); err != nil || strings.Count(out.String(), "Compte verrouillé") != 2 {
		t.Errorf("%v: %s", err, out.String())
	}
	tampered, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tampered.ExecContext(t.Context(), `UPDATE journal SET act = 'user.unlock' WHERE seq = 2`); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(tampered.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	var damage damageError
	if err := journalCommand([]string{"verify", "--data", dir}, &out); !errors.As(err, &damage) || !strings.Contains(out.String(), "rompu à la ligne 2 :") {
		t.Errorf("%v: %s", err, out.String())
	}
}
