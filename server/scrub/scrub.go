// Package scrub reads everything that a server keeps, and says what of it is damaged and what that means for people. It only reads, with a
// connection of its own, in short pieces, beside a server that runs or without one.
//
// What SQLite finds of itself is a fifth of what a flipped bit can do. The rest is held against what proves it: an event's bytes against its content
// hash, its id and a checksum; its row against its bytes; each row against the rows that it names; each index against its table, in both
// directions; files against their SHA-256; the database against its high-water mark. ARCHITECTURE.md, "Damage", says what remains unseen.
package scrub

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"beffroi/server/store"
)

// Config says what is read, and how.
type Config struct {
	DataDir string
	// Rest is how long the scrub rests after each piece, as a multiple of the time that the piece took. 0: it does not.
	Rest float64
	// Fetch gets a damaged event from another server and stores it anew. nil: nobody can be asked.
	Fetch func(ctx context.Context, roomID, eventID string) error
}

// Report is what a scrub saw.
type Report struct {
	Started  time.Time     `json:"started"`
	Took     time.Duration `json:"took"` // nanoseconds
	Rows     int64         `json:"rows"` // read, in all tables
	Events   int64         `json:"events"`
	Files    int64         `json:"files"`
	Bytes    int64         `json:"bytes"` // of the files
	Findings []Finding     `json:"findings"`
}

// Brief is the report with the worst findings only, without their details.
func (r Report) Brief() Report {
	r.Findings = slices.Clone(r.Findings[:min(len(r.Findings), 100)])
	for i := range r.Findings {
		r.Findings[i].Details = nil
		r.Findings[i].EventIDs = upTo(20, r.Findings[i].EventIDs)
	}
	return r
}

// ErrUnusable says why nothing could be looked at: there is no database, or it is of another version. Damage is no error.
var ErrUnusable = errors.New("the database can't be scrubbed")

// Run reads everything once. It ends early, with an error, only where ctx ends or nothing can be read at all.
func Run(ctx context.Context, c Config) (report Report, err error) {
	path := filepath.Join(c.DataDir, store.FileName)
	s := &scrub{Config: c, found: newFindings(), lost: map[int64]*lostEvent{}, rooms: map[int64]*room{}, frames: map[int64][]byte{}}
	s.report.Started = time.Now()
	if err := s.run(ctx, path); damaged(err) { // its first pages: there is nothing to go by
		s.found.add(Finding{Kind: Unreadable, Details: []string{err.Error()}})
	} else if err != nil {
		return report, err
	}
	s.report.Took = time.Since(s.report.Started)
	s.report.Findings = s.found.list()
	return s.report, nil
}

// scrub is one run.
type scrub struct {
	Config
	r      *reader
	tables []*table
	report Report
	found  *findings
	lost   map[int64]*lostEvent // by nid
	rooms  map[int64]*room      // the last ones that were named
	frames map[int64][]byte     // the last ones that events named
	media  []store.Media        // of the piece that was just read
	place  place                // the timeline's row before it
	link   store.JournalLink    // the journal's row before it
}

func (s *scrub) run(ctx context.Context, path string) (err error) {
	if s.r, err = openReader(ctx, path, s.Rest); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.r.close()) }()
	if err := s.begin(ctx); err != nil {
		return err
	}
	if err := s.mark(ctx, path); err != nil {
		return err
	}
	for _, t := range s.tables {
		if err := s.table(ctx, t); err != nil {
			return fmt.Errorf("table %s: %w", t.name, err)
		}
	}
	if err := s.tellLost(ctx); err != nil {
		return err
	}
	return s.fetch(ctx)
}

// begin looks at whose file it is, and reads its schema.
func (s *scrub) begin(ctx context.Context) (err error) {
	var id, version int64
	if err := s.r.one(ctx, `PRAGMA application_id`, nil, &id); err != nil {
		return err
	}
	if id != store.ApplicationID {
		return fmt.Errorf("%w: it is no database of Beffroi", ErrUnusable)
	}
	if err := s.r.one(ctx, `SELECT version FROM version`, nil, &version); err != nil {
		return err
	}
	if version != int64(store.SchemaVersion()) {
		return fmt.Errorf("%w: it is of version %d, this program is of version %d", ErrUnusable, version, store.SchemaVersion())
	}
	if s.tables, err = s.r.schema(ctx); err != nil {
		return err
	}
	return s.structure(ctx, "sqlite_schema", "quick_check")
}

// table looks at a table: its pages, its rows, what they name, its indexes.
func (s *scrub) table(ctx context.Context, t *table) error {
	if err := s.structure(ctx, t.name, t.pragma()); err != nil {
		return err
	}
	if err := s.walk(ctx, t); err != nil {
		return err
	}
	for _, x := range t.indexes {
		if err := s.backward(ctx, t, x); err != nil {
			return err
		}
	}
	return nil
}

// pragma is the check that a table needs of SQLite: that of its indexes too, where one can't be compared from its side.
func (t *table) pragma() string {
	for _, x := range t.indexes {
		if x.sparse {
			return "integrity_check"
		}
	}
	return "quick_check"
}

// structure lets SQLite look at the pages of a table and its indexes: their order, and that none is used twice. That of the schema is for the free pages.
// What is inside the indexes is compared piece by piece, see index.go: that way no read lasts long.
func (s *scrub) structure(ctx context.Context, name, pragma string) error {
	return s.r.piece(ctx, func() error {
		var lines []string
		err := s.r.rows(ctx, "SELECT * FROM pragma_"+pragma+"(?)", []any{name}, func(row []any) error {
			if line := fmt.Sprint(row[0]); line != "ok" {
				lines = append(lines, line)
			}
			return nil
		})
		if damaged(err) {
			lines, err = append(lines, err.Error()), nil
		}
		if len(lines) > 0 {
			s.found.add(Finding{Kind: Structure, Table: name, Count: int64(len(lines)), Details: lines})
		}
		return err
	})
}
