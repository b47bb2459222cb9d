package clientapi

import (
	"encoding/json"

	"beffroi/server/merr"
	"beffroi/server/relations"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// Spec: client-server API, "Relationships API" and "Querying threads in a room".
func (a *API) relationRoutes() []route {
	return []route{
		{Method: "GET", Path: "/_matrix/client/v1/rooms/{roomId}/relations/{eventId}", Handle: a.relating},
		{Method: "GET", Path: "/_matrix/client/v1/rooms/{roomId}/relations/{eventId}/{relType}", Handle: a.relating},
		{Method: "GET", Path: "/_matrix/client/v1/rooms/{roomId}/relations/{eventId}/{relType}/{eventType}", Handle: a.relating},
		{Method: "GET", Path: "/_matrix/client/v1/rooms/{roomId}/threads", Handle: a.threads},
	}
}

const relationsLimit = 20

type relationsAnswer struct {
	Chunk []json.RawMessage `json:"chunk"`
	Next  string            `json:"next_batch,omitempty"`
	Prev  string            `json:"prev_batch,omitempty"`
	Depth *int              `json:"recursion_depth,omitempty"`
}

func (a *API) relating(r *request) (any, error) {
	var answer relationsAnswer
	err := a.DB.Read(r.Context(), func(rd *store.Reader) error {
		room, target, v, err := rooms.Event(rd, r.PathValue("roomId"), r.PathValue("eventId"), r.Session.User)
		if err != nil {
			return err
		}
		p, err := a.paging(r, rd, room, v)
		if err != nil {
			return err
		}
		answer, err = p.relating(target.NID)
		return err
	})
	return answer, err
}

func (p *paging) relating(target store.NID) (answer relationsAnswer, err error) {
	q := store.Relating{Target: target}
	if answer.Depth, err = p.recursion(&q); err != nil {
		return answer, err
	}
	if err := p.relatingBounds(&q); err != nil {
		return answer, err
	}
	answer.Chunk = []json.RawMessage{}
	known, err := p.relationTypes(&q)
	if err != nil || !known {
		return answer, err
	}
	page, err := p.lens().Relating(q)
	if err != nil {
		return answer, err
	}
	return p.relatingPage(answer, page)
}

func (p *paging) relatingPage(answer relationsAnswer, page *relations.Page) (relationsAnswer, error) {
	if page.More {
		answer.Next = p.token(page.End)
	}
	if from := p.r.URL.Query().Get("from"); from != "" {
		ord, err := boundary(p.rd, p.room.Ref, from)
		if err != nil {
			return answer, err
		}
		answer.Prev = p.token(ord)
	}
	var err error
	answer.Chunk, err = p.render(page.Events)
	return answer, err
}

// recursion reads how far relations of relations are followed.
func (p *paging) recursion(q *store.Relating) (*int, error) {
	depth := store.RelationDepth
	switch p.r.URL.Query().Get("recurse") {
	case "":
		return nil, nil
	case "true":
		q.Recurse = true
		return &depth, nil
	case "false":
		return new(int), nil
	}
	return nil, merr.InvalidParam("recurse is true or false")
}

// relatingBounds reads direction, limit and tokens.
func (p *paging) relatingBounds(q *store.Relating) (err error) {
	params := p.r.URL.Query()
	from, to := store.OrdMax, store.OrdMin
	switch params.Get("dir") {
	case "", "b":
		q.Backward = true
	case "f":
		from, to = to, from
	default:
		return merr.InvalidParam("dir is b or f")
	}
	if token := params.Get("from"); token != "" {
		if from, err = boundary(p.rd, p.room.Ref, token); err != nil {
			return err
		}
	}
	if token := params.Get("to"); token != "" {
		if to, err = boundary(p.rd, p.room.Ref, token); err != nil {
			return err
		}
	}
	if q.After, q.To = from, to; q.Backward {
		q.After, q.To = to, from
	}
	q.Limit, err = limitOf(p.r, relationsLimit)
	return err
}

// relationTypes reads the types of the path; known is false where there is no event of such a type.
func (p *paging) relationTypes(q *store.Relating) (known bool, err error) {
	if relType := p.r.PathValue("relType"); relType != "" {
		if q.RelType, err = p.rd.FindRelType(relType); err != nil || q.RelType == 0 {
			return false, err
		}
	}
	if eventType := p.r.PathValue("eventType"); eventType != "" {
		if q.EventType, err = p.rd.FindAtom(eventType); err != nil || q.EventType == 0 {
			return false, err
		}
	}
	return true, nil
}

// lens is how the user sees what relates to the events of the room.
func (p *paging) lens() *relations.Lens {
	return &relations.Lens{Reader: p.rd, Room: p.room, User: p.r.Session.User, Upto: relations.All, View: p.view(),
		Viewer: func() (*rooms.Viewer, error) { return p.viewer, nil }}
}

type threadsAnswer struct {
	Chunk []json.RawMessage `json:"chunk"`
	Next  string            `json:"next_batch,omitempty"`
}

func (a *API) threads(r *request) (any, error) {
	var answer threadsAnswer
	err := a.look(r, func(rd *store.Reader, room store.Room, v *rooms.Viewer) error {
		p, err := a.paging(r, rd, room, v)
		if err != nil {
			return err
		}
		answer, err = p.threads()
		return err
	})
	return answer, err
}

func (p *paging) threads() (answer threadsAnswer, err error) {
	params := p.r.URL.Query()
	include, upto := params.Get("include"), store.OrdMax
	if include != "" && include != "all" && include != "participated" {
		return answer, merr.InvalidParam("include is all or participated")
	}
	if from := params.Get("from"); from != "" {
		if upto, err = boundary(p.rd, p.room.Ref, from); err != nil {
			return answer, err
		}
	}
	limit, err := limitOf(p.r, relationsLimit)
	if err == nil && limit == 0 {
		err = merr.InvalidParam("limit is not a number from 1 on")
	}
	if err != nil {
		return answer, err
	}
	page, err := p.lens().Threads(upto, include == "participated", limit)
	if err != nil {
		return answer, err
	}
	if page.More {
		answer.Next = p.token(page.End)
	}
	answer.Chunk, err = p.render(page.Events)
	return answer, err
}
