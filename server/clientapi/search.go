package clientapi

import (
	"encoding/json"
	"slices"

	"beffroi/server/eventfilter"
	"beffroi/server/limits"
	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/rooms"
	"beffroi/server/search"
	"beffroi/server/store"
)

// Spec: client-server API, "Server Side Search".
func (a *API) searchRoutes() []route {
	return []route{{Method: "POST", Path: "/_matrix/client/v3/search", Handle: a.search, Suspended: true, Class: limits.Search}}
}

// What a search shows where it does not say, and at most.
const (
	searchLimit     = 10
	maxSearchLimit  = 100
	searchContext   = 5
	maxSearchAround = 50
	maxGroupings    = 2
)

// roomSearch is what a client asks for.
type roomSearch struct {
	Term    *string         `json:"search_term"`
	Keys    []string        `json:"keys"`
	Filter  json.RawMessage `json:"filter"`
	OrderBy string          `json:"order_by"`
	State   bool            `json:"include_state"`
	Context *struct {
		Before  *int `json:"before_limit"`
		After   *int `json:"after_limit"`
		Profile bool `json:"include_profile"`
	} `json:"event_context"`
	Groupings struct {
		By []struct {
			Key string `json:"key"`
		} `json:"group_by"`
	} `json:"groupings"`
}

// roomFound is what is found.
type roomFound struct {
	Count      int                               `json:"count"`
	Highlights []string                          `json:"highlights"`
	Results    []searchResult                    `json:"results"`
	State      map[string][]json.RawMessage      `json:"state,omitempty"`
	Groups     map[string]map[string]searchGroup `json:"groups,omitempty"`
	Next       string                            `json:"next_batch,omitempty"`
}

type searchResult struct {
	Rank    float64         `json:"rank"`
	Result  json.RawMessage `json:"result"`
	Context *searchAround   `json:"context,omitempty"`
}

type searchAround struct {
	Start    string                     `json:"start"`
	End      string                     `json:"end"`
	Before   []json.RawMessage          `json:"events_before"`
	After    []json.RawMessage          `json:"events_after"`
	Profiles map[string]json.RawMessage `json:"profile_info,omitempty"`
}

type searchGroup struct {
	Order   int      `json:"order"`
	Results []string `json:"results"`
	Next    string   `json:"next_batch,omitempty"`
}

func (a *API) search(r *request) (any, error) {
	var q struct {
		Categories *struct {
			RoomEvents *roomSearch `json:"room_events"`
		} `json:"search_categories"`
	}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	if q.Categories == nil {
		return nil, merr.MissingParam("search_categories is missing")
	}
	var answer struct {
		Categories struct {
			RoomEvents *roomFound `json:"room_events,omitempty"`
		} `json:"search_categories"`
	}
	if q.Categories.RoomEvents == nil {
		return answer, nil
	}
	a.Index.Reach(r.Context())
	err := a.DB.Read(r.Context(), func(rd *store.Reader) (err error) {
		answer.Categories.RoomEvents, err = a.searchRooms(r, rd, q.Categories.RoomEvents)
		return err
	})
	return answer, err
}

// searching is a search with the rooms that it has looked into.
type searching struct {
	api   *API
	r     *request
	rd    *store.Reader
	want  *roomSearch
	query search.Request
	looks map[store.RoomRef]*paging
}

func (a *API) searchRooms(r *request, rd *store.Reader, want *roomSearch) (*roomFound, error) {
	s := &searching{api: a, r: r, rd: rd, want: want, looks: map[store.RoomRef]*paging{}}
	if err := s.read(); err != nil {
		return nil, err
	}
	found, err := search.Find(rd, &s.query)
	if err != nil {
		return nil, err
	}
	return s.answer(found)
}

