package push

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"iter"
	"maps"
	"sync"

	"beffroi/server/store"
)

// RoomView is what judging an event asks of its room, as it is before the event.
type RoomView interface {
	ID() string
	// Readers are the local users who are joined. Crowd is another value whenever they are others.
	Readers() iter.Seq2[string, store.Atom]
	Reader(userID string) (store.Atom, bool)
	Crowd() any
	ReaderCount() int

	MemberCount() int // of all who are joined, on whatever server
	DisplayName(userID string) string
	// MayNotify is the condition sender_notification_permission. Spec: client-server API, "Conditions".
	MayNotify(sender, key string) bool
}

// authors are the users with push rules of their own, or who once had some.
type authors struct {
	mu     sync.Mutex
	read   bool // from the database
	change int64
	users  map[store.Atom]author
}

// author is a user with push rules of their own.
type author struct {
	id      string
	changed int64 // the number of the last change
}

// note is called when a user's rules have changed.
func (a *authors) note(user store.Atom, id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.change++
	a.users[user] = author{id, a.change}
}

// merge adds those whom the database names. Who is noted already is newer.
func (a *authors) merge(users map[store.Atom]string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for user, id := range users {
		if _, known := a.users[user]; !known {
			a.users[user] = author{id, 0}
		}
	}
	a.read = true
}

// of finds a user among the authors.
func (a *authors) of(user store.Atom) (who author, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	who, ok = a.users[user]
	return who, ok
}

func (a *authors) state() (change int64, read bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.change, a.read
}

// among finds the authors among a room's readers, by whichever are fewer.
func (a *authors) among(in RoomView) (users map[store.Atom]author, change int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	users = map[store.Atom]author{}
	if len(a.users) < in.ReaderCount() {
		for user, who := range a.users {
			if _, ok := in.Reader(who.id); ok {
				users[user] = who
			}
		}
		return users, a.change
	}
	for _, user := range in.Readers() {
		if who, ok := a.users[user]; ok {
			users[user] = who
		}
	}
	return users, a.change
}

// audience is the authors among a room's readers, grouped by what their rules come to in this room.
type audience struct {
	crowd  any
	change int64 // of the authors
	of     map[store.Atom]*group
	ids    map[store.Atom]string
	groups map[string]*group
	modes  *store.Modes // nil where there are no authors
}

func (a *audience) weight() int { return 1 + len(a.of) }

// group is users whose rules are alike in a room, so that they are matched once for all.
type group struct {
	key     string     // names the rules; "": the default ones
	sample  store.Atom // one of the users
	weight  int        // of the rules
	reader  string     // the only user, where their display name matters
	mode    store.Mode
	members []store.Atom
}

// audience gives a room's present one.
func (s *Service) audience(ctx context.Context, in RoomView) (*audience, error) {
	change, read := s.authors.state()
	old, ok := s.audiences.get(in.ID(), (*audience).weight)
	if ok && old.crowd == in.Crowd() && old.change == change {
		return old, nil
	}
	if !read {
		users, err := store.Get(ctx, s.db, (*store.Reader).UsersWithRules)
		if err != nil {
			return nil, err
		}
		s.authors.merge(users)
	}
	users, change := s.authors.among(in)
	a := &audience{crowd: in.Crowd(), change: change, of: map[store.Atom]*group{}, ids: map[store.Atom]string{}, groups: map[string]*group{}}
	if len(users) > 0 {
		if err := s.gather(ctx, a, old, users, in); err != nil {
			return nil, err
		}
	}
	s.audiences.put(in.ID(), a, a.weight())
	return a, nil
}

// gather groups the users. Whose rules have not changed since the old audience (nil: there is none) stays in a group like the one before.
func (s *Service) gather(ctx context.Context, a, old *audience, users map[store.Atom]author, in RoomView) error {
	return s.db.Read(ctx, func(r *store.Reader) error {
		for user, who := range users {
			var found *group
			if old != nil && who.changed <= old.change {
				found = old.of[user]
			}
			if found == nil {
				var err error
				if found, err = s.groupOf(r, user, who.id, in); err != nil {
					return err
				}
			}
			a.add(user, who.id, found)
		}
		a.settle(old)
		return nil
	})
}

