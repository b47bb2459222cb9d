package directory

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/push"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// Join joins the user to a room. Where that replaces one that they were in, what they had set up for themselves there goes with them.
//
// Spec: client-server API, "Joining rooms"; "Room Upgrades", "Server behaviour", the last paragraph.
func (s *Service) Join(ctx context.Context, u rooms.User, roomID string, how rooms.Entry) error {
	was, err := store.Get(ctx, s.db, func(r *store.Reader) (store.Membership, error) {
		room, _, err := r.FindRoom(roomID)
		if err != nil {
			return 0, err
		}
		return r.MembershipOf(room.Ref, u.Atom)
	})
	if err != nil {
		return err
	}
	if err := s.rooms.JoinWith(ctx, u, roomID, how); err != nil {
		return err
	}
	if was != store.Join && was != store.Leave { // for the first time
		s.follow(ctx, u, roomID)
	}
	return nil
}

// Upgrade replaces a room by one of another version, as rooms.Upgrade does, and gives the new one's id.
func (s *Service) Upgrade(ctx context.Context, u rooms.User, roomID, version string, creators []string) (string, error) {
	id, err := s.rooms.Upgrade(ctx, u, roomID, version, creators)
	if err == nil {
		s.follow(ctx, u, id)
	}
	return id, err
}

// SetState sends a state event, as rooms.SetState does. A tombstone makes a room that people may be in already the successor of the one it stands in:
// who upgrades by hand makes the new room first. What they had set up goes with them then.
func (s *Service) SetState(ctx context.Context, u rooms.User, roomID, eventType, stateKey string, content json.RawMessage) (eventID string, err error) {
	eventID, err = s.rooms.SetState(ctx, u, roomID, eventType, stateKey, content)
	if err == nil && stateKey == "" {
		s.replacedBy(ctx, eventType, content)
	}
	return eventID, err
}

// SendDelayed sends an event that its sender scheduled, as rooms.SendDelayed does. A tombstone has the effect that it has in SetState.
func (s *Service) SendDelayed(ctx context.Context, u rooms.User, roomID, eventType string, stateKey *string, delayID string, content json.RawMessage) (eventID string, err error) {
	eventID, err = s.rooms.SendDelayed(ctx, u, roomID, eventType, stateKey, delayID, content)
	if err == nil && stateKey != nil && *stateKey == "" {
		s.replacedBy(ctx, eventType, content)
	}
	return eventID, err
}

// replacedBy lets everybody follow a tombstone; no other event names a room.
func (s *Service) replacedBy(ctx context.Context, eventType string, content json.RawMessage) {
	var tombstone struct {
		Next string `json:"replacement_room"`
	}
	if eventType == "m.room.tombstone" && json.Unmarshal(content, &tombstone) == nil && tombstone.Next != "" {
		s.allFollow(ctx, tombstone.Next)
	}
}

// allFollow lets everybody of this server who is in a room follow there from the one that it replaces.
func (s *Service) allFollow(ctx context.Context, roomID string) {
	joined, err := store.Get(ctx, s.db, func(r *store.Reader) (map[string]store.Atom, error) {
		room, ok, err := r.FindRoom(roomID)
		if err != nil || !ok {
			return nil, err
		}
		return r.JoinedOf(room.Ref, s.server)
	})
	if err != nil {
		s.log.Warn().Err(err).Str("room", roomID).Msg("personal settings were not taken over into a room that replaces another")
	}
	for id, atom := range joined {
		s.follow(ctx, rooms.User{ID: id, Atom: atom}, roomID)
	}
}

// follow takes a user's tags, push rules and direct conversations over into a room that replaces another. The user is in the room already, so what
// fails is only told in the log.
func (s *Service) follow(ctx context.Context, u rooms.User, roomID string) {
	ctx = context.WithoutCancel(ctx)
	old, now, err := s.replaced(ctx, u, roomID)
	if err == nil && old.Ref != 0 {
		err = errors.Join(s.copyTags(ctx, u, old, now), s.copyRules(ctx, u, old, now), s.copyDirect(ctx, u, old, now))
	}
	if err != nil {
		s.log.Warn().Err(err).Str("user", u.ID).Str("room", roomID).Msg("personal settings were not taken over into an upgraded room")
	}
}

