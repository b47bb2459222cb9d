package rooms

import (
	"bytes"
	"context"
	"encoding/json"

	"beffroi/server/pdu"
	"beffroi/server/store"
)

// standing gives the event that a user in the room set this state with, if that is in force with this content; else "". What is
// queued and not durable yet comes after this request, so the room isn't locked.
func (s *Service) standing(ctx context.Context, u User, roomID, eventType, stateKey string, content json.RawMessage) (string, error) {
	wanted, err := pdu.Canonical(content)
	if err != nil {
		return "", nil // who builds the event tells what is wrong
	}
	return store.Get(ctx, s.db, func(r *store.Reader) (string, error) {
		room, now, err := ownState(r, u, roomID, eventType, stateKey)
		if err != nil || now.NID == 0 {
			return "", err
		}
		rules, _ := pdu.RulesFor(room.Version)
		e, err := now.PDU(rules)
		if err != nil || !bytes.Equal(e.Body().Raw(), wanted) {
			return "", err
		}
		return e.ID(), nil
	})
}

// ownState reads the state event in force where the user is in the room and sent it; else its NID is 0.
func ownState(r *store.Reader, u User, roomID, eventType, stateKey string) (room store.Room, e store.Event, err error) {
	room, _, err = r.FindRoom(roomID)
	if err != nil {
		return room, e, err
	}
	member, _, err := r.Member(room.Ref, u.Atom)
	if err != nil || member.Membership != store.Join {
		return room, e, err
	}
	kind, err := r.FindAtom(eventType)
	if err != nil {
		return room, e, err
	}
	key, err := r.FindAtom(stateKey)
	if err != nil {
		return room, e, err
	}
	if e, _, err = r.CurrentEvent(room.Ref, kind, key); e.Sender != u.Atom {
		e = store.Event{}
	}
	return room, e, err
}
