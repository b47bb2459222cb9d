package search

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"beffroi/server/accounts"
	"beffroi/server/clientevent"
	"beffroi/server/eventfilter"
	"beffroi/server/store"
)

// Key is what results can be grouped by.
type Key string

// The groupings of the specification.
const (
	ByRoom   Key = "room_id"
	BySender Key = "sender"
)

// How many events of the index one window takes, and how many windows one request looks at until it has something to show.
const (
	windowSize = 1000
	maxWindows = 5
)

// Viewer tells what the user may see in a room: the room core's.
type Viewer interface {
	SeesEvent(e *store.Event) (bool, error)
}

// Request is a search by a user.
type Request struct {
	User    store.Atom
	Term    string
	Columns []string // of Columns; none: all
	Filter  *eventfilter.RoomEvents
	Recent  bool // the latest first, else those that fit best
	Limit   int
	Next    string // the token of an earlier answer
	GroupBy []Key

	// Look opens a room: ok is false where the user may not look into it.
	Look func(room store.RoomRef) (v Viewer, ok bool, err error)
	// Related tells which of some events of a room pass the part of the filter that concerns what relates to them. It is asked where there is such a part.
	Related func(room store.RoomRef, events []store.Event) (map[store.NID]bool, error)
}

// Column gives the column of the index that holds a key of the specification, "" where there is none.
func Column(key string) string {
	switch key {
	case "content.body":
		return "body"
	case "content.name":
		return "name"
	case "content.topic":
		return "topic"
	}
	return ""
}

// Found is a page of results.
type Found struct {
	Results    []Result
	Count      int      // of all results that were looked at
	Highlights []string // the words of the results, as they stand there
	Next       string   // "": there are no more; a full page has one, also where nothing follows, as clients know it of Synapse
	Groups     map[Key][]Group
}

// Result is an event that was found.
type Result struct {
	store.Event
	Rank float64
}

// Group is a part of a page's results.
type Group struct {
	Member  int64 // the room or the sender
	Results []store.NID
	Next    string // "": there are no more in this group
}

// search is a request while it is answered.
type search struct {
	*Request
	r       *store.Reader
	query   query
	match   string
	rooms   map[store.RoomRef]bool
	views   map[store.RoomRef]Viewer // nil: may not be looked into
	ignored map[store.Atom]bool
	at      place
}

// candidate is a result with what it is sorted by.
type candidate struct {
	Result
	hit   store.NID // in the index: the event itself or its last edit
	edit  bool
	score float64
	text  []Word
}

// Find answers a search, from one snapshot.
func Find(r *store.Reader, q *Request) (*Found, error) {
	s := &search{Request: q, r: r, query: parseQuery(q.Term), views: map[store.RoomRef]Viewer{}}
	if ok, err := s.prepare(); err != nil || !ok {
		return &Found{Highlights: s.query.words()}, err
	}
	for window := 1; ; window++ {
		all, err := s.window()
		if err != nil {
			return nil, err
		}
		rest := s.after(all)
		if len(rest) == 0 && s.at.lower > 0 && window < maxWindows {
			s.older(len(all))
			continue
		}
		return s.page(all, rest)
	}
}

// prepare reads where to search; ok is false where nothing can be found.
func (s *search) prepare() (ok bool, err error) {
	s.at = place{upper: math.MaxInt64, lower: -1, score: math.NaN()}
	if s.Next != "" {
		if s.at, err = parsePlace(s.Next); err != nil {
			return false, err
		}
	}
	if len(s.query.phrases) == 0 {
		return false, nil
	}
	if s.rooms, err = roomsOf(s.r, s.User, s.Filter); err != nil {
		return false, err
	}
	if s.at.group == ByRoom {
		room := store.RoomRef(s.at.member)
		s.rooms = map[store.RoomRef]bool{room: s.rooms[room]}
	}
	if s.ignored, err = accounts.Ignored(s.r, s.User); err != nil {
		return false, err
	}
	if len(s.Columns) == 0 {
		s.Columns = []string{"body", "name", "topic"}
	}
	s.match = s.query.match(s.Columns)
	if err := s.tagSenders(); err != nil {
		return false, err
	}
	return len(s.rooms) > 0, s.tagRooms()
}

// tagRooms names the rooms to the index, where the words are frequent: the lists of all that the rooms hold cost more than a few hits elsewhere.
func (s *search) tagRooms() error {
	if len(s.rooms) > maxTags {
		return nil
	}
	if n, err := s.r.CountHits(s.match, frequent); err != nil || n < frequent {
		return err
	}
	var tags []string
	for room := range s.rooms {
		tags = append(tags, store.RoomTag(room))
	}
	if len(tags) > 0 {
		s.match = tagged(s.match, tags)
	}
	return nil
}

