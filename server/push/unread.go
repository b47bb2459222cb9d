package push

import "beffroi/server/store"

// Unread is how much a user has not read.
type Unread struct {
	Highlights    int `json:"highlight_count"`
	Notifications int `json:"notification_count"`
}

// Counts is what a user has not read of a room. With threads, Room is of the main timeline, and each thread with something unread stands in Threads by
// its root's event id; else Room is of all together.
type Counts struct {
	Room    Unread
	Threads map[string]Unread // nil where they were not asked for
}

// Unread counts what notifies a user in a room after what they have read: the latest of their receipts, their own messages and their joining, for the
// main timeline and each thread. Each event counts as the user's rules stood when it came; a redacted one doesn't count.
//
// What the counts are made of: ARCHITECTURE.md, "What is derived instead of written". Spec: client-server API, "Receiving notifications".
//
// upto is the position up to which the reader is known to have everything. What only adds to what was counted before is counted from memory.
func (s *Service) Unread(r *store.Reader, room store.RoomRef, user store.Atom, upto int64, threads bool) (Counts, error) {
	if u, ok := s.recall(unreadKey{room, user}, upto); ok {
		c := newCounts(threads)
		c.Room = u
		return c, nil
	}
	h, ok, err := r.UnreadHead(room, user)
	if err != nil || !ok {
		return newCounts(threads), err
	}
	c, err := count(r, user, &h, threads)
	if err == nil && !h.Threads {
		s.tallies.put(unreadKey{room, user}, tally{pos: upto, ord: h.Head, unread: c.Room, mode: h.Mode}, 1)
	}
	return c, err
}

// unreadKey names what a user reads.
type unreadKey struct {
	room store.RoomRef
	user store.Atom
}

// tally is what a user had not read of a room, with nothing unread in threads, when everything up to a position was there.
type tally struct {
	pos, ord int64 // ord: the room's last place, which may have come after pos
	unread   Unread
	mode     store.Mode
}

// recall counts on from where a user's count was known; ok is false where that can't be done from memory.
func (s *Service) recall(of unreadKey, upto int64) (u Unread, ok bool) {
	t, ok := s.tallies.get(of, func(tally) int { return 1 })
	if !ok || t.pos > upto {
		return u, false
	}
	more, last, ok := s.db.Counted(of.room, of.user, t.pos, upto, t.ord)
	if !ok {
		return u, false
	}
	t.unread.add(store.Tally{Counted: more}, t.mode)
	t.pos, t.ord = upto, last
	s.tallies.put(of, t, 0)
	return t.unread, true
}

// UnreadRooms is Unread for all the rooms that the user is joined to.
func (s *Service) UnreadRooms(r *store.Reader, user store.Atom, threads bool) (map[store.RoomRef]Counts, error) {
	heads, err := r.UnreadHeads(user)
	all := make(map[store.RoomRef]Counts, len(heads))
	for i := range heads {
		if err == nil {
			all[heads[i].Room], err = count(r, user, &heads[i], threads)
		}
	}
	return all, err
}

func newCounts(threads bool) (c Counts) {
	if threads {
		c.Threads = map[string]Unread{}
	}
	return c
}

func count(r *store.Reader, user store.Atom, h *store.UnreadHead, threads bool) (Counts, error) {
	c, m := newCounts(threads), &moded{r: r, UnreadHead: h, user: user}
	var err error
	if c.Room, err = m.unread(&h.UnreadPart); err != nil || !h.Threads {
		return c, err
	}
	parts, ids, err := unreadThreads(r, user, h)
	for i := range parts {
		u, failed := m.unread(&parts[i])
		if failed != nil {
			return c, failed
		}
		switch {
		case !threads:
			c.Room.Notifications += u.Notifications
			c.Room.Highlights += u.Highlights
		case u != Unread{}:
			c.Threads[ids[parts[i].Thread]] = u
		}
	}
	return c, err
}

// unreadThreads reads what is unread in the threads of a room, and the event ids of their roots.
func unreadThreads(r *store.Reader, user store.Atom, h *store.UnreadHead) ([]store.UnreadPart, map[store.NID]string, error) {
	upto, ids, err := threadsRead(r, user, h)
	if err != nil {
		return nil, nil, err
	}
	read := make([][2]int64, 0, len(upto))
	for root, ord := range upto {
		read = append(read, [2]int64{int64(root), ord})
	}
	parts, err := r.UnreadInThreads(h.Room, user, read)
	return parts, ids, err
}

// moded counts by the modes that a user was in while the events came.
type moded struct {
	*store.UnreadHead
	r    *store.Reader
	user store.Atom
}

func (m *moded) unread(p *store.UnreadPart) (Unread, error) {
	u := Unread{Notifications: int(p.Notify), Highlights: int(p.Highlight)}
	if m.ModeOrd > p.Read+1 {
		return m.changed(u, p)
	}
	u.add(p.Tally, m.Mode)
	return u, nil
}

// add counts what came while the user was in a mode.
func (u *Unread) add(t store.Tally, mode store.Mode) {
	if mode&store.ModeQuiet == 0 {
		u.Notifications += int(t.Counted - t.Everybody)
	}
	if mode&store.ModeDeaf == 0 {
		u.Notifications += int(t.Everybody)
	}
	if mode&store.ModePlain == 0 {
		u.Highlights += int(t.Everybody)
	}
}

// changed counts where the mode changed among what is unread, which takes a change of the rules since it was read.
func (m *moded) changed(u Unread, p *store.UnreadPart) (Unread, error) {
	modes, err := m.r.ModesAfter(m.Room, m.user, p.Read)
	if err != nil {
		return u, err
	}
	from, mode := p.Read, store.Mode(0)
	for _, next := range append(modes, store.ModeChange{Ord: m.Head + 1}) {
		if upto := next.Ord - 1; upto > from {
			tally, err := m.r.TallyBetween(m.Room, p.Thread, from, upto)
			if err != nil {
				return u, err
			}
			u.add(tally, mode)
			from = upto
		}
		mode = next.Mode
	}
	return u, nil
}

// HasRead tells whether a user has read what stands at a place: by a receipt, or by having written after it. So has who is not in the room.
func (s *Service) HasRead(r *store.Reader, user store.Atom, p *store.Place) (bool, error) {
	h, in, err := r.UnreadHead(p.Room, user)
	switch {
	case err != nil:
		return false, err
	case !in || p.Ord <= h.Base:
		return true, nil
	case p.Thread == 0:
		return p.Ord <= h.Read, nil
	}
	read, _, err := threadsRead(r, user, &h)
	return p.Ord <= read[p.Thread], err
}

// threadsRead gives the places up to which threads are read in which something came after the base, and the event ids of their roots.
func threadsRead(r *store.Reader, user store.Atom, h *store.UnreadHead) (read map[store.NID]int64, ids map[store.NID]string, err error) {
	active, err := r.ActiveThreads(h.Room, user, h.Base, h.Head)
	if err != nil {
		return nil, nil, err
	}
	receipts, err := r.ReceiptsAfter(h.Room, user, h.Base)
	read, ids = make(map[store.NID]int64, len(active)), make(map[store.NID]string, len(active))
	for _, t := range active {
		read[t.Root], ids[t.Root] = max(h.Base, t.Own), t.RootID
		if ord, ok := receipts[t.RootID]; ok {
			read[t.Root] = max(read[t.Root], ord)
		}
	}
	return read, ids, err
}
