package clientapi

import (
	"encoding/json"
	"slices"
	"strconv"

	"beffroi/server/clientevent"
	"beffroi/server/eventfilter"
	"beffroi/server/merr"
	"beffroi/server/rooms"
	"beffroi/server/store"
	"beffroi/server/synctoken"
)

// Spec: client-server API, "Getting events for a room" and "Event context".
func (a *API) messageRoutes() []route {
	return []route{
		{Method: "GET", Path: "/_matrix/client/v3/rooms/{roomId}/messages", Handle: a.messages},
		{Method: "GET", Path: "/_matrix/client/v3/rooms/{roomId}/event/{eventId}", Handle: a.event},
		{Method: "GET", Path: "/_matrix/client/v3/rooms/{roomId}/context/{eventId}", Handle: a.context},
	}
}

const (
	pageLimit    = 10
	contextLimit = 10
)

// paging is what a request that shows a stretch of timeline needs.
type paging struct {
	api    *API
	r      *request
	rd     *store.Reader
	room   store.Room
	viewer *rooms.Viewer
	filter *eventfilter.RoomEvents
	epoch  int64

	related map[store.NID]bool // which events pass a filter of what relates to them
}

func (a *API) paging(r *request, rd *store.Reader, room store.Room, v *rooms.Viewer) (*paging, error) {
	p := &paging{api: a, r: r, rd: rd, room: room, viewer: v, filter: &eventfilter.RoomEvents{}}
	if raw := r.URL.Query().Get("filter"); raw != "" {
		f, err := eventfilter.ParseRoomEvents([]byte(raw))
		if err != nil {
			return nil, err
		}
		p.filter = f
	}
	epoch, err := rd.MetaInt(store.MetaEpoch)
	p.epoch = epoch
	return p, err
}

func (p *paging) token(ord int64) string {
	return synctoken.Place{Epoch: p.epoch, Ord: ord}.String()
}

// matching makes a query look for what passes the filter.
func (p *paging) matching(q *rooms.PageQuery) {
	q.Match = p.match
	if p.filter.Related() {
		q.Batch = func(events []store.Event) (err error) {
			p.related, err = p.lens().Filtered(p.filter, events)
			return err
		}
	}
}

func (p *paging) match(e *store.Event) (bool, error) {
	if p.filter.Related() && !p.related[e.NID] {
		return false, nil
	}
	if p.filter.All() {
		return true, nil
	}
	eventType, err := p.rd.Text(e.Type)
	if err != nil {
		return false, err
	}
	sender, err := p.rd.Text(e.Sender)
	return p.filter.MatchRoom(p.room.ID) && p.filter.Match(eventType, sender) && p.filter.MatchContent(clientevent.Content(e)), err
}

func (p *paging) view() clientevent.View {
	return clientevent.View{Device: p.r.Session.Device, User: p.r.Session.User, Now: p.api.Now(), RoomID: p.room.ID, Veil: p.viewer.Veil()}
}

// render shows events that the user may see, with what is aggregated of those that relate to them.
func (p *paging) render(events []rooms.Seen) ([]json.RawMessage, error) {
	plain := make([]store.Event, len(events))
	for i := range events {
		plain[i] = events[i].Event
	}
	around, err := clientevent.Load(p.rd, plain, true)
	if err != nil {
		return nil, err
	}
	view := p.view()
	view.Around = around
	if view.Relations, err = p.lens().Bundles(plain); err != nil {
		return nil, err
	}
	out := make([]json.RawMessage, len(events))
	for i, e := range events {
		replaced, ok := around[e.Replaces]
		sees := ok
		if ok {
			if sees, err = p.viewer.SeesEvent(&replaced); err != nil {
				return nil, err
			}
		}
		hide := e.Replaces != 0 && !sees
		out[i] = view.Render(&plain[i], clientevent.Standing{Membership: e.Membership, HidePrevContent: hide})
	}
	return out, nil
}

// members shows the membership events of the senders, where the filter asks for lazy loading: as they are now, or for who has left the room
// as they were then.
func (p *paging) members(events []rooms.Seen) ([]json.RawMessage, error) {
	if !p.filter.LazyLoadMembers {
		return nil, nil
	}
	var members []store.Event
	done := map[store.Atom]bool{}
	for _, e := range events {
		if done[e.Sender] {
			continue
		}
		done[e.Sender] = true
		sender, err := p.rd.Text(e.Sender)
		if err != nil {
			return nil, err
		}
		member, err := rooms.StateEvent(p.rd, p.room, p.viewer, "m.room.member", sender)
		switch {
		case err == nil:
			members = append(members, member)
		case !merr.Is(err, "M_NOT_FOUND"):
			return nil, err
		}
	}
	return p.api.renderState(p.rd, p.r, p.room, p.viewer, members)
}

type messagesAnswer struct {
	Start string            `json:"start"`
	End   string            `json:"end,omitempty"`
	Chunk []json.RawMessage `json:"chunk"`
	State []json.RawMessage `json:"state,omitempty"`
}

// maxFilled is how often one request asks other servers for history.
const maxFilled = 3

// messages asks other servers for what is missing of the page, within bounds.
func (a *API) messages(r *request) (any, error) {
	for filled := 0; ; filled++ {
		answer, gap, err := a.page(r)
		if err != nil || gap == store.OrdMin || filled == maxFilled {
			return answer, err
		}
		more, err := a.Rooms.FillGap(r.Context(), r.PathValue("roomId"), gap)
		if err != nil || !more {
			return answer, err
		}
	}
}

