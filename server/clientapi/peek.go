package clientapi

import (
	"encoding/json"
	"math"
	"slices"
	"time"

	"beffroi/server/limits"
	"beffroi/server/merr"
	"beffroi/server/rooms"
	"beffroi/server/store"
	"beffroi/server/syncer"
)

// Spec: client-server API, "Room Previews". What else /events and /initialSync once did is deprecated and not served.
func (a *API) peekRoutes() []route {
	return []route{
		{Method: "GET", Path: "/_matrix/client/v3/rooms/{roomId}/initialSync", Handle: a.roomInitialSync},
		{Method: "GET", Path: "/_matrix/client/v3/events", Handle: a.peekEvents, Class: limits.Sync},
	}
}

type roomInfo struct {
	RoomID      string            `json:"room_id"`
	Membership  string            `json:"membership,omitempty"`
	Messages    messagesAnswer    `json:"messages"`
	State       []json.RawMessage `json:"state"`
	Visibility  string            `json:"visibility"`
	AccountData []accountEvent    `json:"account_data"`
}

type accountEvent struct {
	Type    string          `json:"type"`
	Content json.RawMessage `json:"content"`
}

func (a *API) roomInitialSync(r *request) (any, error) {
	var info roomInfo
	err := a.look(r, func(rd *store.Reader, room store.Room, v *rooms.Viewer) error {
		p, err := a.paging(r, rd, room, v)
		if err != nil {
			return err
		}
		info.RoomID = room.ID
		if v.Membership != store.Knock { // the specification doesn't list it here
			info.Membership = v.Membership.String()
		}
		if info.Messages, err = p.latest(); err != nil {
			return err
		}
		state, err := rooms.State(rd, room, v)
		if err != nil {
			return err
		}
		if info.State, err = a.renderState(rd, r, room, v, state); err != nil {
			return err
		}
		if info.Visibility, err = visibilityOf(rd, room.Ref); err != nil {
			return err
		}
		info.AccountData, err = roomAccountData(rd, r.Session.User, room.Ref)
		return err
	})
	return info, err
}

// latest shows the last events of a room, the earliest first.
func (p *paging) latest() (m messagesAnswer, err error) {
	q := rooms.PageQuery{From: store.OrdMax, To: store.OrdMin, Backward: true}
	p.matching(&q)
	if q.Limit, err = limitOf(p.r, pageLimit); err != nil {
		return m, err
	}
	page, err := rooms.Messages(p.rd, p.room, p.viewer, q)
	if err != nil {
		return m, err
	}
	m, err = p.answer(page)
	m.Start, m.End = p.token(page.End), m.Start // as the timeline runs
	slices.Reverse(m.Chunk)
	return m, err
}

func visibilityOf(rd *store.Reader, room store.RoomRef) (string, error) {
	public, err := rd.Published(room)
	if public {
		return "public", err
	}
	return "private", err
}

func roomAccountData(rd *store.Reader, user store.Atom, room store.RoomRef) ([]accountEvent, error) {
	list := []accountEvent{}
	all, err := rd.AccountDataSince(user, 0, math.MaxInt64)
	for _, d := range all {
		if d.Room != room {
			continue
		}
		kind, err := rd.Text(d.Type)
		if err != nil {
			return nil, err
		}
		list = append(list, accountEvent{kind, d.Content})
	}
	return list, err
}

const peekLimit = 100

// peekTimeout is how long a request waits that doesn't say how long.
const peekTimeout = 30 * time.Second

// peekEvents shows what happens in one room from a token on, without from from now on, and waits for something to happen.
func (a *API) peekEvents(r *request) (any, error) {
	v := r.URL.Query()
	if v.Get("room_id") == "" {
		return nil, merr.MissingParam("room_id is missing")
	}
	within, err := milliseconds(v, "timeout")
	if err != nil {
		return nil, err
	}
	if !v.Has("timeout") {
		within = peekTimeout
	}
	var answer messagesAnswer
	from := v.Get("from")
	look := func() (bool, error) {
		answer, err = a.peek(r, v.Get("room_id"), from)
		from = answer.End
		return len(answer.Chunk) > 0, err
	}
	if _, err := look(); err != nil {
		return nil, err
	}
	start := answer.Start
	if len(answer.Chunk) == 0 {
		room, err := a.Accounts.Room(r.Context(), v.Get("room_id"))
		if err != nil {
			return nil, err
		}
		if err := a.Rooms.Await(r.Context(), room, min(within, syncer.MaxTimeout), look); err != nil {
			return nil, err
		}
	}
	answer.Start = start
	return answer, nil
}

// peek shows what a room has from a token on.
func (a *API) peek(r *request, roomID, from string) (answer messagesAnswer, err error) {
	err = a.DB.Read(r.Context(), func(rd *store.Reader) error {
		room, viewer, err := rooms.Look(rd, roomID, r.Session.User)
		if err != nil {
			return err
		}
		p, err := a.paging(r, rd, room, viewer)
		if err != nil {
			return err
		}
		last, _, err := rd.LastPlace(room.Ref)
		if err != nil {
			return err
		}
		q := rooms.PageQuery{From: last.Ord, To: store.OrdMax, Limit: peekLimit}
		p.matching(&q)
		if from != "" {
			if q.From, err = boundary(rd, room.Ref, from); err != nil {
				return err
			}
		}
		page, err := rooms.Messages(rd, room, viewer, q)
		if err != nil {
			return err
		}
		answer.Start, answer.End = p.token(q.From), p.token(page.End)
		answer.Chunk, err = p.render(page.Events)
		return err
	})
	return answer, err
}