func (s *search) tagSenders() error {
	var tags []string
	if s.at.group == BySender {
		tags = append(tags, store.SenderTag(store.Atom(s.at.member)))
	} else if n := len(s.Filter.Senders); n > 0 && n <= maxTags {
		for _, id := range s.Filter.Senders {
			sender, err := s.r.FindAtom(id)
			if err != nil {
				return err
			}
			tags = append(tags, store.SenderTag(sender))
		}
	}
	if len(tags) > 0 {
		s.match = tagged(s.match, tags)
	}
	return nil
}

// window reads the results of the window, sorted.
func (s *search) window() ([]candidate, error) {
	hits, err := s.r.Hits(s.match, slices.Collect(maps.Keys(s.rooms)), max(s.at.lower, 0), s.at.upper, windowSize)
	if err != nil {
		return nil, err
	}
	if s.at.lower < 0 {
		if s.at.lower = 0; len(hits) == windowSize {
			s.at.lower = hits[len(hits)-1].NID
		}
		if len(hits) > 0 {
			s.at.upper = hits[0].NID // what comes while somebody turns the pages is not for them
		}
	}
	var all []candidate
	for i := range hits {
		c, ok, err := s.candidate(&hits[i])
		if err != nil {
			return nil, err
		}
		if ok {
			all = append(all, c)
		}
	}
	if all, err = s.sift(all); err != nil {
		return nil, err
	}
	return all, s.sort(all)
}

// candidate decides whether a hit is shown, and as which event: an edit is shown as the message that it edits, where that may be seen.
func (s *search) candidate(h *store.Hit) (c candidate, ok bool, err error) {
	sees, err := s.sees(&h.Event)
	if err != nil || !sees {
		return c, false, err
	}
	c = candidate{Result: Result{Event: h.Event}, hit: h.NID, edit: h.Edits != ""}
	if h.Edits != "" {
		e, known, err := s.r.EventByID(h.Edits)
		if err != nil || !known || e.RedactedBy != 0 {
			return c, false, err
		}
		if sees, err = s.sees(&e); err != nil {
			return c, false, err
		}
		if sees {
			c.Event = e
		}
	}
	eventType, err := s.r.Text(c.Type)
	if err != nil {
		return c, false, err
	}
	sender, err := s.r.Text(c.Sender)
	return c, s.Filter.Match(eventType, sender), err
}

// sees tells whether the user may see an event and wants to.
func (s *search) sees(e *store.Event) (bool, error) {
	if !s.rooms[e.Room] || s.ignored[e.Sender] && e.StateKey == 0 {
		return false, nil
	}
	v, known := s.views[e.Room]
	if !known {
		var err error
		if v, err = s.open(e.Room); err != nil {
			return false, err
		}
		s.views[e.Room] = v
	}
	if v == nil {
		return false, nil
	}
	return v.SeesEvent(e)
}

// open gives nil for a room that is not searched: one that may not be looked into, or that is encrypted.
func (s *search) open(room store.RoomRef) (Viewer, error) {
	_, encrypted, err := s.r.CurrentEvent(room, store.AtomEncryption, store.AtomEmpty)
	if err != nil || encrypted {
		return nil, err
	}
	v, ok, err := s.Look(room)
	if err != nil || !ok {
		return nil, err
	}
	return v, nil
}

// sift asks the parts of the filter that need more than the event's row.
func (s *search) sift(all []candidate) ([]candidate, error) {
	if s.Filter.ContainsURL != nil {
		if err := s.load(all); err != nil {
			return nil, err
		}
		all = slices.DeleteFunc(all, func(c candidate) bool { return !s.Filter.MatchContent(clientevent.Content(&c.Event)) })
	}
	if !s.Filter.Related() {
		return all, nil
	}
	byRoom, passed := map[store.RoomRef][]store.Event{}, map[store.NID]bool{}
	for i := range all {
		byRoom[all[i].Room] = append(byRoom[all[i].Room], all[i].Event)
	}
	for room, events := range byRoom {
		some, err := s.Related(room, events)
		if err != nil {
			return nil, err
		}
		for nid := range some {
			passed[nid] = true
		}
	}
	return slices.DeleteFunc(all, func(c candidate) bool { return !passed[c.NID] }), nil
}