// read makes a query of what the client asks for.
func (s *searching) read() (err error) {
	q := &s.query
	if s.want.Term == nil {
		return merr.MissingParam("search_term is missing")
	}
	q.User, q.Term, q.Next = s.r.Session.User, *s.want.Term, s.r.URL.Query().Get("next_batch")
	q.Look, q.Related = s.look, s.related
	switch s.want.OrderBy {
	case "recent":
		q.Recent = true
	case "", "rank":
	default:
		return merr.InvalidParam("order_by is recent or rank")
	}
	for _, key := range s.want.Keys {
		column := search.Column(key)
		if column == "" {
			return merr.InvalidParam("%q can't be searched", key)
		}
		q.Columns = append(q.Columns, column)
	}
	q.Filter = &eventfilter.RoomEvents{}
	if s.want.Filter != nil {
		if q.Filter, err = eventfilter.ParseRoomEvents(s.want.Filter); err != nil {
			return err
		}
	}
	q.Limit = min(q.Filter.Limited(searchLimit), maxSearchLimit)
	return s.readGroups()
}

func (s *searching) readGroups() error {
	for _, by := range s.want.Groupings.By {
		key := search.Key(by.Key)
		if key != search.ByRoom && key != search.BySender {
			return merr.InvalidParam("Results can be grouped by room_id and by sender")
		}
		if !slices.Contains(s.query.GroupBy, key) && len(s.query.GroupBy) < maxGroupings {
			s.query.GroupBy = append(s.query.GroupBy, key)
		}
	}
	return nil
}

// look opens a room that the user has been in.
func (s *searching) look(ref store.RoomRef) (search.Viewer, bool, error) {
	room, ok, err := s.rd.Room(ref)
	if err != nil || !ok {
		return nil, false, err
	}
	room, v, err := rooms.Look(s.rd, room.ID, s.query.User)
	if err != nil {
		if merr.Is(err, "M_FORBIDDEN") || merr.Is(err, "M_NOT_FOUND") {
			err = nil
		}
		return nil, false, err
	}
	epoch, err := s.rd.MetaInt(store.MetaEpoch)
	s.looks[ref] = &paging{api: s.api, r: s.r, rd: s.rd, room: room, viewer: v, filter: &eventfilter.RoomEvents{}, epoch: epoch}
	return unveiled{v}, true, err
}

// unveiled does not see what is shown redacted: it is not found by its words.
type unveiled struct{ *rooms.Viewer }

// SeesEvent implements search.Viewer.
func (u unveiled) SeesEvent(e *store.Event) (bool, error) {
	if veiled, err := u.Veiled(e); veiled || err != nil {
		return false, err
	}
	return u.Viewer.SeesEvent(e)
}

func (s *searching) related(ref store.RoomRef, events []store.Event) (map[store.NID]bool, error) {
	return s.looks[ref].lens().Filtered(s.query.Filter, events)
}

func (s *searching) answer(f *search.Found) (*roomFound, error) {
	out := &roomFound{Count: f.Count, Highlights: f.Highlights, Results: []searchResult{}, Next: f.Next}
	if out.Highlights == nil {
		out.Highlights = []string{}
	}
	ids := map[store.NID]string{}
	for i := range f.Results {
		result, err := s.result(&f.Results[i])
		if err != nil {
			return nil, err
		}
		ids[f.Results[i].NID] = f.Results[i].ID
		out.Results = append(out.Results, result)
	}
	var err error
	if out.Groups, err = s.groups(f, ids); err != nil || !s.want.State {
		return out, err
	}
	out.State, err = s.state(f)
	return out, err
}

// result shows an event that was found, with what stands around it where the client wants that.
func (s *searching) result(found *search.Result) (searchResult, error) {
	p := s.looks[found.Room]
	membership, err := p.viewer.StandingAt(&found.Event)
	if err != nil {
		return searchResult{}, err
	}
	seen, out := rooms.Seen{Event: found.Event, Membership: membership}, searchResult{Rank: found.Rank}
	var before, after []rooms.Seen
	if s.want.Context != nil {
		if before, after, out.Context, err = s.around(p, seen); err != nil {
			return out, err
		}
	}
	all := slices.Concat(before, []rooms.Seen{seen}, after)
	shown, err := p.render(all)
	if err != nil {
		return out, err
	}
	n := len(before)
	out.Result = shown[n]
	if out.Context == nil {
		return out, nil
	}
	out.Context.Before, out.Context.After = shown[:n:n], shown[n+1:]
	if s.want.Context.Profile {
		out.Context.Profiles, err = s.profiles(all)
	}
	return out, err
}

