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

// Restricted tells whether a join rule lets in who is in one of the rooms that it names.
func Restricted(joinRule string) bool {
	return joinRule == "restricted" || joinRule == "knock_restricted"
}

// maxAllowed is how many rooms of a join rule are looked at.
const maxAllowed = 100

// AllowedRooms lists the rooms whose members the content of an m.room.join_rules event lets in.
//
// Spec: client-server API, "Restricted rooms".
func AllowedRooms(content pdu.Object) (ids []string) {
	conditions, _ := content.Get("allow").Array()
	if conditions == nil {
		return nil
	}
	for condition := range conditions {
		o, _ := condition.Object()
		kind, _ := o.Text("type")
		if id, ok := o.Text("room_id"); ok && kind == "m.room_membership" && len(ids) < maxAllowed {
			ids = append(ids, id)
		}
	}
	return ids
}

// JoinedToAny tells whether a user is joined to one of some rooms.
func JoinedToAny(r *store.Reader, user store.Atom, roomIDs []string) (bool, error) {
	for _, id := range roomIDs {
		room, ok, err := r.FindRoom(id)
		if err != nil {
			return false, err
		}
		if !ok {
			continue
		}
		if m, err := r.MembershipOf(room.Ref, user); err != nil || m == store.Join {
			return err == nil, err
		}
	}
	return false, nil
}

// authoriser names a member of this server in whose name the user may join a restricted room; "" where they need none, because the room is
// not restricted or they are invited already, or where it is not open to them, which the authorisation rules say then. The room is locked.
//
// Spec: server-server API, "Restricted rooms".
func (s *Service) authoriser(ctx context.Context, l *live, u User, now string) (string, error) {
	rules := l.held.Event("m.room.join_rules", "")
	if !Restricted(auth.JoinRule(rules)) || now == "invite" || now == "join" || now == "ban" {
		return "", nil
	}
	may, err := s.joinedToAny(ctx, u, AllowedRooms(rules.Body()))
	if err != nil || !may {
		return "", err
	}
	if best := l.inviter(); best != "" {
		return best, nil
	}
	return "", merr.New(http.StatusBadRequest, "M_UNABLE_TO_AUTHORISE_JOIN", "Nobody of this server who is in the room may let you in")
}

// inviter is the member of this server with the most power who may invite; "" for none.
func (l *live) inviter() (best string) {
	levels := l.levels()
	for id := range l.joined {
		if levels.For(id) < levels.Level("invite") {
			continue
		}
		if best == "" || levels.For(id) > levels.For(best) || levels.For(id) == levels.For(best) && id < best {
			best = id
		}
	}
	return best
}

func (s *Service) joinedToAny(ctx context.Context, u User, ids []string) (may bool, err error) {
	if len(ids) == 0 {
		return false, nil
	}
	err = s.db.Peek(ctx, func(r *store.Reader) error {
		may, err = JoinedToAny(r, u.Atom, ids)
		return err
	})
	return may, err
}

// withoutAuthoriser takes out of a membership that a client sets as state what only this server says: who lets the user in.
func withoutAuthoriser(content json.RawMessage) json.RawMessage {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(content, &members); err != nil {
		return content // who builds the event tells what is wrong
	}
	if _, ok := members["join_authorised_via_users_server"]; !ok {
		return content
	}
	delete(members, "join_authorised_via_users_server")
	if without, err := json.Marshal(members); err == nil {
		return without
	}
	return content
}
