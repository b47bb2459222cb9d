package push

import (
	"strconv"

	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/store"
)

// Decision is what a user's rules do with an event: the actions of the first rule that matches.
type Decision struct {
	Notify    bool
	Highlight bool
	Actions   []Action // nil where no rule matches
}

// Heard is an event that is judged for many users after it was sent, with the rules and the room as they are in one snapshot. Users with alike
// rules are judged once.
type Heard struct {
	*pdu.Event
	s         *Service
	in        *storedRoom
	mentioned map[string]bool // by m.mentions
	known     map[verdictKey]Decision
}

// verdictKey is what a verdict depends on beside the event and its room.
type verdictKey struct {
	rules *compiled
	one   store.Atom // 0 where it is the same for everybody who is not mentioned
}

// Hear prepares an event to be judged. nil: its room's version is not known, or its bytes are damaged, which must not keep others from being told.
func (s *Service) Hear(r *store.Reader, e *store.Event) (*Heard, error) {
	room, _, err := r.Room(e.Room)
	if err != nil {
		return nil, err
	}
	law, ok := pdu.RulesFor(room.Version)
	if !ok {
		return nil, nil
	}
	event, err := e.PDU(law)
	if err != nil {
		return nil, nil //nolint:nilerr // the scrub tells of it
	}
	h := &Heard{event, s, &storedRoom{Reader: r, room: e.Room, law: law}, map[string]bool{}, map[verdictKey]Decision{}}
	if list, ok := event.Body().Object("m.mentions").Get("user_ids").Array(); ok {
		for v := range list {
			if id, isText := v.Text(); isText {
				h.mentioned[id] = true
			}
		}
	}
	return h, nil
}

// By judges the event for one user. Nobody is told of what they sent themselves. Spec: client-server API, "Push Rules".
func (h *Heard) By(user store.Atom, userID string) (Decision, error) {
	if h.Sender() == userID {
		return Decision{}, nil
	}
	rules, err := h.s.whole(h.in.Reader, user)
	if err != nil {
		return Decision{}, err
	}
	if rules.patterns*len(h.JSON()) > userWork {
		rules = h.s.usual
	}
	key := verdictKey{rules: rules}
	target, isState := h.StateKey()
	if rules.personal || h.mentioned[userID] || isState && target == userID {
		key.one = user
	}
	if known, ok := h.known[key]; ok {
		return known, nil
	}
	m := rules.first(h.Event, &storedReader{h.in, user, userID, h.mentioned[userID]})
	d := Decision{m.effect.notify, m.effect.highlight, m.actions}
	h.known[key] = d
	return d, h.in.err
}

// whole gives all of a user's rules, compiled.
func (s *Service) whole(r *store.Reader, user store.Atom) (*compiled, error) {
	if _, read := s.authors.state(); !read {
		users, err := r.UsersWithRules()
		if err != nil {
			return nil, err
		}
		s.authors.merge(users)
	}
	who, ok := s.authors.of(user)
	if !ok {
		return s.usual, nil
	}
	key := strconv.FormatInt(int64(user), 10) + "." + strconv.FormatInt(who.changed, 10)
	if rules, ok := s.wholes.get(key, func(c *compiled) int { return c.weight }); ok {
		return rules, nil
	}
	data, err := r.AccountData(user, 0, store.AtomPushRules)
	if err != nil {
		return nil, err
	}
	c, broken := parseChanges(data.Content)
	if broken != nil {
		return s.usual, nil
	}
	all := c.expand("")
	rules := newCompiled(c, &all)
	s.wholes.put(key, rules, rules.weight)
	return rules, nil
}

// countedMembers is how many members are told apart by rules that ask for their number: larger rooms count as of this size, so that what a
// message costs does not grow with its room.
const countedMembers = 1000

// storedRoom is a room as conditions ask for it, read where they do. The first failure stays in err.
type storedRoom struct {
	*store.Reader
	room    store.RoomRef
	law     pdu.Rules
	members int
	levels  *auth.PowerLevels
	err     error
}

// MemberCount is how many are joined, countedMembers at most.
func (s *storedRoom) MemberCount() int {
	if s.members == 0 {
		var err error
		s.members, err = s.JoinedUpTo(s.room, countedMembers)
		s.fail(err)
	}
	return s.members
}

// MayNotify is the condition sender_notification_permission.
func (s *storedRoom) MayNotify(sender, key string) bool {
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

// state is what stands in the room's state; what is damaged counts as if nothing stood there.
func (s *storedRoom) state(eventType, stateKey store.Atom) *pdu.Event {
	row, ok, err := s.CurrentEvent(s.room, eventType, stateKey)
	s.fail(err)
	if err != nil || !ok {
		return nil
	}
	e, err := row.PDU(s.law)
	if err != nil {
		return nil
	}
	return e
}

func (s *storedRoom) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// storedReader is one user who reads in a stored room.
type storedReader struct {
	*storedRoom
	user      store.Atom
	id        string
	mentioned bool
}

func (s *storedReader) isReader(userID string) bool { return userID == s.id }
func (s *storedReader) mentionsReader() bool        { return s.mentioned }

func (s *storedReader) displayName() (name string) {
	if e := s.state(store.AtomMember, s.user); e != nil {
		name, _ = e.Body().Text("displayname")
	}
	return name
}
