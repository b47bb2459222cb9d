package stateres

import (
	"cmp"
	"container/heap"
	"slices"

	"beffroi/server/pdu/auth"
)

// rank is what the order of two events is decided by where auth_events leave it
// open.
type rank struct {
	power int64
	ts    int64
	id    string
}

// before: greater power of the sender, then earlier, then the smaller event id.
//
// Spec: rooms/v2, "Reverse topological power ordering".
func (x rank) before(y rank) int {
	return cmp.Or(cmp.Compare(y.power, x.power), cmp.Compare(x.ts, y.ts), cmp.Compare(x.id, y.id))
}

// powerOrder is the reverse topological power ordering, by Kahn's algorithm. The
// DAG is that of the events to be ordered: auth_events that lead from one of them
// to another over a third event, which is not among them, do not count, as with
// all servers we know. Events in a circle come, the smallest first, when nothing
// else can.
//
// Spec: rooms/v2, "Reverse topological power ordering".
func (v *v2) powerOrder(events []ref) []ref {
	k := kahn{g: v.g, rank: make(map[ref]rank, len(events)), waiting: make(map[ref]int, len(events)), citedBy: v.g.reverse(events)}
	for _, r := range events {
		k.rank[r] = v.rank(r)
	}
	for _, r := range events {
		for _, a := range v.g.nodes[r].auth {
			if _, among := k.rank[a]; among {
				k.waiting[r]++
			}
		}
		if k.waiting[r] == 0 {
			heap.Push(&k, r)
		}
	}
	return k.order(events)
}

// rank of an event, with the power level of its sender by its own auth_events.
func (v *v2) rank(r ref) rank {
	e := v.g.nodes[r].event
	return rank{power: v.senderPower(r), ts: e.OriginServerTS(), id: v.g.nodes[r].id}
}

// senderPower is the power level of an event's sender by its auth_events, 0 where
// no create event says who made the room.
func (v *v2) senderPower(r ref) int64 {
	create := v.g.create(r)
	if v.g.event(create) == nil {
		return 0
	}
	by := powerOf{create: create, levels: v.g.authEvent(r, levelsKey), sender: v.g.nodes[r].event.Sender()}
	power, known := v.powers[by]
	if !known {
		levels := auth.NewPowerLevels(v.g.nodes[create].event, v.g.event(by.levels))
		power = levels.For(by.sender)
		v.powers[by] = power
	}
	return power
}

// powerOf names a user's power level by a create event and power levels.
type powerOf struct {
	create, levels ref
	sender         string
}

// kahn is Kahn's algorithm under way.
type kahn struct {
	g       *graph
	rank    map[ref]rank
	citedBy citing
	waiting map[ref]int // by event: how many of its auth_events are to come
	ready   []ref       // a heap: those that wait for none
	done    set
}

func (k *kahn) order(events []ref) []ref {
	out := make([]ref, 0, len(events))
	all := slices.SortedFunc(slices.Values(events), func(x, y ref) int { return k.rank[x].before(k.rank[y]) })
	for len(out) < len(events) {
		switch {
		case len(k.ready) > 0:
			out = k.take(out, heap.Pop(k).(ref))
		default: // a circle
			out = k.take(out, all[0])
			all = all[1:]
		}
	}
	return out
}

// take puts the next event into the ordering, unless it is there.
func (k *kahn) take(out []ref, r ref) []ref {
	if !k.done.add(r) {
		return out
	}
	for _, citing := range k.citedBy.of(r) {
		k.waiting[citing]--
		if k.waiting[citing] == 0 {
			heap.Push(k, citing)
		}
	}
	return append(out, r)
}

// Len, Less, Swap, Push and Pop are heap.Interface over ready.
func (k *kahn) Len() int           { return len(k.ready) }
func (k *kahn) Less(i, j int) bool { return k.rank[k.ready[i]].before(k.rank[k.ready[j]]) < 0 }
func (k *kahn) Swap(i, j int)      { k.ready[i], k.ready[j] = k.ready[j], k.ready[i] }
func (k *kahn) Push(x any)         { k.ready = append(k.ready, x.(ref)) }
func (k *kahn) Pop() any {
	last := len(k.ready) - 1
	r := k.ready[last]
	k.ready = k.ready[:last]
	return r
}
