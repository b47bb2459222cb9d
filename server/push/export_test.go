package push

import (
	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/store"
)

// Oracle judges a stored event for one user by their whole rules, with the room as the database has it now. It shares the matcher of a single condition
// with Judge, and nothing else.
func Oracle(r *store.Reader, room store.RoomRef, user store.Atom, userID, eventID string) (notify, highlight bool, err error) {
	in := &oracleRoom{Reader: r, room: room, user: user, id: userID}
	found, _, err := r.Room(room)
	if err != nil {
		return false, false, err
	}
	in.rules, _ = pdu.RulesFor(found.Version)
	row, _, err := r.EventByID(eventID)
	if err != nil {
		return false, false, err
	}
	e := in.event(&row)
	data, err := r.AccountData(user, 0, store.AtomPushRules)
	if err != nil || e == nil || e.Sender() == userID {
		return false, false, err
	}
	own, err := parseChanges(data.Content)
	if err != nil {
		return false, false, err
	}
	all := own.expand(userID)
	for rules := range all.kinds() {
		for i := range *rules {
			(*rules)[i].Default = false // so that its conditions are matched as they are written
		}
	}
	does := compile(&all).match(e, in)
	return does.notify, does.highlight, in.err
}

// oracleRoom answers conditions from the database. The first failure stays in err.
type oracleRoom struct {
	*store.Reader
	room  store.RoomRef
	user  store.Atom
	id    string
	rules pdu.Rules
	err   error
}

func (s *oracleRoom) event(row *store.Event) *pdu.Event {
	e, err := row.PDU(s.rules)
	s.fail(err)
	return e
}

func (s *oracleRoom) MemberCount() int {
	members, _, err := s.MemberCounts(s.room)
	s.fail(err)
	return members
}

func (s *oracleRoom) displayName() (name string) {
	if e := s.state(store.AtomMember, s.user); e != nil {
		name, _ = e.Body().Text("displayname")
	}
	return name
}

func (s *oracleRoom) MayNotify(sender, key string) bool {
	levels := auth.NewPowerLevels(s.state(store.AtomCreate, store.AtomEmpty), s.state(store.AtomPowerLevels, store.AtomEmpty))
	return levels.For(sender) >= levels.Notification(key)
}

func (s *oracleRoom) isReader(userID string) bool { return userID == s.id }
func (s *oracleRoom) mentionsReader() bool        { return false } // no rule asks

func (s *oracleRoom) state(eventType, stateKey store.Atom) *pdu.Event {
	row, ok, err := s.CurrentEvent(s.room, eventType, stateKey)
	s.fail(err)
	if err != nil || !ok {
		return nil
	}
	return s.event(&row)
}

func (s *oracleRoom) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// Remembered tells how many audiences and compiled rules are held.
func (s *Service) Remembered() (audiences, rules int) { return s.audiences.size(), s.compiled.size() }
