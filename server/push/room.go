package push

import (
	"fmt"

	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/store"
)

// storedRoom answers conditions from the database, once each. The first failure stays in err.
type storedRoom struct {
	*store.Reader
	room store.RoomRef
	user store.Atom
	err  error

	rules   pdu.Rules // the zero value: not asked yet, as with what follows
	members int
	name    *string
	levels  *auth.PowerLevels
}

// event reads a stored event.
func (s *storedRoom) event(row *store.Event) (*pdu.Event, error) {
	if s.rules.Version == "" {
		room, _, err := s.Room(s.room)
		if err != nil {
			return nil, err
		}
		var ok bool
		if s.rules, ok = pdu.RulesFor(room.Version); !ok {
			return nil, fmt.Errorf("room %s has version %q", room.ID, room.Version)
		}
	}
	return row.PDU(s.rules)
}

func (s *storedRoom) memberCount() int {
	if s.members == 0 && s.err == nil {
		s.members, _, s.err = s.MemberCounts(s.room)
	}
	return s.members
}

// displayName is the reader's in this room.
func (s *storedRoom) displayName() string {
	if s.name == nil {
		s.name = new(string)
		if e := s.state(store.AtomMember, s.user); e != nil {
			*s.name, _ = e.Body().Text("displayname")
		}
	}
	return *s.name
}

// mayNotify tells whether a sender has the power level to notify by a key. Spec: client-server API, "sender_notification_permission".
func (s *storedRoom) mayNotify(sender, key string) bool {
	if s.levels == nil {
		create := s.state(store.AtomCreate, store.AtomEmpty)
		if create == nil {
			return false
		}
		levels := auth.NewPowerLevels(create, s.state(store.AtomPowerLevels, store.AtomEmpty))
		s.levels = &levels
	}
	return s.levels.For(sender) >= s.levels.Notification(key)
}

// state reads a state event, nil where there is none.
func (s *storedRoom) state(eventType, stateKey store.Atom) *pdu.Event {
	row, ok, err := s.CurrentEvent(s.room, eventType, stateKey)
	if err != nil || !ok {
		s.fail(err)
		return nil
	}
	e, err := s.event(&row)
	s.fail(err)
	return e
}

func (s *storedRoom) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}
