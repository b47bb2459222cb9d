package journal_test

import (
	"context"
	"database/sql"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	_ "modernc.org/sqlite" // the driver

	"beffroi/server/journal"
	"beffroi/server/merr"
	"beffroi/server/store"
	"beffroi/server/store/storetest"
)

// scene is a journal on a real database, with a clock that the test moves.
type scene struct {
	t    *testing.T
	path string
	db   *store.DB
	now  time.Time
	*journal.Service
}

func open(t *testing.T) *scene {
	t.Helper()
	s := &scene{t: t, path: filepath.Join(t.TempDir(), store.FileName), now: time.Date(2026, 11, 23, 9, 5, 0, 0, time.UTC)}
	s.db = storetest.OpenAt(t, s.path)
	s.Service = journal.New(s.db, func() time.Time { return s.now }, zerolog.Nop())
	return s
}

func (s *scene) record(e journal.Entry) {
	s.t.Helper()
	if _, err := s.Record(s.t.Context(), e); err != nil {
		s.t.Fatal(err)
	}
}

// verify checks the chain from outside, as the command does.
func (s *scene) verify() (report journal.Report) {
	s.t.Helper()
	err := store.ReadFile(s.t.Context(), s.path, func(r *store.Reader) (err error) {
		report, err = journal.Verify(r)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return report
}

// tamper changes the file behind the server's back.
func (s *scene) tamper(query string, args ...any) {
	s.t.Helper()
	db, err := sql.Open("sqlite", "file:"+s.path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(s.t.Context(), query, args...); err != nil {
		s.t.Fatal(err)
	}
}

func lock(n int) journal.Entry {
	return journal.Entry{Actor: "@claire:mairie.test", Act: journal.LockUser, Target: fmt.Sprintf("@agent%d:mairie.test", n)}
}

func TestAnActStandsInTheJournalBeforeItIsDone(t *testing.T) {
	s := open(t)
	done := false
	err := s.Do(t.Context(), lock(1), func(ctx context.Context) error {
		done = s.verify().Rows == 1
		return nil
	})
	if err != nil || !done {
		t.Fatal(done, err)
	}
	cause := merr.NotFound("There is no such account")
	if err := s.Do(t.Context(), lock(2), func(context.Context) error { return cause }); !errors.Is(err, cause) {
		t.Fatal(err)
	}
	page, err := s.Page(t.Context(), 0, store.JournalFilter{}, 10)
	if err != nil || len(page) != 3 {
		t.Fatal(page, err)
	}
	if last := page[0]; last.Outcome != journal.Failed || last.Detail != `{"errcode":"M_NOT_FOUND","of":2}` || last.Target != "@agent2:mairie.test" {
		t.Errorf("%+v", last)
	}
	if first := page[2]; first.Outcome != journal.Ordered || first.TS != s.now.UnixMilli() || first.Actor != "@claire:mairie.test" || first.Detail != "{}" {
		t.Errorf("%+v", first)
	}
}

// What can't be written is not done.
func TestNothingIsDoneWithoutTheJournal(t *testing.T) {
	s := open(t)
	if err := s.db.Close(); err != nil {
		t.Fatal(err)
	}
	err := s.Do(t.Context(), lock(1), func(context.Context) error {
		t.Error("done without a row")
		return nil
	})
	if !errors.Is(err, store.ErrClosed) {
		t.Error(err)
	}
}

// Who hangs up leaves the failure in the journal all the same.
func TestAFailureIsWrittenAlsoForWhoHungUp(t *testing.T) {
	s := open(t)
	ctx, hangUp := context.WithCancel(t.Context())
	err := s.Do(ctx, lock(1), func(context.Context) error {
		hangUp()
		return ctx.Err()
	})
	if !errors.Is(err, context.Canceled) || s.verify().Rows != 2 {
		t.Error(err, s.verify().Rows)
	}
}

func TestTheChainShowsTheFirstRowThatIsNotWhatWasWritten(t *testing.T) {
	for name, c := range map[string]struct {
		tamper string
		broken int64
		why    string
	}{
		"whole":                 {`SELECT 1`, 0, ""},
		"another target":        {`UPDATE journal SET target = '@maire:mairie.test' WHERE seq = 300`, 300, "contenu"},
		"another time":          {`UPDATE journal SET ts = ts + 1 WHERE seq = 1`, 1, "contenu"},
		"another outcome":       {`UPDATE journal SET outcome = 'failed' WHERE seq = 600`, 600, "contenu"},
		"a row taken out":       {`DELETE FROM journal WHERE seq = 400`, 400, "manque"},
		"the first one":         {`DELETE FROM journal WHERE seq = 1`, 1, "manque"},
		"the last one":          {`DELETE FROM journal WHERE seq = 600`, 600, "la fin manque"},
		"all of them":           {`DELETE FROM journal`, 1, "la fin manque"},
		"a row before all":      {`INSERT INTO journal SELECT 0, ts, actor, act, target, room_id, outcome, detail, hash FROM journal WHERE seq = 1`, 1, "manque"},
		"two fields run on":     {`UPDATE journal SET actor = actor || act, act = '' WHERE seq = 5`, 5, "contenu"},
		"a row that was added":  {`INSERT INTO journal SELECT 601, ts, actor, act, target, room_id, outcome, detail, hash FROM journal WHERE seq = 600`, 601, "contenu"},
		"a hash that was faked": {`UPDATE journal SET hash = zeroblob(32) WHERE seq = 7`, 7, "contenu"},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			err := s.db.Write(t.Context(), func(tx *store.Tx) error {
				for n := range 600 {
					row := store.JournalRow{TS: int64(n), Actor: "@claire:mairie.test", Act: "user.lock", Target: fmt.Sprint(n), Outcome: "ordered", Detail: "{}"}
					if _, err := tx.AppendJournal(row); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			s.tamper(c.tamper)
			if got := s.verify(); got.Broken != c.broken || !strings.Contains(got.Why, c.why) || c.broken == 0 && got.Rows != 600 {
				t.Errorf("%+v, want %d because of %q", got, c.broken, c.why)
			}
		})
	}
}

// A year later the first rows go, and the rest still proves itself.
func TestPruning(t *testing.T) {
	s := open(t)
	for n := range 3 {
		s.record(lock(n))
	}
	s.now = s.now.Add(journal.Keep - time.Minute)
	s.record(lock(3))
	if err := s.Prune(t.Context()); err != nil || s.verify().Rows != 4 {
		t.Fatal(err, s.verify())
	}
	s.now = s.now.Add(2 * time.Minute)
	for range 2 { // the second finds nothing more
		if err := s.Prune(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	report := s.verify()
	if report.Rows != 1 || report.Broken != 0 || report.Anchor.Seq != 3 {
		t.Errorf("%+v", report)
	}
	s.record(lock(4))
	if report := s.verify(); report.Rows != 2 || report.Head.Seq != 5 || report.Broken != 0 {
		t.Errorf("%+v", report)
	}
	s.tamper(`DELETE FROM journal WHERE seq = 4`)
	if report := s.verify(); report.Broken != 4 {
		t.Errorf("%+v", report)
	}
}

// Many at once make one chain.
func TestManyAtOnce(t *testing.T) {
	s := open(t)
	var all sync.WaitGroup
	for n := range 50 {
		all.Go(func() {
			if err := s.Do(t.Context(), lock(n), func(context.Context) error { return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if report := s.verify(); report.Rows != 50 || report.Broken != 0 {
		t.Errorf("%+v", report)
	}
}

func TestPagesAreFilteredAndBounded(t *testing.T) {
	s := open(t)
	for n := range 5 {
		s.record(lock(n % 2))
	}
	s.record(journal.Entry{Actor: "@karim:mairie.test", Act: journal.BlockRoom, RoomID: "!r:mairie.test", Target: strings.Repeat("é", 200) + "\xff"})
	for name, c := range map[string]struct {
		below int64
		f     store.JournalFilter
		limit int
		want  []int64
	}{
		"all, three":  {0, store.JournalFilter{}, 3, []int64{6, 5, 4}},
		"the next":    {4, store.JournalFilter{}, 3, []int64{3, 2, 1}},
		"of one":      {0, store.JournalFilter{Target: "@agent1:mairie.test"}, 9, []int64{4, 2}},
		"by one":      {0, store.JournalFilter{Actor: "@karim:mairie.test"}, 9, []int64{6}},
		"of a room":   {0, store.JournalFilter{RoomID: "!r:mairie.test"}, 9, []int64{6}},
		"of a kind":   {0, store.JournalFilter{Act: "user.lock"}, 1, []int64{5}},
		"no limit":    {0, store.JournalFilter{}, 0, []int64{6}},
		"of nobody":   {0, store.JournalFilter{Actor: "@nobody:mairie.test"}, 9, nil},
		"below first": {1, store.JournalFilter{}, 9, nil},
	} {
		page, err := s.Page(t.Context(), c.below, c.f, c.limit)
		var got []int64
		for _, row := range page {
			got = append(got, row.Seq)
		}
		if err != nil || fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v %v, want %v", name, got, err, c.want)
		}
	}
	page, _ := s.Page(t.Context(), 0, store.JournalFilter{}, 1)
	if len(page[0].Target) > 255 || !strings.HasPrefix(page[0].Target, "éé") {
		t.Errorf("a target of %d bytes: %q", len(page[0].Target), page[0].Target)
	}
}

func TestCSVForASpreadsheet(t *testing.T) {
	var out strings.Builder
	c, err := journal.NewCSV(&out, time.FixedZone("Paris", 3600))
	if err != nil {
		t.Fatal(err)
	}
	rows := []store.JournalRow{
		{Seq: 1, TS: 1795424700000, Actor: "@claire:mairie.test", Act: "user.lock", Target: "=cmd|' /C calc'!A0", Outcome: "ordered", Detail: `{"a":"b;c"}`, Hash: []byte{0xab}},
		{Seq: 2, Actor: "+1", Act: "-x", Target: "\t=1", RoomID: "!r", Outcome: "failed", Detail: "{}"},
	}
	for _, row := range rows {
		if err := c.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	text, marked := strings.CutPrefix(out.String(), "\ufeff")
	if !marked || strings.Count(text, "\r\n") != 3 {
		t.Errorf("%q", out.String())
	}
	r := csv.NewReader(strings.NewReader(text))
	r.Comma = ';'
	lines, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if got := lines[1]; got[1] != "2026-11-23 10:05:00" || got[2] != "'@claire:mairie.test" || got[3] != "Compte verrouillé" || got[7] != "ordonné" ||
		got[8] != `{"a":"b;c"}` || got[9] != "ab" {
		t.Errorf("%q", got)
	}
	for _, line := range lines {
		for _, cell := range line {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
				t.Errorf("a spreadsheet takes %q for a formula", cell)
			}
		}
	}
	if _, err := journal.NewCSV(broken{}, time.UTC); !errors.Is(err, io.ErrShortWrite) {
		t.Error(err)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// A row is one line of a spreadsheet, whatever ids hold.
func FuzzCSV(f *testing.F) {
	f.Add("@a:b", "x;y", "\"\r\n=1", "{}")
	f.Fuzz(func(t *testing.T, actor, target, room, detail string) {
		var out strings.Builder
		c, _ := journal.NewCSV(&out, time.UTC)
		if err := c.Write(store.JournalRow{Actor: actor, Target: target, RoomID: room, Detail: detail}); err != nil {
			t.Skip()
		}
		_ = c.Flush()
		r := csv.NewReader(strings.NewReader(strings.TrimPrefix(out.String(), "\ufeff")))
		r.Comma = ';'
		lines, err := r.ReadAll()
		if err != nil || len(lines) != 2 || len(lines[1]) != 10 {
			t.Errorf("%v: %q", err, out.String())
		}
		for _, cell := range lines[len(lines)-1] {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@") {
				t.Errorf("%q", cell)
			}
		}
	})
}
