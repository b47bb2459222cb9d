package syncer

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"beffroi/server/clientevent"
	"beffroi/server/push"
	"beffroi/server/rooms"
	"beffroi/server/store"
	"beffroi/server/synctoken"
)

func (l *slide) extensions() error {
	e := &l.q.Extensions
	for _, x := range []struct {
		on   bool
		read func() error
	}{
		{e.ToDevice != nil && e.ToDevice.Enabled, l.toDeviceMessages},
		{e.E2EE.on(), l.encryption},
		{e.AccountData.on(), l.dataOf},
		{e.Receipts.on(), l.receipts},
		{e.Typing.on(), l.typists},
		{e.Threads != nil && e.Threads.Enabled || e.UnstableThreads != nil && e.UnstableThreads.Enabled, l.threads},
	} {
		if !x.on {
			continue
		}
		if err := x.read(); err != nil {
			return err
		}
	}
	return nil
}

// toDevicePrefix begins the extension's own token, which goes on where connections end: `d1.POS`.
const toDevicePrefix = "d1."

// toDeviceMessages reads what waits after the extension's token, which proves what arrived: that is deleted.
//
// Source: MSC3885.
func (l *slide) toDeviceMessages() error {
	x := l.q.Extensions.ToDevice
	if x.Since != "" {
		digits, ok := strings.CutPrefix(x.Since, toDevicePrefix)
		if after, err := strconv.ParseInt(digits, 10, 64); ok && err == nil && after > 0 && after <= l.upto {
			l.after = after // what no answer of ours was is proof of nothing
		}
	}
	limit := maxToDevice
	if x.Limit > 0 {
		limit = min(x.Limit, maxToDevice)
	}
	messages, err := l.r.ToDeviceMessages(l.q.Session.Device, l.after, l.upto, limit)
	if err != nil {
		return err
	}
	next := l.upto
	if len(messages) == limit {
		next = messages[limit-1].Pos
	}
	a := &toDeviceAnswer{next: toDevicePrefix + strconv.FormatInt(next, 10), events: []json.RawMessage{}}
	for _, m := range messages {
		a.events = append(a.events, m.JSON)
	}
	l.answer.toDevice = a
	l.answer.news = l.answer.news || len(messages) > 0
	if l.after > 0 {
		l.acknowledge, err = l.r.HasToDeviceUpTo(l.q.Session.Device, l.after)
	}
	return err
}

// encryption tells whose keys changed since the last answer, and the counts of keys where they are others than those last told.
//
// Source: MSC3884.
func (l *slide) encryption() error {
	a := &e2eeAnswer{lists: store.DeviceLists{Changed: []string{}, Left: []string{}}}
	var err error
	if base := l.c.base.pos; base > 0 {
		if a.lists, err = l.r.DeviceListChanges(l.q.Session.User, base, l.upto); err != nil {
			return err
		}
	}
	counts, err := l.r.OneTimeKeyCounts(l.q.Session.Device)
	if err != nil {
		return err
	}
	unused, err := l.r.UnusedFallbackTypes(l.q.Session.Device)
	if err != nil {
		return err
	}
	if l.next.keys = fmt.Sprint(counts, unused); l.next.keys != l.c.base.keys {
		a.counts, a.fallback = counts, unused
		l.answer.news = l.answer.news || l.c.base.keys != ""
	}
	l.answer.e2ee = a
	l.answer.news = l.answer.news || len(a.lists.Changed)+len(a.lists.Left) > 0
	return nil
}

