package search

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"beffroi/server/merr"
	"beffroi/server/store"
)

// place is where a page of results ends. The results of a search are cut into windows by arrival, so that what one page costs is bounded: each
// window is sorted and shown whole before the next, older one.
type place struct {
	upper, lower store.NID // of the window, both in it; lower 0: it is the last one
	score        float64   // of the last result that was shown; NaN: the window was not begun
	nid          store.NID // of the same
	count        int64     // of what the windows before this one had
	group        Key       // "": all results, else those of one group
	member       int64     // the room or the sender
}

const tokenKind = "q1"

// String is the token: q1.UPPER.LOWER.SCORE.NID.COUNT.GROUP.MEMBER
func (p *place) String() string {
	return fmt.Sprintf("%s.%d.%d.%x.%d.%d.%s.%d", tokenKind, p.upper, p.lower, math.Float64bits(p.score), p.nid, p.count, p.group, p.member)
}

// parsePlace reads a token: M_INVALID_PARAM for what is none. Whatever it says, it shows nobody what they may not see.
func parsePlace(token string) (place, error) {
	wrong := merr.InvalidParam("next_batch is not a token of a search")
	f := strings.Split(token, ".")
	if len(f) != 8 || f[0] != tokenKind {
		return place{}, wrong
	}
	p := place{group: Key(f[6])}
	bits, err := strconv.ParseUint(f[3], 16, 64)
	p.score = math.Float64frombits(bits)
	for i, into := range map[int]*int64{1: (*int64)(&p.upper), 2: (*int64)(&p.lower), 4: (*int64)(&p.nid), 5: &p.count, 7: &p.member} {
		n, failed := strconv.ParseInt(f[i], 10, 64)
		if failed != nil || n < 0 {
			err = wrong
		}
		*into = n
	}
	if err != nil || p.group != "" && p.group != ByRoom && p.group != BySender {
		return place{}, wrong
	}
	return p, nil
}