// add puts a user in the group that is like the found one.
func (a *audience) add(user store.Atom, id string, like *group) {
	g := a.groups[like.key]
	if g == nil {
		g = &group{key: like.key, sample: user, weight: like.weight, reader: like.reader, mode: like.mode}
		a.groups[like.key] = g
	}
	g.members = append(g.members, user)
	a.of[user], a.ids[user] = g, id
}

// settle says who is in which mode. As long as that is the same, it is the same value.
func (a *audience) settle(old *audience) {
	of := make(map[store.Atom]store.Mode, len(a.of))
	for user, g := range a.of {
		of[user] = g.mode
	}
	a.modes = &store.Modes{Of: of}
	if old != nil && old.modes != nil && maps.Equal(old.modes.Of, of) {
		a.modes = old.modes
	}
}

// groupOf reads what a user's rules come to in a room.
func (s *Service) groupOf(r *store.Reader, user store.Atom, id string, in RoomView) (*group, error) {
	c, key, err := changesIn(r, user, id, in.ID())
	if err != nil || key == "" {
		return &group{}, err
	}
	g := &group{key: key, sample: user, weight: c.weight()}
	if c.personal() {
		g.reader = id
	}
	if g.weight*leastEvent > userWork {
		return g, nil
	}
	rules := compileOwn(c)
	s.compiled.put(key, rules, rules.weight)
	g.mode, err = s.mode(rules.matchers, in)
	return g, err
}

// changesIn reads a user's own rules as far as they concern a room, and their name; "" where they change nothing there. What can't be read
// any more counts as none: it must not keep others from sending.
func changesIn(r *store.Reader, user store.Atom, id, roomID string) (*changes, string, error) {
	data, err := r.AccountData(user, 0, store.AtomPushRules)
	if err != nil {
		return nil, "", err
	}
	all, broken := parseChanges(data.Content)
	if broken != nil {
		return &changes{}, "", nil
	}
	c := all.inRoom(roomID)
	if c.none() {
		return c, "", nil
	}
	text, err := json.Marshal(c)
	if err != nil {
		return nil, "", err
	}
	if c.personal() {
		text = append(text, id...)
	}
	sum := sha256.Sum256(text)
	return c, string(sum[:]), nil
}

// compiled are a user's rules ready to be matched.
type compiled struct {
	matchers
	weight   int  // bytes, about
	patterns int  // the weight of the patterns
	personal bool // they ask for the display name of who reads
}

// About what compiled rules weigh in memory: a rule, and each byte of a pattern with wildcards, of which a regular expression is made.
const (
	ruleBytes    = 512
	patternBytes = 400
)

func compileOwn(c *changes) *compiled {
	rules := c.expand("")
	rules.withoutOneToOne()
	return newCompiled(c, &rules)
}

func newCompiled(c *changes, rules *Ruleset) *compiled {
	m, patterns := compile(rules), c.weight()
	return &compiled{m, len(m)*ruleBytes + patterns*patternBytes, patterns, c.personal()}
}

// rules gives a group's compiled rules.
func (s *Service) rules(ctx context.Context, g *group, id, roomID string) (matchers, error) {
	if g.key == "" {
		return s.defaults, nil
	}
	if m, ok := s.compiled.get(g.key, func(c *compiled) int { return c.weight }); ok {
		return m.matchers, nil
	}
	var c *changes
	var key string
	err := s.db.Peek(ctx, func(r *store.Reader) (err error) {
		c, key, err = changesIn(r, g.sample, id, roomID)
		return err
	})
	if err != nil {
		return nil, err
	}
	m := compileOwn(c)
	if key != "" { // they may have changed since
		s.compiled.put(key, m, m.weight)
	}
	return m.matchers, nil
}