// page reads a page of a timeline. Where it reaches a gap before it is full, gap is the place where that ends; else store.OrdMin.
func (a *API) page(r *request) (answer messagesAnswer, gap int64, err error) {
	gap = store.OrdMin
	err = a.look(r, func(rd *store.Reader, room store.Room, v *rooms.Viewer) error {
		p, err := a.paging(r, rd, room, v)
		if err != nil {
			return err
		}
		q, err := p.query()
		if err != nil {
			return err
		}
		page, err := rooms.Messages(rd, room, v, q)
		if err != nil {
			return err
		}
		if n := len(page.Events); n < q.Limit || n > 0 && page.Events[n-1].Ord < page.Gap {
			gap = page.Gap
		}
		answer, err = p.answer(page)
		return err
	})
	return answer, gap, err
}

func (p *paging) answer(page *rooms.Page) (m messagesAnswer, err error) {
	m.Start = p.token(page.Start)
	if page.More {
		m.End = p.token(page.End)
	}
	if m.Chunk, err = p.render(page.Events); err != nil {
		return m, err
	}
	m.State, err = p.members(page.Events)
	return m, err
}

// query reads the parameters of /messages.
func (p *paging) query() (q rooms.PageQuery, err error) {
	params := p.r.URL.Query()
	p.matching(&q)
	switch params.Get("dir") {
	case "b":
		q.Backward, q.From, q.To = true, store.OrdMax, store.OrdMin
	case "f":
		q.From, q.To = store.OrdMin, store.OrdMax
	default:
		return q, merr.InvalidParam("dir is b or f")
	}
	if from := params.Get("from"); from != "" {
		if q.From, err = boundary(p.rd, p.room.Ref, from); err != nil {
			return q, err
		}
	}
	if to := params.Get("to"); to != "" {
		if q.To, err = boundary(p.rd, p.room.Ref, to); err != nil {
			return q, err
		}
	}
	q.Limit, err = limitOf(p.r, p.filter.Limited(pageLimit))
	return q, err
}

func limitOf(r *request, standard int) (int, error) {
	s := r.URL.Query().Get("limit")
	if s == "" {
		return standard, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, merr.InvalidParam("limit is not a number from 0 on")
	}
	return n, nil
}

func (a *API) event(r *request) (answer any, err error) {
	err = a.DB.Read(r.Context(), func(rd *store.Reader) error {
		room, e, v, err := rooms.Event(rd, r.PathValue("roomId"), r.PathValue("eventId"), r.Session.User)
		if err != nil {
			return err
		}
		p := paging{api: a, r: r, rd: rd, room: room, viewer: v}
		list, err := p.render([]rooms.Seen{e})
		if err != nil {
			return err
		}
		answer = list[0]
		return nil
	})
	return answer, err
}

type contextAnswer struct {
	Start        string            `json:"start"`
	End          string            `json:"end"`
	Event        json.RawMessage   `json:"event"`
	EventsBefore []json.RawMessage `json:"events_before"`
	EventsAfter  []json.RawMessage `json:"events_after"`
	State        []json.RawMessage `json:"state"`
}

func (a *API) context(r *request) (any, error) {
	var answer contextAnswer
	err := a.DB.Read(r.Context(), func(rd *store.Reader) error {
		room, e, v, err := rooms.Event(rd, r.PathValue("roomId"), r.PathValue("eventId"), r.Session.User)
		if err != nil {
			return err
		}
		p, err := a.paging(r, rd, room, v)
		if err != nil {
			return err
		}
		answer, err = p.context(e)
		return err
	})
	return answer, err
}

// context reads what stands around an event: half of the limit before it, half after.
func (p *paging) context(e rooms.Seen) (c contextAnswer, err error) {
	limit, err := limitOf(p.r, p.filter.Limited(contextLimit))
	if err != nil {
		return c, err
	}
	before, err := p.around(limit-limit/2, rooms.PageQuery{From: e.Ord - 1, To: store.OrdMin, Backward: true})
	if err != nil {
		return c, err
	}
	after, err := p.around(limit/2, rooms.PageQuery{From: e.Ord, To: store.OrdMax})
	if err != nil {
		return c, err
	}
	c.Start, c.End = p.token(before.End), p.token(after.End)
	all := slices.Concat(before.Events, []rooms.Seen{e}, after.Events)
	shown, err := p.render(all)
	if err != nil {
		return c, err
	}
	n := len(before.Events)
	c.EventsBefore, c.Event, c.EventsAfter = shown[:n:n], shown[n], shown[n+1:]
	c.State, err = p.contextState(all)
	return c, err
}

func (p *paging) around(limit int, q rooms.PageQuery) (*rooms.Page, error) {
	if limit == 0 {
		return &rooms.Page{Room: p.room, Start: q.From, End: q.From}, nil
	}
	q.Limit = limit
	p.matching(&q)
	return rooms.Messages(p.rd, p.room, p.viewer, q)
}

// contextState is the state at the latest event shown, or with lazy loading the members who speak.
func (p *paging) contextState(events []rooms.Seen) ([]json.RawMessage, error) {
	if p.filter.LazyLoadMembers {
		return p.members(events)
	}
	state, err := rooms.StateAt(p.rd, events[len(events)-1].NID)
	if err != nil {
		return nil, err
	}
	return p.api.renderState(p.rd, p.r, p.room, p.viewer, state)
}