// around reads what the user may see around a result.
func (s *searching) around(p *paging, e rooms.Seen) (before, after []rooms.Seen, c *searchAround, err error) {
	limits := [2]int{searchContext, searchContext}
	for i, asked := range []*int{s.want.Context.Before, s.want.Context.After} {
		if asked == nil {
			continue
		}
		if *asked < 0 {
			return nil, nil, nil, merr.InvalidParam("before_limit and after_limit are not negative")
		}
		limits[i] = min(*asked, maxSearchAround)
	}
	b, err := p.around(limits[0], rooms.PageQuery{From: e.Ord - 1, To: store.OrdMin, Backward: true})
	if err != nil {
		return nil, nil, nil, err
	}
	f, err := p.around(limits[1], rooms.PageQuery{From: e.Ord, To: store.OrdMax})
	if err != nil {
		return nil, nil, nil, err
	}
	return b.Events, f.Events, &searchAround{Start: p.token(b.End), End: p.token(f.End)}, nil
}

// profiles gives what the senders of some events were called then: as their memberships said at the last of their events.
func (s *searching) profiles(events []rooms.Seen) (map[string]json.RawMessage, error) {
	out := map[string]json.RawMessage{}
	for i := range events {
		sender, err := s.rd.Text(events[i].Sender)
		if err != nil {
			return nil, err
		}
		if out[sender], err = s.profile(&events[i].Event); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *searching) profile(e *store.Event) (json.RawMessage, error) {
	profile := map[string]string{}
	nid, err := s.rd.GroupEntry(e.State, store.AtomMember, e.Sender)
	if err != nil {
		return nil, err
	}
	if nid != 0 {
		member, _, err := s.rd.Event(nid)
		if err != nil {
			return nil, err
		}
		content := pdu.StoredObject(member.JSON).Object("content")
		for _, field := range []string{"displayname", "avatar_url"} {
			if text, ok := content.Text(field); ok {
				profile[field] = text
			}
		}
	}
	return json.Marshal(profile)
}

func (s *searching) groups(f *search.Found, ids map[store.NID]string) (map[string]map[string]searchGroup, error) {
	out := map[string]map[string]searchGroup{}
	for key, groups := range f.Groups {
		members := map[string]searchGroup{}
		for i, g := range groups {
			name, err := s.groupName(key, g.Member)
			if err != nil {
				return nil, err
			}
			group := searchGroup{Order: i + 1, Next: g.Next}
			for _, nid := range g.Results {
				group.Results = append(group.Results, ids[nid])
			}
			members[name] = group
		}
		out[string(key)] = members
	}
	return out, nil
}

func (s *searching) groupName(key search.Key, member int64) (string, error) {
	if key == search.ByRoom {
		return s.looks[store.RoomRef(member)].room.ID, nil
	}
	return s.rd.Text(store.Atom(member))
}

// state gives the state of the rooms of the results: the current one, or for who has left the one that they left.
func (s *searching) state(f *search.Found) (map[string][]json.RawMessage, error) {
	out := map[string][]json.RawMessage{}
	for i := range f.Results {
		p := s.looks[f.Results[i].Room]
		if out[p.room.ID] != nil {
			continue
		}
		events, err := rooms.State(s.rd, p.room, p.viewer)
		if err != nil {
			return nil, err
		}
		if out[p.room.ID], err = s.api.renderState(s.rd, s.r, p.room, p.viewer, events); err != nil {
			return nil, err
		}
	}
	return out, nil
}
