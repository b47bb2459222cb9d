package accounts

import "sync"

// recent remembers what was used lately. It holds two generations: when the young one is full it becomes the old one, so
// that memory is bounded and what is used stays.
type recent[K comparable, V any] struct {
	mu         sync.Mutex
	size       int // of a generation
	young, old map[K]V
	drops      uint64 // how often something was dropped
}

func newRecent[K comparable, V any](size int) *recent[K, V] {
	return &recent[K, V]{size: size, young: map[K]V{}, old: map[K]V{}}
}

func (r *recent[K, V]) get(k K) (V, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v, ok := r.young[k]; ok {
		return v, true
	}
	v, ok := r.old[k]
	if ok {
		r.add(k, v)
	}
	return v, ok
}

// take is get that forgets.
func (r *recent[K, V]) take(k K) (V, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.young[k]
	if !ok {
		v, ok = r.old[k]
	}
	delete(r.young, k)
	delete(r.old, k)
	return v, ok
}

func (r *recent[K, V]) put(k K, v V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(k, v)
}

// mark and putSince keep what was read from the database only where nothing was dropped since before the read: it may be
// what was dropped.
func (r *recent[K, V]) mark() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.drops
}

func (r *recent[K, V]) putSince(mark uint64, k K, v V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.drops == mark {
		r.add(k, v)
	}
}

// each shows what is remembered.
func (r *recent[K, V]) each(look func(V)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range r.young {
		look(v)
	}
	for k, v := range r.old {
		if _, again := r.young[k]; !again {
			look(v)
		}
	}
}

// drop forgets what matches.
func (r *recent[K, V]) drop(match func(V) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drops++
	for _, generation := range []map[K]V{r.young, r.old} {
		for k, v := range generation {
			if match(v) {
				delete(generation, k)
			}
		}
	}
}

func (r *recent[K, V]) add(k K, v V) {
	if len(r.young) >= r.size {
		r.old, r.young = r.young, map[K]V{}
	}
	r.young[k] = v
}
