package admin

import (
	"context"
	"encoding/json"
	"maps"

	"beffroi/server/journal"
	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// adminLevel is the power that an administrator of a room gets: what the levels that this server makes call for.
const adminLevel = 100

// MakeRoomAdmin gives a user power in a room, by the town hall's account and before everybody's eyes: a change of the power levels, and a notice that says who asked. Somebody who is
// not in the room is invited. 403 M_FORBIDDEN where the town hall's account is not in it: into conversations administration has no way.
//
// Source: Synapse's admin API, "Make Room Admin API"; ARCHITECTURE.md, "Who may create what".
func (s *Service) MakeRoomAdmin(ctx context.Context, by rooms.User, roomID, userID string) error {
	if !pdu.ValidUserID(userID) {
		return merr.InvalidParam("%q is not a user id", userID)
	}
	room, err := s.governed(ctx, roomID)
	if err != nil {
		return err
	}
	return s.act(ctx, by, journal.Entry{Act: journal.MakeRoomAdmin, Target: userID, RoomID: roomID}, func(ctx context.Context) error {
		return s.empower(ctx, by, room, userID)
	})
}

// governed finds a room that the town hall's account is in: 404 M_NOT_FOUND where there is none.
func (s *Service) governed(ctx context.Context, roomID string) (room store.Room, err error) {
	err = s.db.Read(ctx, func(r *store.Reader) error {
		if room, err = findRoom(r, roomID); err != nil {
			return err
		}
		m, err := r.MembershipOf(room.Ref, s.Custodian.Atom)
		if err == nil && (s.Custodian.Atom == 0 || m != store.Join) {
			err = merr.Forbidden("The town hall's account is not in this room, so administration has no power there / " +
				"Le compte de la mairie n'est pas dans ce salon : l'administration n'y a aucun pouvoir")
		}
		return err
	})
	return room, err
}

func findRoom(r *store.Reader, roomID string) (store.Room, error) {
	room, ok, err := r.FindRoom(roomID)
	if err == nil && !ok {
		err = merr.NotFound("There is no such room here")
	}
	return room, err
}

// empower changes the power levels, invites who is not there, and says so in the room.
func (s *Service) empower(ctx context.Context, by rooms.User, room store.Room, userID string) error {
	levels, membership, err := s.levelsWith(ctx, room, userID)
	if err != nil {
		return err
	}
	if levels != nil {
		if _, err := s.Rooms.SetState(ctx, s.Custodian, room.ID, "m.room.power_levels", "", levels); err != nil {
			return err
		}
	}
	if membership != store.Join && membership != store.Invite {
		if err := s.Rooms.Invite(ctx, s.Custodian, room.ID, userID, "", false); err != nil {
			return err
		}
	}
	body, err := json.Marshal(map[string]string{"msgtype": "m.notice", "body": "À la demande de " + by.ID + ", " + userID +
		" est maintenant administrateur de ce salon. / At the request of " + by.ID + ", " + userID + " is now an administrator of this room."})
	if err != nil {
		return err
	}
	_, err = s.Rooms.Send(ctx, s.Custodian, room.ID, "m.room.message", "", body)
	return err
}

// levelsWith gives the content of power levels in which a user has power, nil where they have it already.
func (s *Service) levelsWith(ctx context.Context, room store.Room, userID string) (content json.RawMessage, m store.Membership, err error) {
	err = s.db.Read(ctx, func(r *store.Reader) error {
		levels, event, err := roomLevels(r, room)
		if err != nil {
			return err
		}
		user, err := r.FindAtom(userID)
		if err != nil {
			return err
		}
		if user != 0 {
			if m, err = r.MembershipOf(room.Ref, user); err != nil {
				return err
			}
		}
		if levels.For(userID) < adminLevel {
			content, err = raised(event, userID)
		}
		return err
	})
	return content, m, err
}

// roomLevels reads the power levels of a room, and the event that they stand in; nil where there is none.
func roomLevels(r *store.Reader, room store.Room) (auth.PowerLevels, *pdu.Event, error) {
	rules, _ := pdu.RulesFor(room.Version)
	var events [2]*pdu.Event
	for i, kind := range []store.Atom{store.AtomCreate, store.AtomPowerLevels} {
		row, ok, err := r.CurrentEvent(room.Ref, kind, store.AtomEmpty)
		if err != nil {
			return auth.PowerLevels{}, nil, err
		}
		if !ok {
			continue
		}
		if events[i], err = row.PDU(rules); err != nil {
			return auth.PowerLevels{}, nil, err
		}
	}
	if events[0] == nil { // it is known by hearsay only
		return auth.PowerLevels{}, nil, merr.NotFound("Nobody of this server is in the room")
	}
	return auth.NewPowerLevels(events[0], events[1]), events[1], nil
}

// raised is the content of power levels with one user's changed.
func raised(event *pdu.Event, userID string) (json.RawMessage, error) {
	content, users := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if event != nil {
		if err := json.Unmarshal(event.Body().Raw(), &content); err != nil {
			return nil, err
		}
		if raw, ok := content["users"]; ok {
			if err := json.Unmarshal(raw, &users); err != nil {
				return nil, err
			}
		}
	}
	users = maps.Clone(users)
	users[userID] = json.RawMessage("100")
	raw, err := json.Marshal(users)
	if err != nil {
		return nil, err
	}
	content["users"] = raw
	return json.Marshal(content)
}

// JoinUser brings a user of this server into a room: by an invitation of the administrator, who must be in the room and may invite, unless the room is open to everybody.
//
// Source: Synapse's admin API, "Edit Room Membership API".
func (s *Service) JoinUser(ctx context.Context, by rooms.User, roomID, userID string) error {
	a, err := s.account(ctx, userID)
	if err != nil {
		return err
	}
	return s.act(ctx, by, journal.Entry{Act: journal.JoinUser, Target: userID, RoomID: roomID}, func(ctx context.Context) error {
		user := rooms.User{Atom: a.User, ID: userID}
		err := s.Rooms.Join(ctx, user, roomID, "")
		if err == nil || !merr.Is(err, "M_FORBIDDEN") {
			return err
		}
		if err := s.Rooms.Invite(ctx, by, roomID, userID, "", false); err != nil {
			return err
		}
		return s.Rooms.Join(ctx, user, roomID, "")
	})
}

// BlockRoom keeps the users of this server from entering a room, which need not be here, or lets them again.
func (s *Service) BlockRoom(ctx context.Context, by rooms.User, roomID string, block bool) error {
	e := journal.Entry{Act: journal.BlockRoom, RoomID: roomID}
	if !block {
		e.Act = journal.UnblockRoom
	}
	return s.act(ctx, by, e, func(ctx context.Context) error { return s.block(ctx, by, roomID, block) })
}

func (s *Service) block(ctx context.Context, by rooms.User, roomID string, block bool) error {
	return s.db.Write(ctx, func(tx *store.Tx) error {
		if block {
			return tx.BlockRoom(roomID, by.Atom, store.Millis(s.now()))
		}
		return tx.UnblockRoom(roomID)
	})
}

// HandOver makes somebody administrator of the salons in which another user is one, as before that one leaves. It gives how many those are.
func (s *Service) HandOver(ctx context.Context, by rooms.User, fromID, toID string) (n int, err error) {
	from, err := s.account(ctx, fromID)
	if err != nil {
		return 0, err
	}
	if _, err := s.account(ctx, toID); err != nil {
		return 0, err
	}
	list, err := s.governedBy(ctx, from.User, fromID)
	if err != nil {
		return 0, err
	}
	e := journal.Entry{Act: journal.HandOver, Target: fromID, Detail: map[string]any{"to": toID, "rooms": len(list)}}
	return len(list), s.act(ctx, by, e, func(ctx context.Context) error {
		for _, room := range list {
			if err := s.MakeRoomAdmin(ctx, by, room.ID, toID); err != nil {
				return err
			}
		}
		return nil
	})
}

// governedBy lists the rooms in which a user has an administrator's power and the town hall's account is.
func (s *Service) governedBy(ctx context.Context, user store.Atom, userID string) (list []store.Room, err error) {
	err = s.db.Read(ctx, func(r *store.Reader) error {
		members, err := r.RoomsOf(user)
		if err != nil {
			return err
		}
		for _, m := range members {
			custodian, err := r.MembershipOf(m.Room, s.Custodian.Atom)
			if err != nil {
				return err
			}
			if m.Membership != store.Join || custodian != store.Join {
				continue
			}
			room, ok, err := r.Room(m.Room)
			if err != nil || !ok {
				return err
			}
			levels, _, err := roomLevels(r, room)
			if err != nil {
				return err
			}
			if levels.For(userID) >= adminLevel {
				list = append(list, room)
			}
		}
		return nil
	})
	return list, err
}
