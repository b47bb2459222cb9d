package syncer

import (
	"slices"

	"beffroi/server/clientevent"
	"beffroi/server/rooms"
	"beffroi/server/store"
	"beffroi/server/synctoken"
)

// threads names the threads with news that the timelines don't show, or all with news where the roots are asked for.
//
// Source: MSC4360.
func (l *slide) threads() error {
	x, a := l.q.Extensions.Threads, &threadsAnswer{name: "threads", updates: map[string]map[string]threadUpdate{}}
	if x == nil || !x.Enabled {
		x, a.name = l.q.Extensions.UnstableThreads, "io.element.msc4360.threads"
	}
	limit := defaultThreads
	if x.Limit > 0 {
		limit = min(x.Limit, defaultThreads)
	}
	l.answer.threads = a
	for _, room := range l.entries {
		since := l.newSince(room)
		if room.Membership != store.Join || !l.isSent(room.Room) || room.head.Timeline <= since || limit == 0 {
			continue
		}
		events, err := l.r.PlacesDown(room.Room, since, l.upto, maxScanned)
		if err != nil {
			return err
		}
		updates, err := l.threadsIn(room, events, x.IncludeRoots, &limit)
		if err != nil {
			return err
		}
		if len(updates) > 0 {
			a.updates[room.RoomID] = updates
			l.answer.news = true
		}
	}
	return nil
}

// threadsIn groups the events of threads, which come the latest first, by their roots.
func (l *slide) threadsIn(room *slideRoom, events []store.TypedPlace, roots bool, limit *int) (map[string]threadUpdate, error) {
	byRoot, order := map[store.NID][]store.TypedPlace{}, []store.NID{}
	for _, e := range events {
		if e.Thread == 0 {
			continue
		}
		if byRoot[e.Thread] == nil {
			order = append(order, e.Thread)
		}
		byRoot[e.Thread] = append(byRoot[e.Thread], e)
	}
	updates := map[string]threadUpdate{}
	var viewer *rooms.Viewer
	for _, root := range order {
		news := byRoot[root]
		hidden := slices.ContainsFunc(news, func(e store.TypedPlace) bool { return !l.shown[e.NID] })
		if !hidden && !roots || *limit == 0 {
			continue
		}
		var err error
		if viewer == nil {
			if viewer, err = rooms.View(l.r, room.Room, l.q.Session.User); err != nil {
				return nil, err
			}
		}
		e, ok, err := l.r.Event(root)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		if sees, err := viewer.SeesEvent(&e); err != nil || !sees {
			if err != nil {
				return nil, err
			}
			continue
		}
		*limit--
		updates[e.ID], err = l.threadUpdate(room, &e, news, roots)
		if err != nil {
			return nil, err
		}
	}
	return updates, nil
}

func (l *slide) threadUpdate(room *slideRoom, root *store.Event, news []store.TypedPlace, withRoot bool) (u threadUpdate, err error) {
	if len(news) > 1 {
		u.prevBatch = synctoken.Place{Epoch: l.epoch, Ord: news[0].Ord - 1}.String()
	}
	if !withRoot {
		return u, nil
	}
	around, err := clientevent.Load(l.r, []store.Event{*root}, false)
	if err != nil {
		return u, err
	}
	view := l.view(around)
	if view.Relations, err = l.section(room.Room, room.RoomID, room.Pos).lens().Bundles([]store.Event{*root}); err != nil {
		return u, err
	}
	u.root = view.Render(root, clientevent.Standing{})
	return u, nil
}
