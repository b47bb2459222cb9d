package rooms

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// proposal is an event of ours that was made as another server proposed it.
type proposal struct {
	*pdu.Event
	rules  pdu.Rules
	server string // which proposed it
}

// propose asks a server how an event has to be that changes the user's own membership, and makes it. What the server proposes is signed only where it is about this user in
// this room and says nothing but that; the content is ours.
func (s *Service) propose(ctx context.Context, u User, roomID, server string, content memberContent) (*proposal, error) {
	t, err := s.Remote.Template(ctx, content.Membership, server, roomID, u.ID, pdu.Versions())
	if err != nil {
		return nil, err
	}
	rules, err := s.rulesOfTemplate(ctx, t, roomID)
	if err != nil {
		return nil, err
	}
	o, err := pdu.ParseObject(t.Event)
	if err != nil {
		return nil, err
	}
	p, err := s.fromTemplate(rules, o, u, roomID, content)
	if err != nil {
		return nil, err
	}
	e, err := pdu.Build(rules, p, s.Signer())
	if err != nil {
		return nil, badEvent(err)
	}
	return &proposal{e, rules, server}, nil
}

// rulesOfTemplate are the rules of the room's version: 400 M_INCOMPATIBLE_ROOM_VERSION where it is not known here. A room whose history is known has the version that is known.
func (s *Service) rulesOfTemplate(ctx context.Context, t Template, roomID string) (pdu.Rules, error) {
	version, err := s.versionOf(ctx, roomID)
	if err != nil {
		return pdu.Rules{}, err
	}
	switch {
	case t.RoomVersion == "":
		if t.RoomVersion, err = s.versionSaid(ctx, roomID); err != nil {
			return pdu.Rules{}, err
		}
	case version != "" && version != t.RoomVersion:
		return pdu.Rules{}, proposalf("the room has version %s, not %q", version, t.RoomVersion)
	}
	rules, ok := pdu.RulesFor(t.RoomVersion)
	if !ok {
		err = merr.New(http.StatusBadRequest, "M_INCOMPATIBLE_ROOM_VERSION", "The room has a version that is not known here").With("room_version", t.RoomVersion)
	}
	return rules, err
}

// versionOf is the version of a room whose history is known here, "" for any other.
func (s *Service) versionOf(ctx context.Context, roomID string) (version string, err error) {
	err = s.db.Peek(ctx, func(r *store.Reader) error {
		room, ok, err := r.FindRoom(roomID)
		if err != nil || !ok {
			return err
		}
		if _, ok, err = r.LastPlace(room.Ref); ok {
			version = room.Version
		}
		return err
	})
	return version, err
}

// versionSaid is the version of a room as whoever invited a user into it has said, or else the first one, which servers may leave out.
func (s *Service) versionSaid(ctx context.Context, roomID string) (string, error) {
	return store.Get(ctx, s.db, func(r *store.Reader) (string, error) {
		room, _, err := r.FindRoom(roomID)
		return cmp.Or(room.Version, "1"), err
	})
}

// proposalf says what is wrong with an event that a server proposed.
func proposalf(format string, args ...any) error {
	return merr.New(http.StatusBadGateway, "M_UNKNOWN", "A server proposed something else than what it was asked for").Because(fmt.Errorf(format, args...))
}

// fromTemplate takes out of a proposed event what only servers know that are in the room.
func (s *Service) fromTemplate(rules pdu.Rules, o pdu.Object, u User, roomID string, content memberContent) (p pdu.Proto, err error) {
	proposed := o.Object("content")
	for what, texts := range map[string][2]string{
		"type": {text(o, "type"), "m.room.member"}, "room_id": {text(o, "room_id"), roomID}, "sender": {text(o, "sender"), u.ID},
		"state_key": {text(o, "state_key"), u.ID}, "membership": {text(proposed, "membership"), content.Membership},
	} {
		if texts[0] != texts[1] {
			return p, proposalf("%s is %q", what, texts[0])
		}
	}
	if content.JoinAuthorisedViaUsersServer, err = s.authoriserIn(rules, proposed, content.Membership); err != nil {
		return p, err
	}
	raw, err := json.Marshal(content)
	if err != nil {
		return p, err
	}
	p = pdu.Proto{Type: "m.room.member", StateKey: &u.ID, Sender: u.ID, RoomID: roomID, Content: raw, OriginServerTS: s.millis(), Localpart: rand.Text()}
	return p, standsAt(&p, rules, o)
}

// text is a member of an object, "" where it is none or no string.
func text(o pdu.Object, key string) string {
	value, _ := o.Text(key)
	return value
}

// authoriserIn is who lets the user into a restricted room, "" for nobody. It is nobody of this server: with our signature as the sender's server the event would have that of
// theirs as well, without anybody having looked whether they may.
func (s *Service) authoriserIn(rules pdu.Rules, proposed pdu.Object, membership string) (string, error) {
	via := proposed.Get("join_authorised_via_users_server")
	if !rules.RestrictedJoins || membership != "join" || !via.Exists() {
		return "", nil
	}
	id, ok := via.Text()
	if !ok || !pdu.ValidUserID(id) || s.local(id) {
		return "", proposalf("join_authorised_via_users_server is %s", via.Raw())
	}
	return id, nil
}

// standsAt says where in the room's graph a proposed event stands.
func standsAt(p *pdu.Proto, rules pdu.Rules, o pdu.Object) error {
	depth, ok := o.Int("depth")
	if !ok || depth < 0 || depth > rules.MaxDepth() {
		return proposalf("depth is %s", o.Get("depth").Raw())
	}
	prevs, hashes, ok := rules.References(o.Get("prev_events"))
	if !ok || len(prevs) == 0 || len(prevs) > pdu.MaxPrevEvents {
		return proposalf("prev_events are no event ids")
	}
	auths, more, ok := rules.References(o.Get("auth_events"))
	if !ok || len(auths) > pdu.MaxAuthEvents {
		return proposalf("auth_events are no event ids")
	}
	for id, hash := range more {
		hashes[id] = hash
	}
	p.Depth, p.PrevEvents, p.AuthEvents, p.Hashes = depth, prevs, auths, hashes
	return nil
}
