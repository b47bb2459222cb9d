package syncer

import (
	"encoding/json"
	"slices"

	"beffroi/server/push"
	"beffroi/server/store"
)

// perRoom are the extensions that tell something of each room.
type perRoom uint8

const (
	roomData perRoom = iota
	roomReceipts
	roomTyping
)

// withheldKey names what an extension did not tell of a room.
type withheldKey struct {
	what perRoom
	room store.RoomRef
}

// covers tells whether an extension is to tell of a room: of those in the windows of its lists, and those that it names. Where it restricts neither, that
// is every room that the connection was sent.
//
// Source: MSC3575, "Extensions".
func (e *Extension) covers(room *slideRoom, subscribed bool) bool {
	allLists, allRooms := everything(e.Lists), everything(e.Rooms)
	if allLists && allRooms {
		return true
	}
	if allRooms && subscribed || slices.Contains(e.Rooms, room.RoomID) {
		return true
	}
	return slices.ContainsFunc(room.lists, func(list string) bool { return allLists || slices.Contains(e.Lists, list) })
}

func everything(names []string) bool { return names == nil || len(names) > 0 && names[0] == "*" }

// isSent tells whether the connection was sent a room, or is now.
func (l *slide) isSent(ref store.RoomRef) bool {
	_, before := l.c.rooms[ref]
	_, now := l.next.rooms[ref]
	return before || now
}

// newSince tells from where on a room's streams are new to the client: from the beginning, where it begins with this answer.
func (l *slide) newSince(room *slideRoom) int64 {
	if _, begins := l.firsts[room.Room]; begins {
		return 0
	}
	return l.c.base.pos
}

// toldSince is newSince for an extension, which may not have told everything.
func (l *slide) toldSince(what perRoom, room *slideRoom) int64 {
	since := l.newSince(room)
	if held, withheld := l.c.withheld[withheldKey{what, room.Room}]; withheld {
		return min(since, held)
	}
	return since
}

// toTell gives the rooms of which an extension is to tell, where there may be something new, and since when. What it is not to tell now it tells when it is.
func (l *slide) toTell(what perRoom, x *Extension, news func(*slideRoom, int64) bool, tell func(*slideRoom, int64) error) error {
	for _, room := range l.entries {
		if room.Membership != store.Join && what != roomData || !l.isSent(room.Room) {
			continue
		}
		since, key := l.toldSince(what, room), withheldKey{what, room.Room}
		if !news(room, since) {
			continue
		}
		if !x.covers(room, l.q.Subscriptions[room.RoomID] != nil) {
			l.next.withheld[key] = since
			continue
		}
		if _, withheld := l.c.withheld[key]; withheld {
			l.next.told = append(l.next.told, key)
		}
		if err := tell(room, since); err != nil {
			return err
		}
	}
	return nil
}

// dataOf gives account data: global, and of the rooms that the connection was sent.
//
// Source: MSC3959.
func (l *slide) dataOf() error {
	l.answer.data = &dataAnswer{global: []json.RawMessage{}, rooms: map[string][]json.RawMessage{}}
	base := l.c.base.pos
	since := base
	for _, room := range l.entries {
		if l.isSent(room.Room) {
			since = min(since, l.toldSince(roomData, room))
		}
	}
	data, err := l.r.AccountDataSince(l.q.Session.User, since, l.upto)
	if err != nil {
		return err
	}
	if base == 0 && !slices.ContainsFunc(data, isPushRules) {
		data = append(data, store.AccountData{Type: store.AtomPushRules, Pos: l.upto})
	}
	ofRooms := map[store.RoomRef][]store.AccountData{}
	for _, d := range data {
		if d.Room != 0 {
			ofRooms[d.Room] = append(ofRooms[d.Room], d)
		} else if err := l.globalData(d, base); err != nil {
			return err
		}
	}
	return l.toTell(roomData, l.q.Extensions.AccountData,
		func(room *slideRoom, since int64) bool { return dataAfter(ofRooms[room.Room], since) > 0 },
		func(room *slideRoom, since int64) error {
			all := ofRooms[room.Room]
			return l.roomData(room, all[len(all)-dataAfter(all, since):])
		})
}

// dataAfter counts what was set after a position.
func dataAfter(data []store.AccountData, since int64) (n int) {
	for _, d := range data {
		if d.Pos > since {
			n++
		}
	}
	return n
}

func (l *slide) globalData(d store.AccountData, since int64) (err error) {
	if d.Pos <= since {
		return nil
	}
	if isPushRules(d) {
		if d.Content, err = push.Content(d.Content, l.q.Session.UserID); err != nil {
			return err
		}
	}
	l.answer.data.global, err = l.appendData(l.answer.data.global, d)
	l.answer.news = true
	return err
}

func (l *slide) roomData(room *slideRoom, data []store.AccountData) (err error) {
	to := l.answer.data.rooms
	for _, d := range data {
		if to[room.RoomID], err = l.appendData(to[room.RoomID], d); err != nil {
			return err
		}
	}
	l.answer.news = true
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

// receipts gives who has read what; of a room that begins, for the events that are shown, and the user's own.
//
// Source: MSC3960.
func (l *slide) receipts() error {
	l.answer.receipts = map[string]json.RawMessage{}
	return l.toTell(roomReceipts, l.q.Extensions.Receipts,
		func(room *slideRoom, since int64) bool { return room.head.Receipt > since }, l.receiptsOf)
}

func (l *slide) receiptsOf(room *slideRoom, since int64) error {
	from := store.OrdMin
	if first, begins := l.firsts[room.Room]; begins {
		from = first
	}
	content, err := l.sources.Ephemeral.ReceiptsFrom(l.r, room.Room, l.q.Session.User, since, l.upto, from)
	if err != nil || content == nil {
		return err
	}
	return l.ephemeral(l.answer.receipts, room, "m.receipt", content)
}

// typists gives who types: that nobody does any more where somebody did.
//
// Source: MSC3961.
func (l *slide) typists() error {
	l.answer.typing = map[string]json.RawMessage{}
	service := l.sources.Ephemeral
	return l.toTell(roomTyping, l.q.Extensions.Typing,
		func(room *slideRoom, since int64) bool {
			if since == 0 {
				return len(service.Typing(room.Room)) > 0
			}
			_, withheld := l.c.withheld[withheldKey{roomTyping, room.Room}]
			return withheld || service.ChangedAt(room.Room) > l.c.base.typing
		},
		func(room *slideRoom, _ int64) error {
			return l.ephemeral(l.answer.typing, room, "m.typing", map[string][]string{"user_ids": service.Typing(room.Room)})
		})
}

func (l *slide) ephemeral(to map[string]json.RawMessage, room *slideRoom, eventType string, content any) error {
	var e Events
	if err := e.add(eventType, content); err != nil {
		return err
	}
	to[room.RoomID] = e.Events[0]
	l.answer.news = true
	return nil
}