// replaced finds the room that a room says it replaces, where that is true and the user has been in it; else its number is 0.
func (s *Service) replaced(ctx context.Context, u rooms.User, roomID string) (old, now store.Room, err error) {
	err = s.db.Peek(ctx, func(r *store.Reader) error {
		var ok bool
		if now, ok, err = r.FindRoom(roomID); err != nil || !ok {
			return err
		}
		create, err := currentEvent(r, now, store.AtomCreate)
		if err != nil || create == nil {
			return err
		}
		id, _ := create.Body().Object("predecessor").Text("room_id")
		before, ok, err := r.FindRoom(id)
		if err != nil || !ok {
			return err
		}
		m, err := r.MembershipOf(before.Ref, u.Atom)
		if err != nil || m == 0 {
			return err
		}
		tombstone, err := currentEvent(r, before, store.AtomTombstone)
		if err != nil || tombstone == nil {
			return err
		}
		if next, _ := tombstone.Body().Text("replacement_room"); next == roomID {
			old = before
		}
		return nil
	})
	return old, now, err
}

// copyTags copies the room's tags, where the user has not tagged the new one.
func (s *Service) copyTags(ctx context.Context, u rooms.User, old, now store.Room) error {
	if own, err := s.accounts.Tags(ctx, u.Atom, now.Ref); err != nil || len(own) > 0 {
		return err
	}
	tags, err := s.accounts.Tags(ctx, u.Atom, old.Ref)
	if err != nil {
		return err
	}
	var errs []error
	for tag, info := range tags {
		errs = append(errs, s.accounts.SetTag(ctx, u.Atom, now.Ref, tag, info))
	}
	return errors.Join(errs...)
}

// copyRules copies the push rules that are about the room: its own one, and the one with which clients mute it. One that
// the user has for the new room stays.
func (s *Service) copyRules(ctx context.Context, u rooms.User, old, now store.Room) error {
	for _, kind := range []string{push.Room, push.Override} {
		rule, err := s.push.Rule(ctx, u.Atom, u.ID, kind, old.ID)
		if merr.Is(err, "M_NOT_FOUND") {
			continue
		}
		if err != nil {
			return err
		}
		if _, err := s.push.Rule(ctx, u.Atom, u.ID, kind, now.ID); !merr.Is(err, "M_NOT_FOUND") {
			if err != nil {
				return err
			}
			continue
		}
		rule.RuleID = now.ID
		if kind == push.Override {
			pattern := now.ID
			rule.Conditions = []push.Condition{{Kind: "event_match", Key: "room_id", Pattern: &pattern}}
		}
		if err := s.push.Put(ctx, u.Atom, kind, rule, "", ""); err != nil {
			return err
		}
		if err := s.push.SetEnabled(ctx, u.Atom, kind, rule.RuleID, rule.Enabled); err != nil {
			return err
		}
	}
	return nil
}

// copyDirect lists the new room as a conversation with the same people in m.direct.
func (s *Service) copyDirect(ctx context.Context, u rooms.User, old, now store.Room) error {
	raw, err := s.accounts.AccountData(ctx, u.Atom, 0, typeDirect)
	if merr.Is(err, "M_NOT_FOUND") {
		return nil
	}
	if err != nil {
		return err
	}
	content, changed := addDirect(raw, old.ID, now.ID)
	if !changed {
		return nil
	}
	return s.accounts.SetAccountData(ctx, u.Atom, 0, typeDirect, content)
}

const typeDirect = "m.direct"

// addDirect adds a room beside another one in the content of m.direct. What a client wrote in another form stays.
func addDirect(raw json.RawMessage, old, now string) (content json.RawMessage, changed bool) {
	direct, err := pdu.ParseObject(raw)
	if err != nil {
		return nil, false
	}
	people := map[string]json.RawMessage{}
	for person, list := range direct.All() {
		people[person] = list.Raw()
		ids, ok := list.Texts()
		if !ok || !slices.Contains(ids, old) || slices.Contains(ids, now) {
			continue
		}
		if people[person], err = json.Marshal(append(ids, now)); err != nil {
			return nil, false
		}
		changed = true
	}
	content, err = json.Marshal(people)
	return content, changed && err == nil
}