// dataOf gives account data: global, and of the rooms that the connection was sent.
//
// Source: MSC3959.
func (l *slide) dataOf() error {
	a := &dataAnswer{global: []json.RawMessage{}, rooms: map[string][]json.RawMessage{}}
	data, err := l.r.AccountDataSince(l.q.Session.User, l.c.base.pos, l.upto)
	if err != nil {
		return err
	}
	if l.c.base.pos == 0 && !slices.ContainsFunc(data, isPushRules) {
		data = append(data, store.AccountData{Type: store.AtomPushRules})
	}
	all := map[store.RoomRef][]store.AccountData{}
	if l.c.base.pos > 0 && len(l.firsts) > 0 { // rooms that begin with this answer
		older, err := l.r.AccountDataSince(l.q.Session.User, 0, l.upto)
		if err != nil {
			return err
		}
		for _, d := range older {
			all[d.Room] = append(all[d.Room], d)
		}
	}
	for _, d := range data {
		if isPushRules(d) {
			if d.Content, err = push.Content(d.Content, l.q.Session.UserID); err != nil {
				return err
			}
		}
		if d.Room != 0 {
			if _, begins := l.firsts[d.Room]; !begins || l.c.base.pos == 0 {
				all[d.Room] = append(all[d.Room], d)
			}
			continue
		}
		if a.global, err = l.appendData(a.global, d); err != nil {
			return err
		}
	}
	for _, room := range l.entries {
		if !l.isSent(room.Room) {
			continue
		}
		if _, begins := l.firsts[room.Room]; !begins && l.c.base.pos > 0 {
			all[room.Room] = slices.DeleteFunc(all[room.Room], func(d store.AccountData) bool { return d.Pos <= l.c.base.pos })
		}
		for _, d := range all[room.Room] {
			if a.rooms[room.RoomID], err = l.appendData(a.rooms[room.RoomID], d); err != nil {
				return err
			}
		}
	}
	l.answer.data = a
	l.answer.news = l.answer.news || len(a.global)+len(a.rooms) > 0
	return nil
}

func (l *slide) appendData(to []json.RawMessage, d store.AccountData) ([]json.RawMessage, error) {
	e := Events{Events: to}
	kind, err := l.r.Text(d.Type)
	if err == nil {
		err = e.add(kind, d.Content)
	}
	return e.Events, err
}

// isSent tells whether the connection was sent a room, or is now.
func (l *slide) isSent(ref store.RoomRef) bool {
	_, before := l.c.rooms[ref]
	_, now := l.next.rooms[ref]
	return before || now
}

// since tells from where on a room's streams are new to the client, and whether it is in a room that the connection was sent.
func (l *slide) sinceIn(room *slideRoom) (since int64, ok bool) {
	if room.Membership != store.Join || !l.isSent(room.Room) {
		return 0, false
	}
	if _, begins := l.firsts[room.Room]; begins {
		return 0, true
	}
	return l.c.base.pos, true
}

// receipts gives who has read what; of a room that begins, for the events that are shown, and the user's own.
//
// Source: MSC3960.
func (l *slide) receipts() error {
	l.answer.receipts = map[string]json.RawMessage{}
	for _, room := range l.entries {
		since, ok := l.sinceIn(room)
		if !ok || room.head.Receipt <= since {
			continue
		}
		from := store.OrdMin
		if first, begins := l.firsts[room.Room]; begins {
			from = first
		}
		content, err := l.sources.Ephemeral.ReceiptsFrom(l.r, room.Room, l.q.Session.User, since, l.upto, from)
		if err != nil {
			return err
		}
		if content == nil {
			continue
		}
		var e Events
		if err := e.add("m.receipt", content); err != nil {
			return err
		}
		l.answer.receipts[room.RoomID] = e.Events[0]
		l.answer.news = true
	}
	return nil
}

// typists gives who types.
//
// Source: MSC3961.
func (l *slide) typists() error {
	l.answer.typing = map[string]json.RawMessage{}
	service := l.sources.Ephemeral
	for _, room := range l.entries {
		since, ok := l.sinceIn(room)
		if !ok || service.ChangedAt(room.Room) <= l.c.base.typing && since > 0 {
			continue
		}
		users := service.Typing(room.Room)
		if len(users) == 0 && (since == 0 || service.ChangedAt(room.Room) == 0) {
			continue
		}
		var e Events
		if err := e.add("m.typing", map[string][]string{"user_ids": users}); err != nil {
			return err
		}
		l.answer.typing[room.RoomID] = e.Events[0]
		l.answer.news = true
	}
	return nil
}

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
		since, ok := l.sinceIn(room)
		if !ok || room.head.Timeline <= since || limit == 0 {
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
	in := l.section(room.Room, room.RoomID, room.Pos)
	view := in.view(around)
	if view.Relations, err = in.lens().Bundles([]store.Event{*root}); err != nil {
		return u, err
	}
	u.root = view.Render(root, clientevent.Standing{})
	return u, nil
}
