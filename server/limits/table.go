package limits

import (
	"hash/maphash"
	"time"
)

// A table remembers one moment by key, in memory that never grows: a key has four places, and where others that still count hold all of them, the one that would be
// forgotten first goes. Who asks from a million addresses so makes the table forget those who owe least; the limits of all together hold whoever asks.
type table struct {
	seed maphash.Seed
	sets [][ways]entry
}

const ways = 4

type entry struct {
	key   uint64
	until int64 // Unix nanoseconds; what is past need not be kept
	count uint32
}

// newTable makes a table of 4 × sets places; sets is a power of two.
func newTable(sets int) *table {
	return &table{seed: maphash.MakeSeed(), sets: make([][ways]entry, sets)}
}

// hash gives the key of a value. Nobody outside knows the seed, so nobody can choose values that share places.
func hash[K comparable](t *table, k K) uint64 { return maphash.Comparable(t.seed, k) }

func (t *table) set(key uint64) *[ways]entry { return &t.sets[key&uint64(len(t.sets)-1)] }

// get gives what is remembered of a key, the zero entry where that is nothing.
func (t *table) get(key uint64) entry {
	for _, e := range t.set(key) {
		if e.key == key {
			return e
		}
	}
	return entry{key: key}
}

// put remembers an entry.
func (t *table) put(e entry) {
	set := t.set(e.key)
	place := &set[0]
	for i := range set {
		if set[i].key == e.key {
			place = &set[i]
			break
		}
		if set[i].until < place.until {
			place = &set[i]
		}
	}
	*place = e
}

// Rate is how often something may happen: Burst times at once, and once more after each Every. The zero Rate has no limit.
type Rate struct {
	Burst int
	Every time.Duration
}

// times gives the rate of n together.
func (r Rate) times(n int) Rate { return Rate{Burst: r.Burst * n, Every: r.Every / time.Duration(n)} }

// A bucket holds a key to a rate: until is when nothing would be owed any more (the "generic cell rate algorithm", which needs one number where
// golang.org/x/time/rate keeps 80 bytes and a lock).

// wait tells how long a key must wait before it may once more; 0: now.
func (t *table) wait(key uint64, r Rate, now time.Time) time.Duration {
	if r.Burst == 0 {
		return 0
	}
	owed := max(0, t.get(key).until-now.UnixNano())
	return max(0, time.Duration(owed)+r.Every-time.Duration(r.Burst)*r.Every)
}

// owes tells how often a key did it lately: so often as is not given back yet.
func (t *table) owes(key uint64, r Rate, now time.Time) int {
	return int(max(0, t.get(key).until-now.UnixNano()+int64(r.Every)-1) / int64(r.Every))
}

// take notes that a key did it once.
func (t *table) take(key uint64, r Rate, now time.Time) {
	if r.Burst == 0 {
		return
	}
	e := t.get(key)
	e.until = max(e.until, now.UnixNano()) + int64(r.Every)
	t.put(e)
}
