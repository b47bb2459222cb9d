package push

import "sync"

// cache remembers what can be made again, by two generations: when the young one has its weight it becomes the old one, and what nobody used
// since goes.
type cache[K comparable, V any] struct {
	limit int // of one generation

	mu         sync.Mutex
	young, old map[K]V
	weight     int // of the young ones
}

func newCache[K comparable, V any](limit int) *cache[K, V] {
	return &cache[K, V]{limit: limit, young: map[K]V{}}
}

// get finds a value, and keeps it from growing old. weight is that with which it was put.
func (c *cache[K, V]) get(key K, weight func(V) int) (v V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v, ok = c.young[key]; ok {
		return v, true
	}
	if v, ok = c.old[key]; ok {
		c.add(key, v, weight(v))
	}
	return v, ok
}

func (c *cache[K, V]) put(key K, v V, weight int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(key, v, weight)
}

func (c *cache[K, V]) add(key K, v V, weight int) {
	if c.weight += weight; c.weight > c.limit {
		c.young, c.old, c.weight = map[K]V{}, c.young, weight
	}
	c.young[key] = v
}

// size is how many values are held.
func (c *cache[K, V]) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.young) + len(c.old)
}
