package admin

import (
	"context"
	"maps"
	"time"

	"beffroi/server/journal"
	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// Redacting is which messages of somebody are deleted.
type Redacting struct {
	Rooms  []string // empty: all that the user is in and this server knows
	Reason string
	Limit  int           // of messages in a room, the latest first
	After  time.Duration // since 1970: not those before
	Before time.Duration // 0: whenever
}

// How many messages of a room are deleted where nobody says, and how many events one read looks at, and in all of a room.
const (
	redactedPerRoom = 1000
	redactBatch     = 500
	redactScan      = 50_000
)

const taskRedact = "redact"

// RedactUser deletes messages of a user of any server in the background, by the town hall's account or, where that is not in the room, by the administrator's: never in the
// user's name. The id tells how it stands, see Redactions: the result is a map[string]string of the events that could not be deleted, and why.
//
// Source: Synapse's admin API, "Redact events of a user".
func (s *Service) RedactUser(ctx context.Context, by rooms.User, userID string, q Redacting) (id string, err error) {
	if !pdu.ValidUserID(userID) {
		return "", merr.InvalidParam("%q is not a user id", userID)
	}
	list := q.Rooms
	if len(list) == 0 {
		if list, err = s.joinedRooms(ctx, userID); err != nil {
			return "", err
		}
	}
	e := journal.Entry{Act: journal.RedactUser, Target: userID, Detail: map[string]any{"rooms": len(list)}}
	err = s.act(ctx, by, e, func(context.Context) error {
		id, err = s.tasks.begin(taskRedact, userID, s.now(), func(ctx context.Context, report func(any)) error {
			failed := map[string]string{}
			for _, roomID := range list {
				if err := s.redactIn(ctx, by, roomID, userID, q, failed); err != nil {
					return err
				}
				report(maps.Clone(failed))
			}
			return nil
		})
		return err
	})
	return id, err
}

// Redactions gives how a deletion of messages stands that was begun in the last day.
func (s *Service) Redactions(id string) []Task {
	return s.tasks.find(taskRedact, func(t Task) bool { return t.ID == id })
}

func (s *Service) joinedRooms(ctx context.Context, userID string) (ids []string, err error) {
	all, err := s.Memberships(ctx, userID)
	for id, m := range all {
		if m == store.Join {
			ids = append(ids, id)
		}
	}
	return ids, err
}

// redactIn deletes messages in one room. A room that is not here has none.
func (s *Service) redactIn(ctx context.Context, by rooms.User, roomID, userID string, q Redacting, failed map[string]string) error {
	who := by
	who.Device = 0
	if _, err := s.governed(ctx, roomID); err == nil {
		who = s.Custodian
	} else if merr.Is(err, "M_NOT_FOUND") {
		return nil
	}
	ids, err := s.messagesOf(ctx, roomID, userID, q)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, err := s.Rooms.Redact(ctx, who, roomID, id, "", q.Reason); err != nil {
			failed[id] = merr.From(err).Text
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// messagesOf finds the ids of a user's messages in a room, the latest first; what they say is not looked at.
func (s *Service) messagesOf(ctx context.Context, roomID, userID string, q Redacting) (ids []string, err error) {
	limit := q.Limit
	if limit <= 0 {
		limit = redactedPerRoom
	}
	from := store.OrdMax
	for scanned := 0; scanned < redactScan && len(ids) < limit; scanned += redactBatch {
		var batch []store.Event
		var sender store.Atom
		err := s.db.Read(ctx, func(r *store.Reader) error {
			room, err := findRoom(r, roomID)
			if err != nil {
				return err
			}
			if sender, err = r.FindAtom(userID); err != nil {
				return err
			}
			batch, err = r.EventsBackward(room.Ref, from, store.OrdMin, redactBatch)
			return err
		})
		if err != nil || len(batch) == 0 {
			return ids, err
		}
		for _, e := range batch {
			from = e.Ord - 1
			if e.Sender == sender && len(ids) < limit && q.takes(&e) {
				ids = append(ids, e.ID)
			}
		}
	}
	return ids, nil
}

// takes tells whether an event is a message that is not deleted yet, of the time that is asked for.
func (q Redacting) takes(e *store.Event) bool {
	ts := time.Duration(e.TS) * time.Millisecond
	return e.StateKey == 0 && e.RedactedBy == 0 && e.Type != store.AtomRedaction && ts >= q.After && (q.Before == 0 || ts <= q.Before)
}
