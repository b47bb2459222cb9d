package push

import (
	"context"

	"beffroi/server/pdu"
	"beffroi/server/store"
)

// Bounds of the work for one event: bytes of patterns times bytes of the event. What is beyond is judged by the default rules.
const (
	userWork  = 1 << 20 // the rules of one user: some 60 ms at the very most, whatever patterns they write
	eventWork = 4 << 20 // the rules of everybody
)

// reader is somebody who reads an event in a room; without an id it is nobody in particular.
type reader struct {
	RoomView
	id        string
	mentioned bool
}

func (r *reader) isReader(userID string) bool { return r.id != "" && r.id == userID }
func (r *reader) mentionsReader() bool        { return r.mentioned }

func (r *reader) displayName() string {
	if r.id == "" {
		return ""
	}
	return r.DisplayName(r.id)
}

// judging is the work of one Judge.
type judging struct {
	*Service
	ctx      context.Context
	e        *pdu.Event
	in       RoomView
	audience *audience
	all      effect // for everybody, by the default rules
	named    map[store.Atom]string
	ignoring map[store.Atom]bool // the readers who ignore the sender
	sender   store.Atom          // 0: not a reader here
	work     int
	marks    []store.UnreadMark
}

// Judge says for whom an event of a room counts as unread. It doesn't for its sender: who sends a message has read what is before it, and for
// state events, which read nothing, the sender is told apart.
//
// Only those are looked at for whom it can count otherwise than for everybody: who has rules of their own, and whom m.mentions names.
func (s *Service) Judge(ctx context.Context, e *pdu.Event, in RoomView) (store.Counted, error) {
	a, err := s.audience(ctx, in)
	if err != nil {
		return store.Counted{}, err
	}
	j := &judging{Service: s, ctx: ctx, e: e, in: in, audience: a, all: s.defaults.match(e, &reader{RoomView: in})}
	j.sender, _ = in.Reader(e.Sender())
	j.readMentions()
	for _, step := range []func() error{j.judgeIgnoring, j.judgeNamed, j.judgeGroups} {
		if err := step(); err != nil {
			return store.Counted{}, err
		}
	}
	if _, isState := e.StateKey(); isState && j.sender != 0 {
		j.mark(j.sender, a.mode(j.sender), effect{})
	}
	return store.Counted{Notify: j.all.notify, Highlight: j.all.highlight, Modes: a.modes, Marks: j.marks}, nil
}

// mode is the one that a user is in.
func (a *audience) mode(user store.Atom) store.Mode {
	if g := a.of[user]; g != nil {
		return g.mode
	}
	return 0
}

// readMentions finds the readers whom the event names. Spec: client-server API, "User and room mentions".
func (j *judging) readMentions() {
	list, ok := j.e.Body().Object("m.mentions").Get("user_ids").Array()
	if !ok {
		return
	}
	for v := range list {
		id, isText := v.Text()
		user, reads := j.in.Reader(id)
		if !isText || !reads || user == j.sender {
			continue
		}
		if j.named == nil {
			j.named = map[store.Atom]string{}
		}
		j.named[user] = id
	}
}

// judgeIgnoring judges for those who ignore the sender: only state concerns them.
func (j *judging) judgeIgnoring() error {
	if _, isState := j.e.StateKey(); isState {
		return nil
	}
	users, err := j.Service.ignoring(j.ctx, j.e.Sender())
	for id, user := range users {
		if _, reads := j.in.Reader(id); !reads {
			continue
		}
		if j.ignoring == nil {
			j.ignoring = map[store.Atom]bool{}
		}
		j.ignoring[user] = true
		j.mark(user, j.audience.mode(user), effect{})
	}
	return err
}

func (j *judging) judgeNamed() error {
	for user, id := range j.named {
		if j.ignoring[user] {
			continue
		}
		g := j.audience.of[user]
		if g == nil {
			g = &group{}
		}
		if err := j.judge(g, user, &reader{j.in, id, true}); err != nil {
			return err
		}
	}
	return nil
}

// judgeGroups judges for those who are not named.
func (j *judging) judgeGroups() error {
	for _, g := range j.audience.groups {
		if g.key == "" {
			continue
		}
		does, err := j.match(g, &reader{RoomView: j.in, id: g.reader})
		if err != nil {
			return err
		}
		for _, user := range g.members {
			if _, named := j.named[user]; !named && user != j.sender && !j.ignoring[user] {
				j.mark(user, g.mode, does)
			}
		}
	}
	return nil
}

func (j *judging) judge(g *group, user store.Atom, r *reader) error {
	does, err := j.match(g, r)
	if err == nil {
		j.mark(user, g.mode, does)
	}
	return err
}

// match finds what the rules of a group do; where that is too much work, what is expected of them.
func (j *judging) match(g *group, r *reader) (effect, error) {
	work := g.weight * len(j.e.JSON())
	if work > userWork || j.work+work > eventWork {
		return j.expected(g.mode), nil
	}
	j.work += work
	rules, err := j.rules(j.ctx, g, j.audience.ids[g.sample], j.in.ID())
	if err != nil {
		return effect{}, err
	}
	return rules.match(j.e, r), nil
}

// expected is what the event does to whom no mark is written for.
func (j *judging) expected(mode store.Mode) effect { return expected(j.all, mode) }

func expected(all effect, mode store.Mode) effect {
	if all.highlight {
		return effect{mode&store.ModeDeaf == 0, mode&store.ModePlain == 0}
	}
	return effect{all.notify && mode&store.ModeQuiet == 0, false}
}

// mark notes what the event does to a user, unless that is expected.
func (j *judging) mark(user store.Atom, mode store.Mode, does effect) {
	if want := j.expected(mode); does != want {
		j.marks = append(j.marks, store.UnreadMark{User: user, Notify: one(does.notify) - one(want.notify), Highlight: one(does.highlight) - one(want.highlight)})
	}
}

func one(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
