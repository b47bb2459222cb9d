package scrub

import (
	"cmp"
	"slices"
	"time"
)

// Kind is a kind of damage.
type Kind string

// The kinds, the worst first.
const (
	Unreadable      Kind = "unreadable"       // the whole database
	Missing         Kind = "missing"          // what lies below the high-water mark
	EventUnreadable Kind = "event-unreadable" // events that were there
	EventAltered    Kind = "event-altered"    // events whose bytes are not those that were signed and stored
	MediaMissing    Kind = "media-missing"    // files
	MediaAltered    Kind = "media-altered"    // files with other bytes
	KeyAltered      Kind = "key-altered"      // the server's signing key
	RowsUnreadable  Kind = "rows-unreadable"  // rows of a table
	RowAltered      Kind = "row-altered"      // rows that their checksum contradicts
	EventRow        Kind = "event-row"        // events whose bytes are whole and contradict the columns beside them
	Reference       Kind = "reference"        // rows that name something that is not there
	Counts          Kind = "counts"           // what is counted along a timeline
	Structure       Kind = "structure"        // pages, as SQLite sees them
	Index           Kind = "index"            // indexes, which can be made anew
)

var gravity = [...]Kind{Unreadable, Missing, EventUnreadable, EventAltered, MediaMissing, MediaAltered, KeyAltered, RowsUnreadable, RowAltered, EventRow,
	Reference, Counts, Structure, Index}

// Finding is damage of one kind in one place: a table, and where that is known a room and a day. Sentence says it to people.
type Finding struct {
	Kind     Kind      `json:"kind"`
	Table    string    `json:"table,omitempty"`
	What     string    `json:"what,omitempty"` // of references: what is named; of files: the name
	RoomID   string    `json:"room_id,omitempty"`
	RoomName string    `json:"room_name,omitempty"`
	Day      string    `json:"day,omitempty"`   // of events and files: 2026-03-12, in the machine's time zone
	State    bool      `json:"state,omitempty"` // events that are state
	Since    time.Time `json:"since,omitzero"`  // of what is below the high-water mark
	Until    time.Time `json:"until,omitzero"`
	Bytes    int64     `json:"bytes,omitempty"` // of files
	Count    int64     `json:"count,omitempty"` // 0: not known
	EventIDs []string  `json:"event_ids,omitempty"`
	Details  []string  `json:"details,omitempty"` // for who looks into the database, in English
	Fetched  int64     `json:"fetched,omitempty"` // events that other servers gave again
}

// What is kept at most: a disk that dies must not fill the memory.
const (
	maxFindings = 1000
	maxDetails  = 20
	maxEventIDs = 500
)

// findings collects damage: that of one kind in one place is one finding.
type findings struct {
	at map[spot]*Finding
}

// spot is what tells findings apart.
type spot struct {
	kind                     Kind
	table, what, roomID, day string
	state                    bool
}

func newFindings() *findings { return &findings{at: map[spot]*Finding{}} }

func (fs *findings) add(f Finding) {
	at := spot{f.Kind, f.Table, f.What, f.RoomID, f.Day, f.State}
	known := fs.at[at]
	if known == nil {
		if len(fs.at) >= maxFindings {
			return
		}
		known = &Finding{}
		*known = f
		known.Count, known.Bytes, known.EventIDs, known.Details = 0, 0, nil, nil
		fs.at[at] = known
	}
	known.Count += f.Count
	known.Bytes += f.Bytes
	known.EventIDs = upTo(maxEventIDs, append(known.EventIDs, f.EventIDs...))
	known.Details = upTo(maxDetails, append(known.Details, f.Details...))
}

func upTo(n int, list []string) []string { return list[:min(n, len(list))] }

// list gives the findings, the worst first.
func (fs *findings) list() []Finding {
	out := make([]Finding, 0, len(fs.at))
	for _, f := range fs.at {
		out = append(out, *f)
	}
	slices.SortFunc(out, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(slices.Index(gravity[:], a.Kind), slices.Index(gravity[:], b.Kind)), cmp.Compare(a.Table, b.Table),
			cmp.Compare(a.RoomName, b.RoomName), cmp.Compare(a.RoomID, b.RoomID), cmp.Compare(a.Day, b.Day), cmp.Compare(a.What, b.What))
	})
	return out
}
