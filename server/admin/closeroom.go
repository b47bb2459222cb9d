package admin

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"beffroi/server/journal"
	"beffroi/server/merr"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// Closing is how a room is closed.
type Closing struct {
	NewRoomUser string // who makes the room into which the users of this server are invited instead, and speaks there: who closes, and nobody else; "": none is made
	RoomName    string // of the new room; "": a name that says why
	Message     string // the first one in the new room
	Block       bool   // nobody enters it any more
	Purge       bool   // it is removed from the database
}

// Closed is what became of a room that was closed.
type Closed struct {
	Kicked       []string `json:"kicked_users"`
	FailedToKick []string `json:"failed_to_kick_users"`
	LocalAliases []string `json:"local_aliases"`
	NewRoomID    *string  `json:"new_room_id"`
}

// CloseRoom takes the users of this server out of a room, and removes it. It stands in the journal with how many those were.
//
// Source: Synapse's admin API, "Delete Room API".
func (s *Service) CloseRoom(ctx context.Context, by rooms.User, roomID string, c Closing) (closed Closed, err error) {
	err = s.beginClosing(ctx, by, roomID, c, func(ctx context.Context, who []rooms.User, aliases []string) error {
		closed, err = s.closeRoom(ctx, roomID, c, who, aliases, func(any) {})
		return err
	})
	return closed, err
}

// CloseRoomLater is CloseRoom in the background. The id tells how it stands, see Closings.
func (s *Service) CloseRoomLater(ctx context.Context, by rooms.User, roomID string, c Closing) (id string, err error) {
	err = s.beginClosing(ctx, by, roomID, c, func(_ context.Context, who []rooms.User, aliases []string) error {
		id, err = s.tasks.begin(taskClose, roomID, s.now(), func(ctx context.Context, report func(any)) error {
			_, err := s.closeRoom(ctx, roomID, c, who, aliases, report)
			return err
		})
		return err
	})
	return id, err
}

const taskClose = "close room"

// Closings gives how the closing of rooms stands that is done in the background or was in the last day: by its id, or all of a room.
func (s *Service) Closings(id, roomID string) []Task {
	return s.tasks.find(taskClose, func(t Task) bool { return t.ID == id || roomID != "" && t.Subject == roomID })
}

// beginClosing finds who is in the room, blocks it where that is wanted, and writes the journal.
func (s *Service) beginClosing(ctx context.Context, by rooms.User, roomID string, c Closing, do func(ctx context.Context, who []rooms.User, aliases []string) error) error {
	var who []rooms.User
	var aliases []string
	err := s.db.Read(ctx, func(r *store.Reader) error {
		room, err := findRoom(r, roomID)
		if err != nil {
			return err
		}
		if aliases, err = r.AliasesOf(room.Ref); err != nil {
			return err
		}
		who, err = s.localUsers(r, room.Ref)
		return err
	})
	if err != nil && (!merr.Is(err, "M_NOT_FOUND") || !c.Block) { // also a room that is not here can be blocked
		return err
	}
	if c.NewRoomUser != "" && c.NewRoomUser != by.ID {
		return merr.Forbidden("new_room_user_id: nobody speaks in somebody else's name / personne ne parle au nom d'une autre personne")
	}
	e := journal.Entry{Act: journal.DeleteRoom, RoomID: roomID, Detail: map[string]any{"people": len(who), "purge": c.Purge, "block": c.Block}}
	return s.act(ctx, by, e, func(ctx context.Context) error {
		if c.Block {
			if err := s.block(ctx, by, roomID, true); err != nil {
				return err
			}
		}
		return do(ctx, who, aliases)
	})
}

// localUsers lists the users of this server who are in a room, invited to it or knock at it.
func (s *Service) localUsers(r *store.Reader, room store.RoomRef) (who []rooms.User, err error) {
	members, err := r.MembersOf(room)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		if m.Membership == store.Leave || m.Membership == store.Ban {
			continue
		}
		id, err := r.Text(m.User)
		if err != nil {
			return nil, err
		}
		if strings.HasSuffix(id, ":"+s.ServerName) {
			who = append(who, rooms.User{Atom: m.User, ID: id})
		}
	}
	return who, nil
}

// closeRoom lets everybody leave; the town hall's account goes last.
func (s *Service) closeRoom(ctx context.Context, roomID string, c Closing, who []rooms.User, aliases []string, report func(any)) (closed Closed, err error) {
	closed = Closed{Kicked: []string{}, FailedToKick: []string{}, LocalAliases: append([]string{}, aliases...)}
	if c.NewRoomUser != "" && len(who) > 0 {
		if closed.NewRoomID, err = s.replacement(ctx, c, who); err != nil {
			return closed, err
		}
	}
	slices.SortStableFunc(who, func(a, b rooms.User) int { return last(a, s.Custodian) - last(b, s.Custodian) })
	for _, u := range who {
		if err := s.Rooms.TakeOut(ctx, u, roomID, "Ce salon a été fermé par l'administration"); err != nil {
			closed.FailedToKick = append(closed.FailedToKick, u.ID)
			s.Log.Error().Err(err).Str("user", u.ID).Msg("a user could not be taken out of a room that is closed")
			continue
		}
		closed.Kicked = append(closed.Kicked, u.ID)
	}
	report(closed)
	if !c.Purge {
		return closed, nil
	}
	if err := s.Rooms.Purge(ctx, roomID); err != nil && !merr.Is(err, "M_FORBIDDEN") { // of a room that is not here nothing is left
		return closed, err
	}
	return closed, nil
}

func last(u, custodian rooms.User) int {
	if u.Atom == custodian.Atom {
		return 1
	}
	return 0
}

// replacement makes the room into which those are invited whose room is closed, and says there why.
func (s *Service) replacement(ctx context.Context, c Closing, who []rooms.User) (*string, error) {
	maker, err := s.account(ctx, c.NewRoomUser)
	if err != nil {
		return nil, err
	}
	u := rooms.User{Atom: maker.User, ID: c.NewRoomUser}
	q := &rooms.CreateRequest{Name: c.RoomName, Preset: "private_chat", PowerLevelOverride: map[string]any{"users_default": -10}}
	if q.Name == "" {
		q.Name = "Un salon a été fermé"
	}
	roomID, err := s.Rooms.Create(ctx, u, q)
	if err != nil {
		return nil, err
	}
	if c.Message == "" {
		c.Message = "Un salon dont vous étiez membre a été fermé par l'administration. / A room that you were in was closed by the administration."
	}
	content, err := json.Marshal(map[string]string{"msgtype": "m.text", "body": c.Message})
	if err != nil {
		return nil, err
	}
	_, err = s.Rooms.Send(ctx, u, roomID, "m.room.message", "", content)
	for _, other := range who {
		if other.Atom != u.Atom && other.Atom != s.Custodian.Atom {
			err = errors.Join(err, s.Rooms.Invite(ctx, u, roomID, other.ID, "", false))
		}
	}
	return &roomID, err
}
