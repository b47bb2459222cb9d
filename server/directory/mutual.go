package directory

import (
	"context"
	"slices"
	"strconv"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// Mutual are rooms that two users are joined to.
type Mutual struct {
	Joined []string `json:"joined"`
	Count  int      `json:"count"`
	Next   string   `json:"next_batch,omitempty"`
}

const maxMutual = 500

// MutualRooms lists a page of the rooms that a user shares with another one, after a token.
//
// Spec: client-server API, "GET /_matrix/client/v1/mutual_rooms".
func (s *Service) MutualRooms(ctx context.Context, u rooms.User, other, from string) (m Mutual, err error) {
	m.Joined = []string{}
	if other == u.ID || !pdu.ValidUserID(other) {
		return m, merr.InvalidParam("%q is not the id of another user", other)
	}
	var after store.RoomRef
	if from != "" {
		n, err := strconv.ParseInt(from, 10, 64)
		if err != nil || n < 1 {
			return m, merr.InvalidParam("The token is none of this list")
		}
		after = store.RoomRef(n)
	}
	return m, s.db.Read(ctx, func(r *store.Reader) error {
		atom, err := r.FindAtom(other)
		if err != nil || atom == 0 {
			return err
		}
		common, err := r.CommonRooms(u.Atom, atom)
		if err != nil {
			return err
		}
		m.Count = len(common)
		begin, isThere := slices.BinarySearch(common, after)
		if isThere {
			begin++
		}
		end := min(begin+maxMutual, len(common))
		if end < len(common) {
			m.Next = strconv.FormatInt(int64(common[end-1]), 10)
		}
		for _, ref := range common[begin:end] {
			room, _, err := r.Room(ref)
			if err != nil {
				return err
			}
			m.Joined = append(m.Joined, room.ID)
		}
		return nil
	})
}
