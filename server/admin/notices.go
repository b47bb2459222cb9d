package admin

import (
	"context"
	"encoding/json"

	"beffroi/server/journal"
	"beffroi/server/merr"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// notice is one event of the server for one user.
type notice struct {
	user    store.Atom
	userID  string
	kind    string  // the event's type; "": m.room.message
	key     *string // the state key; nil: no state event
	content json.RawMessage
	device  int64  // whose transaction it is
	txnID   string // "": none
}

// Notice is what an administrator says to one user.
type Notice struct {
	UserID   string
	Type     string  // "": m.room.message
	StateKey *string // nil: no state event
	Content  json.RawMessage
	TxnID    string // "": none; the same of the same device gives the same event
}

// SendNotice sends a notice of the server to a user and gives its event id. 400 M_UNKNOWN where the server has no account to speak by.
//
// Spec: client-server API, "Server Notices". Source: Synapse's admin API, "Server Notices".
func (s *Service) SendNotice(ctx context.Context, by rooms.User, q Notice) (eventID string, err error) {
	a, err := s.account(ctx, q.UserID)
	if err != nil {
		return "", err
	}
	err = s.act(ctx, by, journal.Entry{Act: journal.SendNotice, Target: q.UserID}, func(ctx context.Context) error {
		eventID, err = s.notify(ctx, notice{a.User, q.UserID, q.Type, q.StateKey, q.Content, by.Device, q.TxnID})
		return err
	})
	return eventID, err
}

// SendNoticeToAll sends a message to every account that can read it, in the background, and gives how many those are.
func (s *Service) SendNoticeToAll(ctx context.Context, by rooms.User, content json.RawMessage) (people int, err error) {
	if s.Custodian.ID == "" {
		return 0, errNoNotices()
	}
	all, err := store.Get(ctx, s.db, (*store.Reader).AccountInfos)
	if err != nil {
		return 0, err
	}
	var to []notice
	for _, a := range all {
		if !a.State.Is(store.AccountDeactivated) && a.UserID != s.Custodian.ID {
			to = append(to, notice{user: a.User, userID: a.UserID, content: content})
		}
	}
	return len(to), s.act(ctx, by, journal.Entry{Act: journal.SendNoticeToAll, Detail: map[string]any{"people": len(to)}}, func(context.Context) error {
		return s.tasks.start(func(ctx context.Context) {
			for _, n := range to {
				if _, err := s.notify(ctx, n); err != nil {
					s.Log.Error().Err(err).Str("user", n.userID).Msg("a notice of the server could not be sent")
				}
			}
		})
	})
}

// Warn tells a user something as a notice of the server, in the background. Where there is no account to speak by the log tells it.
func (s *Service) Warn(userID, text string) {
	err := s.tasks.start(func(ctx context.Context) {
		a, err := s.account(ctx, userID)
		var content []byte
		if err == nil {
			content, err = json.Marshal(map[string]string{"msgtype": "m.text", "body": text})
		}
		if err == nil {
			_, err = s.notify(ctx, notice{user: a.User, userID: userID, content: content})
		}
		if err != nil {
			s.Log.Warn().Err(err).Str("user", userID).Str("warning", text).Msg("a user could not be warned")
		}
	})
	if err != nil {
		s.Log.Warn().Err(err).Str("user", userID).Msg("a user could not be warned")
	}
}

func errNoNotices() error {
	return merr.New(400, "M_UNKNOWN", "Server notices are not enabled: rooms.custodian names no account")
}

// notify sends a notice in the user's room, which is made for the first one; who left it is invited anew.
func (s *Service) notify(ctx context.Context, n notice) (eventID string, err error) {
	if s.Custodian.ID == "" {
		return "", errNoNotices()
	}
	roomID, err := s.noticeRoom(ctx, n.user, n.userID)
	if err != nil {
		return "", err
	}
	if n.kind == "" {
		n.kind = "m.room.message"
	}
	speaker := s.Custodian
	if n.txnID != "" {
		speaker.Device = n.device
	}
	if n.key != nil {
		return s.Rooms.SetState(ctx, speaker, roomID, n.kind, *n.key, n.content)
	}
	return s.Rooms.Send(ctx, speaker, roomID, n.kind, n.txnID, n.content)
}

// noticeRoom gives the room in which the server speaks to a user.
func (s *Service) noticeRoom(ctx context.Context, user store.Atom, userID string) (string, error) {
	s.noticing.Lock()
	defer s.noticing.Unlock()
	roomID, membership, err := s.knownNoticeRoom(ctx, user)
	if err != nil {
		return "", err
	}
	if roomID == "" {
		if roomID, err = s.makeNoticeRoom(ctx, user); err != nil {
			return "", err
		}
	}
	if membership == store.Leave || membership == 0 {
		return roomID, s.Rooms.Invite(ctx, s.Custodian, roomID, userID, "", true)
	}
	return roomID, nil
}

// knownNoticeRoom finds the room, and how the user stands to it; "" where there is none any more.
func (s *Service) knownNoticeRoom(ctx context.Context, user store.Atom) (roomID string, m store.Membership, err error) {
	err = s.db.Read(ctx, func(r *store.Reader) error {
		id, err := r.NoticeRoom(user)
		if id == "" || err != nil {
			return err
		}
		room, ok, err := r.FindRoom(id)
		if !ok || err != nil {
			return err
		}
		roomID = id
		m, err = r.MembershipOf(room.Ref, user)
		return err
	})
	return roomID, m, err
}

// makeNoticeRoom makes a room in which only the server speaks, and tags it for the user, who is invited when it is known as what it is.
func (s *Service) makeNoticeRoom(ctx context.Context, user store.Atom) (string, error) {
	roomID, err := s.Rooms.Create(ctx, s.Custodian, &rooms.CreateRequest{Name: "Avis du serveur", Topic: "Messages de l'administration", Preset: "private_chat",
		IsDirect: true, PowerLevelOverride: map[string]any{"users_default": -10}})
	if err != nil {
		return "", err
	}
	room, err := store.Get(ctx, s.db, func(r *store.Reader) (store.Room, error) { return rooms.Find(r, roomID) })
	if err != nil {
		return "", err
	}
	if err := s.db.Write(ctx, func(tx *store.Tx) error { return tx.SetNoticeRoom(user, roomID) }); err != nil {
		return "", err
	}
	return roomID, s.Accounts.SetTag(ctx, user, room.Ref, "m.server_notice", json.RawMessage(`{}`))
}
