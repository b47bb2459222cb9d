package rooms

import (
	"context"
	"encoding/json"
	"net/http"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/store"
)

// hearsay is a membership of a user of this server in a room that nobody of it is in, as another server tells it: an invitation, a knock, or the end of one. What it builds upon is
// not known, so only its signatures are proven.
type hearsay struct {
	*pdu.Event
	version string
	via     string            // the server that tells
	state   []json.RawMessage // stripped state, of what the room is
}

// hear stores it: the event as an outlier, and the membership in force. The user sees it with the next answer.
func (s *Service) hear(ctx context.Context, h hearsay) error {
	if held, err := s.cache.acquireAtRest(ctx, h.RoomID()); err == nil { // somebody of this server was in the room once
		defer held.mu.Unlock()
		defer held.dead.Store(true)
	}
	state, err := json.Marshal(append([]json.RawMessage{}, h.state...))
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx *store.Tx) error {
		row, err := h.row(tx)
		if err != nil {
			return err
		}
		m := store.Member{Room: row.Room, User: row.StateKey, Membership: store.ParseMembership(auth.Membership(h.Event)), NID: row.NID}
		if m.Pos, err = s.seat(tx, &m); err != nil || m.Pos == 0 {
			return err
		}
		if m.Membership == store.Invite || m.Membership == store.Knock {
			err = tx.PutStripped(m.Room, m.User, store.Stripped{Via: h.via, JSON: state})
		} else {
			err = tx.DropStripped(m.Room, m.User)
		}
		tx.OnCommit(func() { s.hub.Wake(int64(m.User)) })
		return err
	})
}

// seat puts a membership into the current state, and gives the position of that: 0 where it stands there already.
func (s *Service) seat(tx *store.Tx, m *store.Member) (pos int64, err error) {
	was, ok, err := tx.Member(m.Room, m.User)
	if err != nil || ok && was.NID == m.NID {
		return 0, err
	}
	if pos, err = tx.NextPos(); err != nil {
		return 0, err
	}
	last, _, err := tx.LastPlace(m.Room)
	if err != nil {
		return 0, err
	}
	if _, err := tx.SetCurrentState(m.Room, pos, store.StateEntry{Type: store.AtomMember, StateKey: m.User, NID: m.NID}); err != nil {
		return 0, err
	}
	now := *m
	now.Pos, now.Ord = pos, last.Ord
	return pos, tx.PutMember(now)
}

// row finds the event's row, or makes it with that of the room.
func (h hearsay) row(tx *store.Tx) (row store.Event, err error) {
	room, err := h.room(tx)
	if err != nil {
		return row, err
	}
	row, ok, err := tx.EventByID(h.ID())
	if err != nil || ok {
		if err == nil && row.Room != room {
			err = errElsewhere
		}
		return row, err
	}
	if row, err = newRow(tx, room, toStore{judged: judged{Event: h.Event}}); err != nil {
		return row, err
	}
	pos, err := tx.NextPos()
	if err != nil {
		return row, err
	}
	row.NID, row.Status = store.NID(pos), row.Status|store.StatusOutlier
	return row, tx.AddEvent(&row)
}

func (h hearsay) room(tx *store.Tx) (store.RoomRef, error) {
	room, ok, err := tx.FindRoom(h.RoomID())
	if err != nil || ok {
		return room.Ref, err
	}
	purging, err := tx.PurgesRoom(h.RoomID())
	if err != nil {
		return 0, err
	}
	_, arriving, err := tx.FindArriving(h.RoomID())
	if err != nil || purging || arriving {
		return 0, errOr(err, merr.New(http.StatusServiceUnavailable, "M_UNKNOWN", "The room is being brought in or removed: try again in a minute"))
	}
	return tx.AddRoom(h.RoomID(), h.version)
}

// endsHearsay takes the end of an invitation, or of a knock, in a room that nobody of this server is in. It is believed of the server by whose word that stands; the end of an
// invitation of nobody but who invited, since whether others may can't be seen from here.
func (s *Service) endsHearsay(ctx context.Context, a *arrival) (bool, error) {
	target, _ := a.StateKey()
	m := auth.Membership(a.Event)
	if !a.Is("m.room.member", target) || m != "leave" && m != "ban" || !s.local(target) {
		return false, nil
	}
	told, err := s.toldOf(ctx, a.room.Ref, target)
	if err != nil || told.Via == "" || told.Via != a.from && told.Via != pdu.ServerOf(a.Sender()) {
		return false, err
	}
	if inside, err := s.participates(ctx, a.room.ID); err != nil || inside {
		return false, err
	}
	if told.by != "" && told.by != a.Sender() {
		return false, nil
	}
	return true, s.hear(ctx, hearsay{Event: a.Event, version: a.room.Version, via: told.Via})
}

// rumour is what a user knows of a room by another server's word, and who invited them; by is empty where nobody did.
type rumour struct {
	store.Stripped
	by string
}

// toldOf is what a user of this server knows of a room by another server's word; zero where they know none, or more.
func (s *Service) toldOf(ctx context.Context, room store.RoomRef, userID string) (t rumour, err error) {
	err = s.db.Peek(ctx, func(r *store.Reader) error {
		user, err := r.FindAtom(userID)
		if err != nil {
			return err
		}
		if t.Stripped, _, err = r.Stripped(room, user); err != nil {
			return err
		}
		t.by, err = inviterOf(r, room, user)
		return err
	})
	return t, err
}

// roomByHearsay finds a room that is only known so; the error is otherwise for any other.
func (s *Service) roomByHearsay(ctx context.Context, roomID string, otherwise error) (room store.Room, rules pdu.Rules, err error) {
	err = s.db.Peek(ctx, func(r *store.Reader) error {
		var ok bool
		room, ok, err = r.FindRoom(roomID)
		if err != nil || !ok {
			return errOr(err, otherwise)
		}
		return nil
	})
	rules, ok := pdu.RulesFor(room.Version)
	if err == nil && !ok {
		err = otherwise
	}
	return room, rules, err
}