// sort puts the candidates into the order of the request. Equals stand in the order of arrival, the latest first.
func (s *search) sort(all []candidate) error {
	if s.Recent {
		for i := range all {
			all[i].score = float64(all[i].TS)
		}
	} else if err := s.rankAll(all, nil); err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(b.hit, a.hit))
	})
	return nil
}

// rankAll ranks candidates by their texts.
func (s *search) rankAll(all []candidate, found map[string]bool) error {
	if err := s.load(all); err != nil {
		return err
	}
	for i := range all {
		c := &all[i]
		c.Rank = s.query.rank(c.text, found)
		if !s.Recent {
			c.score = c.Rank
		}
	}
	return nil
}

// load reads the events of candidates whole, with their texts.
func (s *search) load(all []candidate) error {
	var nids []store.NID
	for i := range all {
		if all[i].text == nil {
			nids = append(nids, all[i].hit)
		}
	}
	events, err := s.r.EventsByNID(nids)
	if err != nil {
		return err
	}
	byNID := make(map[store.NID]*store.Event, len(events))
	for i := range events {
		byNID[events[i].NID] = &events[i]
	}
	for i := range all {
		c := &all[i]
		e := byNID[c.hit]
		if e == nil || c.text != nil {
			continue
		}
		c.text = Words(searched(e, c.edit))
		if c.NID == c.hit {
			c.Event = *e
		}
	}
	return nil
}

// after gives what of the window was not shown yet.
func (s *search) after(all []candidate) []candidate {
	i := slices.IndexFunc(all, func(c candidate) bool {
		return !(c.score > s.at.score) && !(c.score == s.at.score && c.hit >= s.at.nid)
	})
	if i < 0 {
		return nil
	}
	return all[i:]
}

// older moves to the next window.
func (s *search) older(count int) {
	s.at.upper, s.at.lower, s.at.score, s.at.nid = s.at.lower-1, -1, math.NaN(), 0
	s.at.count += int64(count)
}

// page shows the first results of the rest of the window.
func (s *search) page(all, rest []candidate) (*Found, error) {
	shown := rest[:min(s.Limit, len(rest))]
	words := map[string]bool{}
	if err := s.rankAll(shown, words); err != nil {
		return nil, err
	}
	f := &Found{Count: int(s.at.count) + len(all), Highlights: s.highlights(words)}
	for i := range shown {
		f.Results = append(f.Results, shown[i].Result)
	}
	more := func(p place, rest []candidate, last []candidate, full bool) string {
		if len(rest) == 0 && s.at.lower == 0 && !full {
			return ""
		}
		if len(last) > 0 {
			c := &last[len(last)-1]
			p.score, p.nid = c.score, c.hit
		}
		return p.String()
	}
	f.Next = more(s.at, rest[len(shown):], shown, len(shown) > 0 && len(shown) == s.Limit)
	f.Groups = map[Key][]Group{}
	for _, key := range s.GroupBy {
		f.Groups[key] = s.groups(key, shown, rest[len(shown):], more)
	}
	return f, nil
}

func (s *search) groups(key Key, shown, rest []candidate, more func(place, []candidate, []candidate, bool) string) (groups []Group) {
	index := map[int64]int{}
	parts := [][]candidate{}
	for _, c := range shown {
		m := key.of(&c)
		i, ok := index[m]
		if !ok {
			i = len(groups)
			index[m] = i
			groups, parts = append(groups, Group{Member: m}), append(parts, nil)
		}
		groups[i].Results, parts[i] = append(groups[i].Results, c.NID), append(parts[i], c)
	}
	for i := range groups {
		p := s.at
		if p.group != "" && p.group != key {
			continue // a group within a group has no pages of its own
		}
		p.group, p.member = key, groups[i].Member
		left := slices.DeleteFunc(slices.Clone(rest), func(c candidate) bool { return key.of(&c) != groups[i].Member })
		groups[i].Next = more(p, left, parts[i], false)
	}
	return groups
}

func (k Key) of(c *candidate) int64 {
	if k == ByRoom {
		return int64(c.Room)
	}
	return int64(c.Sender)
}

// maxHighlights is how many words are named to be highlighted.
const maxHighlights = 100

func (s *search) highlights(found map[string]bool) []string {
	if len(found) == 0 {
		return s.query.words()
	}
	words := make([]string, 0, len(found))
	for w := range found {
		words = append(words, w)
	}
	slices.Sort(words)
	return words[:min(len(words), maxHighlights)]
}
