package push

import (
	"slices"

	"beffroi/server/pdu"
	"beffroi/server/store"
)

// Bounds of what a count looks at.
const (
	unreadEvents = 200    // the last unread events, which are held against the user's own rules
	ownEvents    = 10_000 // places back in which one's own last message is looked for

	// Bytes of patterns times bytes of events: a second at the very most, whatever patterns a user writes.
	patternWork = 16 << 20
)

// Unread is how much a user has not read.
type Unread struct {
	Highlights    int `json:"highlight_count"`
	Notifications int `json:"notification_count"`
}

// Unread counts what notifies a user in a room after what they have read: the latest of their receipts and of their own
// messages. With threads, the count is that of the main timeline, and each thread with unread events has its own, by its root's
// event id; else it is of all together.
//
// Notifications are counted by the default rules, from the timeline's running counts; the user's own rules, redactions and mentions correct that for
// the last 200 unread events, fewer where very many patterns meet very long events. Threads are those of the 200 roots that came last. Spec: client-server API, "Receiving notifications".
func (s *Service) Unread(r *store.Reader, room store.RoomRef, user store.Atom, threads bool) (Unread, map[string]Unread, error) {
	c := &count{Reader: r, room: room, user: user}
	parts, err := c.run()
	if err != nil {
		return Unread{}, nil, err
	}
	var whole Unread
	byThread := map[string]Unread{}
	for _, p := range parts {
		switch {
		case p.root == 0 || !threads:
			whole.Highlights += p.Highlights
			whole.Notifications += p.Notifications
		case p.Unread != Unread{}:
			byThread[p.rootID] = p.Unread
		}
	}
	if !threads {
		return whole, nil, nil
	}
	return whole, byThread, nil
}

// count is the work of one Unread.
type count struct {
	*store.Reader
	room store.RoomRef
	user store.Atom

	head     store.Place
	receipts map[string]int64 // by thread, "": unthreaded; the later of public and private
	joined   int64            // the place where the user last joined the room
}

// part is the main timeline or a thread.
type part struct {
	root   store.NID // 0: the main timeline
	rootID string
	read   int64 // up to which place the user has read it
	last   int64 // its last place
	Unread
}

func (c *count) run() ([]part, error) {
	var ok bool
	var err error
	if c.head, ok, err = c.LastPlace(c.room); err != nil || !ok {
		return nil, err
	}
	if err := c.readReceipts(); err != nil {
		return nil, err
	}
	if err := c.readJoined(); err != nil {
		return nil, err
	}
	parts, err := c.parts()
	if err != nil {
		return nil, err
	}
	return parts, c.correct(parts)
}

func (c *count) readReceipts() error {
	all, err := c.ReceiptsFor(c.room, c.user)
	c.receipts = map[string]int64{}
	for _, r := range all {
		c.receipts[r.Thread] = max(c.receipts[r.Thread], r.Ord)
	}
	return err
}

// parts counts by the default rules.
func (c *count) parts() ([]part, error) {
	main := part{last: c.head.Ord}
	var err error
	if main.read, err = c.readUpTo(store.MainThread, 0); err != nil {
		return nil, err
	}
	at, _, err := c.PlaceAt(c.room, main.read)
	if err != nil {
		return nil, err
	}
	main.Notifications = int(c.head.NotifyMain - at.NotifyMain)
	parts := []part{main}
	whole, _, err := c.PlaceAt(c.room, c.receipts[""])
	if err != nil || c.head.Notify-c.head.NotifyMain == whole.Notify-whole.NotifyMain {
		return parts, err // nothing in threads since
	}
	roots, err := c.ThreadRoots(c.room)
	if err != nil {
		return nil, err
	}
	for _, root := range roots {
		p, err := c.thread(root)
		if err != nil {
			return nil, err
		}
		if p.last > p.read {
			parts = append(parts, p)
		}
	}
	return parts, nil
}

func (c *count) thread(root store.NID) (p part, err error) {
	p.root = root
	last, _, err := c.LastInThread(c.room, root)
	if err != nil {
		return p, err
	}
	p.last = last.Ord
	if p.last <= c.receipts[""] {
		p.read = c.receipts[""]
		return p, nil
	}
	e, _, err := c.Event(root)
	if err != nil {
		return p, err
	}
	p.rootID = e.ID
	if p.read, err = c.readUpTo(p.rootID, root); err != nil {
		return p, err
	}
	at, _, err := c.PlaceInThread(c.room, root, p.read)
	p.Notifications = int(last.NotifyThread - at.NotifyThread)
	return p, err
}

// readUpTo is the place up to which the user has read a thread or the main timeline: by receipts, by joining, by what they wrote.
func (c *count) readUpTo(thread string, root store.NID) (int64, error) {
	read := max(c.joined, c.receipts[""], c.receipts[thread])
	own, wrote, err := c.LastOwn(c.room, c.user, root, max(read, c.head.Ord-ownEvents))
	if wrote {
		read = own
	}
	return read, err
}

// readJoined finds where the user last joined the room. Changes of a name or avatar after it are of the same type of event and don't count.
func (c *count) readJoined() error {
	changes, err := c.StateChanges(c.room, store.AtomMember, c.user)
	if err != nil {
		return err
	}
	for _, change := range slices.Backward(changes) {
		e, _, err := c.Event(change.New)
		if err != nil {
			return err
		}
		if membership, _ := pdu.StoredObject(e.JSON).Object("content").Text("membership"); membership != "join" {
			break
		}
		c.joined = e.Ord
	}
	return nil
}

// correct holds the last unread events against the user's own rules.
func (c *count) correct(parts []part) error {
	data, err := c.AccountData(c.user, 0, store.AtomPushRules)
	if err != nil {
		return err
	}
	own, err := parseChanges(data.Content)
	if err != nil {
		return err
	}
	from, unsure := c.head.Ord, false
	for _, p := range parts {
		if p.Notifications > 0 || !own.none() {
			from, unsure = min(from, p.read), true
		}
	}
	if !unsure || from == c.head.Ord {
		return nil
	}
	since := c.OthersSince
	if own.none() {
		since = c.SpecialSince
	}
	events, err := since(c.room, c.user, from, unreadEvents)
	if err != nil || len(events) == 0 {
		return err
	}
	userID, err := c.Text(c.user)
	if err != nil {
		return err
	}
	rules := own.expand(userID)
	return c.hold(parts, events, compile(&rules), own)
}

func (c *count) hold(parts []part, events []store.CountedEvent, rules matchers, own *changes) error {
	in := &storedRoom{Reader: c.Reader, room: c.room, user: c.user}
	weight, work := own.weight(), 0
	for i := range events {
		e := &events[i]
		p := partOf(parts, e)
		if p == nil {
			continue
		}
		if work += weight * len(e.JSON); work > patternWork {
			break
		}
		if err := p.judge(e, rules, in); err != nil {
			return err
		}
	}
	return in.err
}

// partOf finds where an event is unread, nil where it isn't.
func partOf(parts []part, e *store.CountedEvent) *part {
	for i := range parts {
		if p := &parts[i]; p.root == e.Thread && e.Ord > p.read {
			return p
		}
	}
	return nil
}

func (p *part) judge(row *store.CountedEvent, rules matchers, in *storedRoom) error {
	e, err := in.event(&row.Event)
	if err != nil {
		return err
	}
	if row.Counted {
		p.Notifications--
	}
	if row.RedactedBy != 0 {
		return nil // what was taken back is nothing to read
	}
	does := rules.match(e, in)
	if does.notify {
		p.Notifications++
	}
	if does.highlight {
		p.Highlights++
	}
	return nil
}
