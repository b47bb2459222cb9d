package clientapi

import (
	"cmp"
	"encoding/json"
	"errors"
	"strings"

	"beffroi/server/clientevent"
	"beffroi/server/httpx"
	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/rooms"
	"beffroi/server/store"
	"beffroi/server/synctoken"
)

// Spec: client-server API, "Getting events for a room", the part on state.
func (a *API) stateRoutes() []route {
	return []route{
		{Method: "GET", Path: "/_matrix/client/v3/rooms/{roomId}/state", Handle: a.state},
		{Method: "GET", Path: "/_matrix/client/v3/rooms/{roomId}/state/{eventType}", Handle: a.stateEvent},
		{Method: "GET", Path: "/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{$}", Handle: a.stateEvent},
		{Method: "GET", Path: "/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}", Handle: a.stateEvent},
		{Method: "GET", Path: "/_matrix/client/v3/rooms/{roomId}/members", Handle: a.members},
		{Method: "GET", Path: "/_matrix/client/v3/rooms/{roomId}/joined_members", Handle: a.joinedMembers},
	}
}

// look runs a read in a room that the user may look into.
func (a *API) look(r *request, f func(rd *store.Reader, room store.Room, v *rooms.Viewer) error) error {
	return a.DB.Read(r.Context(), func(rd *store.Reader) error {
		room, v, err := rooms.Look(rd, r.PathValue("roomId"), r.Session.User)
		if err != nil {
			return err
		}
		return f(rd, room, v)
	})
}

func (a *API) state(r *request) (answer any, err error) {
	err = a.look(r, func(rd *store.Reader, room store.Room, v *rooms.Viewer) error {
		events, err := rooms.State(rd, room, v)
		if err != nil {
			return err
		}
		answer, err = a.renderState(rd, r, room, v, events)
		return err
	})
	return answer, err
}

// renderState shows state events; all of them may be seen by who may see the state.
func (a *API) renderState(rd *store.Reader, r *request, room store.Room, v *rooms.Viewer, events []store.Event) ([]json.RawMessage, error) {
	around, err := clientevent.Load(rd, events, true)
	view := clientevent.View{Device: r.Session.Device, User: r.Session.User, Now: a.Now(), RoomID: room.ID, Around: around, Veil: v.Veil()}
	out := make([]json.RawMessage, len(events))
	for i := range events {
		membership, failed := v.StandingAt(&events[i])
		err = errors.Join(err, failed)
		out[i] = view.Render(&events[i], clientevent.Standing{Membership: membership})
	}
	return out, err
}

func (a *API) stateEvent(r *request) (answer any, err error) {
	err = a.look(r, func(rd *store.Reader, room store.Room, v *rooms.Viewer) error {
		e, err := rooms.StateEvent(rd, room, v, r.PathValue("eventType"), r.PathValue("stateKey"))
		if err != nil {
			return err
		}
		switch format := r.URL.Query().Get("format"); format {
		case "", "content":
			answer = httpx.Raw(clientevent.Content(v.Shown(&e)))
		case "event":
			list, err := a.renderState(rd, r, room, v, []store.Event{e})
			if err != nil {
				return err
			}
			answer = list[0]
		default:
			return merr.InvalidParam("format is content or event, not %q", format)
		}
		return nil
	})
	return answer, err
}

func (a *API) members(r *request) (any, error) {
	chunk := []json.RawMessage{}
	err := a.look(r, func(rd *store.Reader, room store.Room, v *rooms.Viewer) error {
		events, err := memberEvents(rd, r, room, v)
		if err != nil {
			return err
		}
		chunk, err = a.renderState(rd, r, room, v, events)
		return err
	})
	return map[string]any{"chunk": chunk}, err
}

// memberEvents reads the m.room.member events that the query asks for.
func memberEvents(rd *store.Reader, r *request, room store.Room, v *rooms.Viewer) ([]store.Event, error) {
	q := r.URL.Query()
	want, not := q.Get("membership"), q.Get("not_membership")
	if err := memberships(want, not); err != nil {
		return nil, err
	}
	events, err := stateAtToken(rd, room, v, q.Get("at"))
	if err != nil {
		return nil, err
	}
	kept := events[:0]
	for _, e := range events {
		if e.Type != store.AtomMember {
			continue
		}
		is := membershipIn(&e)
		if (want == "" || is == want) && (not == "" || is != not) {
			kept = append(kept, e)
		}
	}
	return kept, nil
}

// memberships refuses what is none of the memberships that a query may name; it may leave them out.
func memberships(names ...string) error {
	for _, name := range names {
		switch name {
		case "", "join", "invite", "leave", "ban", "knock":
		default:
			return merr.InvalidParam("%q is not a membership", name)
		}
	}
	return nil
}

// stateAtToken reads the state now, or as it was at a token.
func stateAtToken(rd *store.Reader, room store.Room, v *rooms.Viewer, at string) ([]store.Event, error) {
	if at == "" {
		return rooms.State(rd, room, v)
	}
	ord, err := boundary(rd, room.Ref, at)
	if err != nil {
		return nil, err
	}
	events, err := rd.EventsBackward(room.Ref, ord, store.OrdMin, 1)
	if err != nil || len(events) == 0 {
		return nil, err
	}
	sees, err := v.SeesEvent(&events[0])
	if err != nil {
		return nil, err
	}
	if !sees {
		return rooms.State(rd, room, v)
	}
	return rooms.StateAt(rd, events[0].NID)
}

// boundary gives the place in a room that a place token or a sync token stands for.
func boundary(rd *store.Reader, room store.RoomRef, token string) (int64, error) {
	if synctoken.IsPlace(token) {
		place, err := synctoken.ParsePlace(token)
		return place.Ord, err
	}
	pos, err := synctoken.ParsePosition(token)
	if err != nil {
		return 0, err
	}
	ord, ok, err := rd.OrdAtPos(room, pos)
	if err == nil && !ok {
		ord = store.OrdMin
	}
	return ord, err
}

func membershipIn(e *store.Event) string {
	content, err := pdu.ParseObject(clientevent.Content(e))
	if err != nil {
		return ""
	}
	is, _ := content.Text("membership")
	return is
}

func (a *API) joinedMembers(r *request) (any, error) {
	type profile struct {
		DisplayName string `json:"display_name"` // the user id where there is none: "Calculating the display name for a user"
		AvatarURL   string `json:"avatar_url"`   // empty where there is none
	}
	joined := map[string]profile{}
	err := a.look(r, func(rd *store.Reader, room store.Room, v *rooms.Viewer) error {
		if !v.In() {
			return merr.Forbidden("You are not in this room")
		}
		events, err := rd.CurrentEventsOfType(room.Ref, store.AtomMember)
		for _, e := range events {
			content, err := pdu.ParseObject(clientevent.Content(&e))
			if err != nil {
				return err
			}
			if is, _ := content.Text("membership"); is != "join" {
				continue
			}
			user, err := rd.Text(e.StateKey)
			if err != nil {
				return err
			}
			joined[user] = profile{cmp.Or(textOf(content, "displayname"), user), textOf(content, "avatar_url")}
		}
		return err
	})
	return map[string]any{"joined": joined}, err
}

func textOf(o pdu.Object, key string) string {
	s, _ := o.Text(key)
	return strings.TrimSpace(s)
}
