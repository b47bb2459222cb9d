package rooms

import (
	"encoding/json"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// ServerView answers what another server may have of one room, in one snapshot of the database.
//
// Spec: server-server API, "Backfilling and retrieving missing events", "Server Access Control Lists"; client-server API, "Room History Visibility".
type ServerView struct {
	Room   store.Room
	rules  pdu.Rules
	r      *store.Reader
	server string
	groups map[int64]presence
}

// presence is what a state says of the room, and of the users of the server.
type presence struct {
	visibility      string
	joined, invited bool
}

// LookFrom finds a room for a server that takes part in it: 403 M_FORBIDDEN where it doesn't, or where there is no such room.
func LookFrom(r *store.Reader, roomID, server string) (*ServerView, error) {
	refusal := merr.Forbidden("%s does not take part in this room", server)
	room, ok, err := r.FindRoom(roomID)
	if err != nil || !ok {
		return nil, errOr(err, refusal)
	}
	joined, err := r.JoinedOf(room.Ref, server)
	if err != nil || len(joined) == 0 {
		return nil, errOr(err, refusal)
	}
	if admitted, err := AdmitsNow(r, room.Ref, server); err != nil || !admitted {
		return nil, errOr(err, merr.Forbidden("The room does not let %s take part", server))
	}
	rules, _ := pdu.RulesFor(room.Version)
	return &ServerView{Room: room, rules: rules, r: r, server: server, groups: map[int64]presence{}}, nil
}

// LookFromAt is LookFrom for the room of an event, with the event: 404 M_NOT_FOUND for who doesn't take part in it, too.
func LookFromAt(r *store.Reader, eventID, server string) (*ServerView, store.Event, error) {
	missing := merr.NotFound("There is no such event, or %s may not have it", server)
	e, ok, err := r.EventByID(eventID)
	if err != nil || !ok {
		return nil, e, errOr(err, missing)
	}
	room, ok, err := r.Room(e.Room)
	if err != nil || !ok {
		return nil, e, errOr(err, missing)
	}
	v, err := LookFrom(r, room.ID, server)
	if merr.Is(err, "M_FORBIDDEN") || err == nil && !given(&e) {
		err = missing
	}
	return v, e, err
}

// given tells whether an event is given to others at all.
func given(e *store.Event) bool { return e.Status&(store.StatusRejected|store.StatusExpired) == 0 }

// Event finds an event of the room: 404 M_NOT_FOUND where there is none that is given to others.
func (v *ServerView) Event(eventID string) (store.Event, error) {
	e, ok, err := v.r.EventByID(eventID)
	if err != nil || !ok || e.Room != v.Room.Ref || !given(&e) {
		return e, errOr(err, merr.NotFound("There is no such event in this room"))
	}
	return e, nil
}

// Sees tells whether some user of the server may see an event. Where visibility or memberships change with the event the more permissive side counts.
func (v *ServerView) Sees(e *store.Event) (bool, error) {
	if !given(e) {
		return false, nil
	}
	before, err := v.r.StateBefore(e)
	if err != nil {
		return false, err
	}
	for _, group := range [...]int64{before, e.State} {
		held, err := v.heldIn(group)
		if err != nil || held.allowed() {
			return err == nil, err
		}
	}
	return false, nil
}

func (p presence) allowed() bool {
	switch p.visibility {
	case "joined":
		return p.joined
	case "invited":
		return p.joined || p.invited
	case "world_readable", "shared":
		return true
	}
	return false // nobody knows
}

// heldIn reads what a state group says, once. Of an unknown group nothing is allowed.
func (v *ServerView) heldIn(group int64) (presence, error) {
	if p, ok := v.groups[group]; ok || group == 0 {
		return p, nil
	}
	p, err := v.readGroup(group)
	if err == nil {
		v.groups[group] = p
	}
	return p, err
}

func (v *ServerView) readGroup(group int64) (p presence, err error) {
	a := aside{r: v.r, room: v.Room.Ref}
	said, err := a.entry(group, store.AtomHistoryVisibility, store.AtomEmpty, "history_visibility")
	if err != nil {
		return p, err
	}
	if p.visibility = orShared(said); p.visibility == "shared" || p.visibility == "world_readable" {
		return p, nil
	}
	entries, err := v.r.GroupState(group)
	if err != nil {
		return p, err
	}
	for _, entry := range entries {
		if entry.Type != store.AtomMember {
			continue
		}
		user, err := v.r.Text(entry.StateKey)
		if err != nil {
			return p, err
		}
		if pdu.ServerOf(user) != v.server {
			continue
		}
		membership, err := a.entry(group, store.AtomMember, entry.StateKey, "membership")
		if err != nil {
			return p, err
		}
		p.joined, p.invited = p.joined || membership == "join", p.invited || membership == "invite"
	}
	return p, nil
}

// Give is an event as the server gets it: redacted where none of its users may see it, so that the graph of the room stays whole.
func (v *ServerView) Give(e *store.Event) (json.RawMessage, error) {
	sees, err := v.Sees(e)
	if err != nil || sees {
		return e.JSON, err
	}
	whole, err := e.PDU(v.rules)
	if err != nil {
		return nil, err
	}
	return whole.Redact().JSON(), nil
}
