package clientapi

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"

	"beffroi/server/merr"
	"beffroi/server/rooms"
	"beffroi/server/store"
	"beffroi/server/synctoken"
)

// Source: MSC4360, "Companion endpoint for backpaginating thread updates across all rooms".
func (a *API) threadUpdateRoutes() []route {
	return []route{
		{Method: "GET", Path: "/_matrix/client/v1/thread_updates", Handle: a.threadUpdates},
		{Method: "GET", Path: "/_matrix/client/unstable/io.element.msc4360/thread_updates", Handle: a.threadUpdates},
	}
}

const maxThreadUpdates = 100

type threadUpdatesAnswer struct {
	Chunk map[string]map[string]threadUpdate `json:"chunk"` // by room and root
	Next  string                             `json:"next_batch,omitempty"`
}

type threadUpdate struct {
	Root json.RawMessage `json:"thread_root"`
	Prev string          `json:"prev_batch,omitempty"` // before the last message of the thread, where there are others
}

// updatedThread is a thread with the position and the place of its last message.
type updatedThread struct {
	room *paging
	head store.ThreadHead
	pos  int64
	more bool // messages before it since
}

// threadUpdates lists the threads of all rooms that the user is in whose last message has since < pos < before, the one with the latest first.
func (a *API) threadUpdates(r *request) (any, error) {
	since, before, limit, err := threadBounds(r)
	if err != nil {
		return nil, err
	}
	answer := threadUpdatesAnswer{Chunk: map[string]map[string]threadUpdate{}}
	err = a.DB.Read(r.Context(), func(rd *store.Reader) error {
		found, err := a.updatedThreads(r, rd, since, before, limit+1)
		if err != nil {
			return err
		}
		if len(found) > limit {
			found = found[:limit]
			answer.Next = synctoken.Threads{Before: found[limit-1].pos}.String()
		}
		return answer.fill(found)
	})
	return answer, err
}

func threadBounds(r *request) (since, before int64, limit int, err error) {
	params := r.URL.Query()
	if params.Get("dir") != "b" {
		return 0, 0, 0, merr.InvalidParam("dir is b")
	}
	before = math.MaxInt64
	if from := params.Get("from"); from != "" {
		t, err := synctoken.ParseThreads(from)
		if err != nil {
			return 0, 0, 0, err
		}
		before = t.Before
	}
	if to := params.Get("to"); to != "" {
		if since, err = synctoken.ParsePosition(to); err != nil {
			return 0, 0, 0, err
		}
	}
	limit, err = limitOf(r, maxThreadUpdates)
	if err == nil && limit == 0 {
		err = merr.InvalidParam("limit is not a number from 1 on")
	}
	return since, before, min(limit, maxThreadUpdates), err
}

// updatedThreads looks into the rooms, the one with the latest event first, until no other can have a thread that belongs into the list.
func (a *API) updatedThreads(r *request, rd *store.Reader, since, before int64, limit int) (found []updatedThread, err error) {
	heads, err := rd.JoinedHeads(r.Session.User)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(heads, func(a, b store.RoomHead) int { return cmp.Compare(b.Timeline, a.Timeline) })
	for _, h := range heads {
		if h.Timeline <= since || len(found) == limit && found[limit-1].pos >= h.Timeline {
			break
		}
		room, v, err := rooms.Look(rd, h.RoomID, r.Session.User)
		if err != nil {
			return nil, err
		}
		p, err := a.paging(r, rd, room, v)
		if err != nil {
			return nil, err
		}
		updated, err := p.updatedThreads(since, before, limit)
		if err != nil {
			return nil, err
		}
		found = append(found, updated...)
		slices.SortFunc(found, func(a, b updatedThread) int { return cmp.Compare(b.pos, a.pos) })
		found = found[:min(len(found), limit)]
	}
	return found, nil
}

// updatedThreads finds those of one room.
func (p *paging) updatedThreads(since, before int64, limit int) (found []updatedThread, err error) {
	after, ok, err := p.rd.OrdAtPos(p.room.Ref, since)
	if err != nil {
		return nil, err
	}
	if !ok {
		after = store.OrdMin
	}
	upto, ok, err := p.rd.OrdAtPos(p.room.Ref, before-1)
	if err != nil || !ok {
		return nil, err
	}
	heads, err := p.lens().Updated(after, upto, limit)
	for _, h := range heads {
		last, err := p.rd.ThreadDown(p.room.Ref, h.Root, after, h.Last, 2)
		if err != nil {
			return nil, err
		}
		if len(last) > 0 && last[0].Pos > since { // else it was fetched later from another server
			found = append(found, updatedThread{room: p, head: h, pos: last[0].Pos, more: len(last) > 1})
		}
	}
	return found, err
}

// fill renders the roots, room by room.
func (answer *threadUpdatesAnswer) fill(found []updatedThread) error {
	slices.SortFunc(found, func(a, b updatedThread) int { return cmp.Compare(a.room.room.Ref, b.room.room.Ref) })
	for len(found) > 0 {
		p := found[0].room
		n := slices.IndexFunc(found, func(t updatedThread) bool { return t.room != p })
		if n < 0 {
			n = len(found)
		}
		updates, err := p.threadUpdates(found[:n])
		if err != nil {
			return err
		}
		answer.Chunk[p.room.ID], found = updates, found[n:]
	}
	return nil
}

func (p *paging) threadUpdates(threads []updatedThread) (map[string]threadUpdate, error) {
	heads := make([]store.ThreadHead, len(threads))
	for i, t := range threads {
		heads[i] = t.head
	}
	byNID, err := p.lens().Roots(heads)
	if err != nil {
		return nil, err
	}
	roots := make([]rooms.Seen, len(threads))
	for i, h := range heads {
		roots[i] = byNID[h.Root]
	}
	rendered, err := p.render(roots)
	updates := make(map[string]threadUpdate, len(rendered))
	for i, root := range rendered {
		u := threadUpdate{Root: root}
		if threads[i].more {
			u.Prev = p.token(heads[i].Last - 1)
		}
		updates[roots[i].ID] = u
	}
	return updates, err
}
