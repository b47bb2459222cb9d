package syncer

import (
	"cmp"
	"slices"

	"beffroi/server/clientevent"
	"beffroi/server/rooms"
	"beffroi/server/store"
	"beffroi/server/synctoken"
)

// threadNews are the new events of a thread, the latest first.
type threadNews struct {
	room   *slideRoom
	root   store.NID
	places []store.TypedPlace
}

// threads names the threads with news that the timelines don't show, or all with news where the roots are asked for. Where there are more, the list goes
// on in /thread_updates.
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
	all, floor, err := l.threadsWithNews()
	if err != nil {
		return err
	}
	viewers := map[store.RoomRef]*rooms.Viewer{}
	for i, n := range all {
		root, wanted, err := l.wantedThread(n, x.IncludeRoots, viewers)
		if err != nil {
			return err
		}
		if !wanted {
			continue
		}
		if limit == 0 {
			floor = all[i].places[0].Pos + 1
			break
		}
		limit--
		if err := l.addThread(n, root, x.IncludeRoots); err != nil {
			return err
		}
	}
	if floor > 0 {
		a.prevBatch = synctoken.Threads{Before: floor}.String()
	}
	l.answer.news = l.answer.news || len(a.updates) > 0
	return nil
}

// threadsWithNews finds the threads with news, the one with the latest event first. Of rooms with too much news only the last are looked at: floor is the
// position before which nothing is known, 0 where everything is.
func (l *slide) threadsWithNews() (all []threadNews, floor int64, err error) {
	for _, room := range l.entries {
		since := l.newSince(room)
		if room.Membership != store.Join || !l.isSent(room.Room) || room.head.Timeline <= since {
			continue
		}
		events, whole, err := l.r.PlacesDown(room.Room, since, l.upto, maxScanned)
		if err != nil {
			return nil, 0, err
		}
		if !whole && len(events) > 0 {
			floor = max(floor, events[len(events)-1].Pos)
		}
		all = append(all, byThread(room, events)...)
	}
	slices.SortFunc(all, func(a, b threadNews) int { return cmp.Compare(b.places[0].Pos, a.places[0].Pos) })
	if n := slices.IndexFunc(all, func(n threadNews) bool { return n.places[0].Pos < floor }); n >= 0 {
		all = all[:n]
	}
	return all, floor, nil
}

// byThread groups events, which come the latest first, by the roots of their threads.
func byThread(room *slideRoom, events []store.TypedPlace) (all []threadNews) {
	places := map[store.NID]int{}
	for _, e := range events {
		if e.Thread == 0 {
			continue
		}
		i, known := places[e.Thread]
		if !known {
			i = len(all)
			places[e.Thread] = i
			all = append(all, threadNews{room: room, root: e.Thread})
		}
		all[i].places = append(all[i].places, e)
	}
	return all
}

// wantedThread reads the root of a thread, where the user sees it, and not all of the news are in the timeline or roots are asked for all the same.
func (l *slide) wantedThread(n threadNews, roots bool, viewers map[store.RoomRef]*rooms.Viewer) (root store.Event, wanted bool, err error) {
	shown := !slices.ContainsFunc(n.places, func(e store.TypedPlace) bool { return !l.shown[e.NID] })
	if shown && !roots {
		return root, false, nil
	}
	viewer := viewers[n.room.Room]
	if viewer == nil {
		if viewer, err = rooms.View(l.r, n.room.Room, l.q.Session.User); err != nil {
			return root, false, err
		}
		viewers[n.room.Room] = viewer
	}
	root, wanted, err = l.r.Event(n.root)
	if err != nil || !wanted {
		return root, false, err
	}
	wanted, err = viewer.SeesEvent(&root)
	return root, wanted, err
}

func (l *slide) addThread(n threadNews, root store.Event, withRoot bool) (err error) {
	var u threadUpdate
	if len(n.places) > 1 {
		u.prevBatch = synctoken.Place{Epoch: l.epoch, Ord: n.places[0].Ord - 1}.String()
	}
	if withRoot {
		around, err := clientevent.Load(l.r, []store.Event{root}, false)
		if err != nil {
			return err
		}
		in := l.section(n.room.Room, n.room.RoomID, n.room.Pos)
		view := in.view(around)
		if view.Relations, err = in.lens().Bundles([]store.Event{root}); err != nil {
			return err
		}
		u.root = view.Render(&root, clientevent.Standing{})
	}
	updates := l.answer.threads.updates
	if updates[n.room.RoomID] == nil {
		updates[n.room.RoomID] = map[string]threadUpdate{}
	}
	updates[n.room.RoomID][root.ID] = u
	return nil
}
