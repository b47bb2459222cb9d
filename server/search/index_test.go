package search

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"beffroi/server/eventfilter"
	"beffroi/server/store"
	"beffroi/server/store/storetest"
)

// everything is a viewer who sees all.
type everything struct{}

func (everything) SeesEvent(*store.Event) (bool, error) { return true, nil }

func look(store.RoomRef) (Viewer, bool, error) { return everything{}, true, nil }

func find(t testing.TB, db *store.DB, user store.Atom, term string, recent bool) *Found {
	t.Helper()
	f, err := store.Get(context.Background(), db, func(r *store.Reader) (*Found, error) {
		return Find(r, &Request{User: user, Term: term, Filter: &eventfilter.RoomEvents{}, Recent: recent, Limit: 10, Look: look})
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A server that is stopped in the middle of indexing goes on where it was, with each event once.
func TestIndexingIsCutOffAndGoesOn(t *testing.T) {
	f := storetest.Open(t)
	room := f.Room("a")
	alice := room.Join("@alice:x", "Alice")
	for i := range 2*batchSize + 10 {
		room.Message("@alice:x", fmt.Sprint("bonjour numéro ", i))
	}
	for step, want := range []int{batchSize, 2 * batchSize} {
		b, err := store.Get(t.Context(), f.DB, nextBatch)
		if err != nil {
			t.Fatal(err)
		}
		if step == 1 { // one that was read and never written is read again
			if b, err = store.Get(t.Context(), f.DB, nextBatch); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Write(t.Context(), func(tx *store.Tx) error { return tx.Index(b) }); err != nil {
			t.Fatal(err)
		}
		if got := find(t, f.DB, alice, "bonjour", true).Count; got != want {
			t.Errorf("after step %d: %d, want %d", step, got, want)
		}
	}
	x := New(f.DB, zerolog.Nop())
	for range 2 {
		if err := x.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := find(t, f.DB, alice, "bonjour", true).Count; got != 2*batchSize+10 {
			t.Errorf("at the end: %d", got)
		}
	}
}

// Results beyond a window are found, in the order of arrival of the windows, each once.
func TestPagesGoThroughWindows(t *testing.T) {
	f := storetest.Open(t)
	room := f.Room("a")
	alice := room.Join("@alice:x", "Alice")
	var want []store.NID
	for range windowSize + 300 {
		want = append(want, room.Message("@alice:x", "bonjour").NID)
	}
	if err := New(f.DB, zerolog.Nop()).CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got []store.NID
	for next, page := "", 0; page == 0 || next != ""; page++ {
		err := f.Read(t.Context(), func(r *store.Reader) error {
			found, err := Find(r, &Request{User: alice, Term: "bonjour", Filter: &eventfilter.RoomEvents{}, Limit: 400, Look: look, Next: next})
			if err != nil {
				return err
			}
			for i := range found.Results {
				got = append(got, found.Results[i].NID)
			}
			next = found.Next
			return nil
		})
		if err != nil || page > 10 {
			t.Fatal(page, err)
		}
	}
	slices.Reverse(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d results, want %d, each once, the latest first", len(got), len(want))
	}
}

// An index that is damaged is emptied and made anew; nothing else is touched.
func TestADamagedIndexIsMadeAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "beffroi.db")
	db := storetest.OpenAt(t, path)
	alice := fillTown(t, db, 400)
	if err := New(db, zerolog.Nop()).CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := find(t, db, alice, "ma", true).Count
	if err := db.Close(); err != nil || want == 0 {
		t.Fatal(want, err)
	}
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	// The structure of the index says nothing sensible any more, and an event waits to be looked at again.
	for _, query := range []string{`UPDATE search_data SET block = x'ffffffffffffffffffff' WHERE id = 10`, `INSERT INTO search_again VALUES (1)`} {
		if _, err := raw.ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	raw.Close()
	db = storetest.OpenAt(t, path)
	defer db.Close()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- New(db, zerolog.Nop()).Run(ctx) }()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		var got *Found
		_ = db.Read(t.Context(), func(r *store.Reader) (err error) {
			got, err = Find(r, &Request{User: alice, Term: "ma", Filter: &eventfilter.RoomEvents{}, Recent: true, Look: look})
			return err
		})
		if got != nil && got.Count == want {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the index is not made anew: %+v", got)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func FuzzQuery(f *testing.F) {
	for _, s := range []string{`école "de la" mairie`, `" OR body:x NEAR(a b)*`, "\x00'\"", `«»““”`, "-a +b ^c {d} (e)"} {
		f.Add(s)
	}
	db := storetest.Open(f).DB
	f.Fuzz(func(t *testing.T, term string) {
		q := parseQuery(term)
		if len(q.phrases) == 0 {
			return
		}
		match := tagged(q.match([]string{"body", "name"}), []string{"r1", "r2"})
		_, err := store.Get(context.Background(), db, func(r *store.Reader) ([]store.Hit, error) { return r.Hits(match, []store.RoomRef{1, 2}, 0, 1<<60, 10) })
		if err != nil {
			t.Errorf("%q makes %s: %v", term, match, err)
		}
	})
}

func FuzzPlace(f *testing.F) {
	f.Add("q1.5.0.7ff8000000000001.0.0.sender.3")
	f.Fuzz(func(t *testing.T, token string) {
		p, err := parsePlace(token)
		if err != nil {
			return
		}
		again, err := parsePlace(p.String())
		if err != nil || again.String() != p.String() {
			t.Errorf("%q is %q", token, p.String())
		}
	})
}

// vocabulary is words as frequent as in a language, by Zipf's law.
type vocabulary struct {
	zipf  *rand.Zipf
	words []string
}

func newVocabulary() *vocabulary {
	rnd := rand.New(rand.NewPCG(1, 2))
	v := &vocabulary{zipf: rand.NewZipf(rnd, 1.1, 3, 19_999)}
	syllables := strings.Fields("ma ri e con seil ta lé dé li bra tion pro jet vo te bud get tra vaux é co le ser vi ce pu blic as so cia fê")
	for range 20_000 {
		var w strings.Builder
		for range 1 + rnd.IntN(4) {
			w.WriteString(syllables[rnd.IntN(len(syllables))])
		}
		v.words = append(v.words, w.String())
	}
	return v
}

func (v *vocabulary) message() string {
	words := make([]string, 12)
	for i := range words {
		words[i] = v.words[v.zipf.Uint64()]
	}
	return strings.Join(words, " ")
}

// BenchmarkSearch fills a database with messages of 12 words in 50 rooms, indexes it, and searches. BEFFROI_SEARCH_MESSAGES: how many (5,000).
func BenchmarkSearch(b *testing.B) {
	n := 5000
	if s := os.Getenv("BEFFROI_SEARCH_MESSAGES"); s != "" {
		_, _ = fmt.Sscan(s, &n)
	}
	path := filepath.Join(b.TempDir(), "beffroi.db")
	db := storetest.OpenAt(b, path)
	alice := fillTown(b, db, n)
	start, cpu := time.Now(), cpuTime(b)
	if err := New(db, zerolog.Nop()).CatchUp(context.Background()); err != nil {
		b.Fatal(err)
	}
	took, busy := time.Since(start), cpuTime(b)-cpu
	b.Logf("%d messages: per 1,000 %v, %v of CPU, %.0f KB", n, took*1000/time.Duration(n), busy*1000/time.Duration(n), indexSize(b, path)/float64(n))
	for _, term := range []string{"mairie", "conseil", "co", "le", `"ma le"`} {
		for _, recent := range []bool{true, false} {
			b.Run(fmt.Sprintf("%s/recent=%v", term, recent), func(b *testing.B) {
				var times []time.Duration
				for b.Loop() {
					start := time.Now()
					b.ReportMetric(float64(find(b, db, alice, term, recent).Count), "found")
					times = append(times, time.Since(start))
				}
				slices.Sort(times)
				b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "p50-ms")
			})
		}
	}
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// indexSize gives what the pages of the index hold, in bytes.
func indexSize(b *testing.B, path string) (size float64) {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	err = db.QueryRowContext(b.Context(), `SELECT (SELECT sum(length(block) + 10) FROM search_data) + (SELECT sum(length(sz) + 14) FROM search_docsize)
		+ (SELECT sum(length(term) + 12) FROM search_idx)`).Scan(&size)
	if err != nil {
		b.Fatal(err)
	}
	return size
}

// fillTown stores messages without the rules of rooms.
func fillTown(b testing.TB, db *store.DB, n int) (alice store.Atom) {
	v, roomRefs := newVocabulary(), make([]store.RoomRef, 50)
	write := func(fn func(tx *store.Tx) error) {
		if err := db.Write(context.Background(), fn); err != nil {
			b.Fatal(err)
		}
	}
	write(func(tx *store.Tx) (err error) {
		if alice, err = tx.Atom("@alice:x"); err != nil {
			return err
		}
		for i := range roomRefs {
			if roomRefs[i], err = tx.AddRoom(fmt.Sprintf("!room%d:x", i), "10"); err != nil {
				return err
			}
			if err := tx.PutMember(store.Member{Room: roomRefs[i], User: alice, Membership: store.Join, NID: 1, Pos: 1}); err != nil {
				return err
			}
		}
		return nil
	})
	for done := 0; done < n; done += 1000 {
		write(func(tx *store.Tx) error {
			for i := range min(1000, n-done) {
				pos, err := tx.NextPos()
				if err != nil {
					return err
				}
				e := store.Event{NID: store.NID(pos), Room: roomRefs[i%50], Ord: pos, Placed: true, ID: fmt.Sprintf("$e%d:x", pos), Type: store.AtomMessage,
					Sender: alice, TS: pos, JSON: fmt.Appendf(nil, `{"content":{"body":%q,"msgtype":"m.text"}}`, v.message())}
				if err := tx.AddEvent(&e); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return alice
}
