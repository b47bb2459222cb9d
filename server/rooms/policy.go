package rooms

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"

	"beffroi/server/pdu"
	"beffroi/server/store"
)

// Policy is what was decided about other servers.
type Policy interface {
	// RoomACL is the content of m.room.server_acl that rooms made here have. It is needed where the policy refuses anybody; else only rooms that have one already get it.
	RoomACL() (content json.RawMessage, needed bool)
	// FollowsPolicy tells whether the content of an m.room.server_acl event came from RoomACL, now or before.
	FollowsPolicy(content pdu.Object) bool
	// RoomVerdict tells whether a room may be entered in which these servers are, and with which of them this server does not speak.
	RoomVerdict(servers []string) (allowed bool, unlisted []string)
}

// draftACL gives a new room the server ACL of the policy, unless the request brings one, or it is of this server alone (m.federate).
func (s *Service) draftACL(d *drafting, q *CreateRequest) {
	if s.Policy == nil || q.CreationContent["m.federate"] == false {
		return
	}
	own := func(e InitialState) bool { return e.Type == "m.room.server_acl" && e.StateKey == "" }
	if content, needed := s.Policy.RoomACL(); needed && !slices.ContainsFunc(q.InitialState, own) {
		d.state("m.room.server_acl", "", content)
	}
}

// RenewACLs gives the server ACL of the policy to the rooms that were made here and in which the custodian is, if they have the policy's of before or none.
// What people set themselves stays. A room in which the custodian may not is left out.
func (s *Service) RenewACLs(ctx context.Context) error {
	if s.Policy == nil || s.Custodian.ID == "" {
		return nil
	}
	content, needed := s.Policy.RoomACL()
	acl, err := pdu.ParseObject(content)
	if err != nil {
		return err
	}
	wanting, done, err := s.wantingACL(ctx, acl, needed)
	if err != nil || done {
		return err
	}
	for _, roomID := range wanting {
		if _, err := s.SetState(ctx, s.Custodian, roomID, "m.room.server_acl", "", acl.Raw()); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			s.Log.Warn().Err(err).Str("room", roomID).Msg("the server ACL of a room does not follow the policy")
		}
	}
	return s.db.Write(ctx, func(tx *store.Tx) error { return tx.PutMeta(store.MetaPolicyACL, string(acl.Raw())) })
}

// wantingACL lists the rooms that lack a server ACL. It is done where all were given the same one before.
func (s *Service) wantingACL(ctx context.Context, acl pdu.Object, needed bool) (ids []string, done bool, err error) {
	err = s.db.Read(ctx, func(r *store.Reader) error {
		last, err := r.MetaText(store.MetaPolicyACL)
		if done = last == string(acl.Raw()) || last == "" && !needed; err != nil || done {
			return err
		}
		rooms, err := r.RoomsOf(s.Custodian.Atom)
		if err != nil {
			return err
		}
		for _, m := range rooms {
			room, ok, err := r.Room(m.Room)
			if err != nil {
				return err
			}
			if !ok || m.Membership != store.Join {
				continue
			}
			wants, err := s.wantsACL(r, room, acl, needed)
			if err != nil {
				return err
			}
			if wants {
				ids = append(ids, room.ID)
			}
		}
		return nil
	})
	return ids, done, err
}

func (s *Service) wantsACL(r *store.Reader, room store.Room, acl pdu.Object, needed bool) (bool, error) {
	create, ok, err := r.CurrentEvent(room.Ref, store.AtomCreate, store.AtomEmpty)
	if err != nil || !ok {
		return false, err
	}
	made := pdu.StoredObject(create.JSON)
	sender, _ := made.Text("sender")
	if federate, given := made.Object("content").Get("m.federate").Bool(); !s.local(sender) || given && !federate {
		return false, nil
	}
	now, ok, err := r.CurrentEvent(room.Ref, store.AtomServerACL, store.AtomEmpty)
	if err != nil || !ok {
		return needed, err
	}
	standing := pdu.StoredObject(now.JSON).Object("content")
	return s.Policy.FollowsPolicy(standing) && !bytes.Equal(standing.Raw(), acl.Raw()), nil
}
