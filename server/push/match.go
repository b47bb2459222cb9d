package push

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"beffroi/server/pdu"
)

// reading is what conditions ask beside the event: by whom it is read, and where.
type reading interface {
	MemberCount() int
	MayNotify(sender, key string) bool
	displayName() string // of the reader; "": none
	isReader(userID string) bool
	mentionsReader() bool // in m.mentions
}

// effect is what a rule does that the server itself must know.
type effect struct{ notify, highlight bool }

// condition tells whether an event meets a condition.
type condition func(e *pdu.Event, in reading) bool

// matcher is an enabled rule, ready to be matched many times.
type matcher struct {
	conditions []condition
	effect     effect
	actions    []Action
}

// matchers are a ruleset, the most important rule first.
type matchers []matcher

// match finds what the first rule does that matches. Spec: client-server API, "Push Rules".
func (m matchers) match(e *pdu.Event, in reading) effect { return m.first(e, in).effect }

// first finds the first rule that matches, the zero matcher where none does.
func (m matchers) first(e *pdu.Event, in reading) matcher {
	for _, r := range m {
		if r.matches(e, in) {
			return r
		}
	}
	return matcher{}
}

func (m matcher) matches(e *pdu.Event, in reading) bool {
	for _, holds := range m.conditions {
		if !holds(e, in) {
			return false
		}
	}
	return true
}

func compile(s *Ruleset) matchers {
	var all matchers
	for rules, kind := range s.kinds() {
		for _, r := range *rules {
			if r.Enabled {
				all = append(all, matcher{r.compile(kind), effectOf(r.Actions), r.Actions})
			}
		}
	}
	return all
}

func effectOf(do []Action) (e effect) {
	for _, raw := range do {
		a, err := parseAction(raw)
		switch {
		case err != nil: // was checked before it was stored
		case a.notify:
			e.notify = true
		case a.tweak == "highlight":
			e.highlight = a.value == nil || string(a.value) == "true"
		}
	}
	e.highlight = e.highlight && e.notify
	return e
}

func (r *Rule) compile(kind string) []condition {
	if r.Default && r.RuleID == ruleUserMention {
		return []condition{func(_ *pdu.Event, in reading) bool { return in.mentionsReader() }}
	}
	switch kind {
	case ContentK:
		if r.Pattern == nil {
			return []condition{never}
		}
		return []condition{text(bodyPath(), words(*r.Pattern))}
	case Room:
		return []condition{func(e *pdu.Event, _ reading) bool { return e.RoomID() == r.RuleID }}
	case Sender:
		return []condition{func(e *pdu.Event, _ reading) bool { return e.Sender() == r.RuleID }}
	}
	conditions := make([]condition, len(r.Conditions))
	for i, c := range r.Conditions {
		conditions[i] = c.compile()
	}
	if r.Default && r.RuleID == ruleInviteForMe {
		conditions[len(conditions)-1] = isInvited
	}
	return conditions
}

func never(*pdu.Event, reading) bool { return false }

func isInvited(e *pdu.Event, in reading) bool {
	user, isState := e.StateKey()
	return isState && in.isReader(user)
}

// compile reads a condition. One that isn't known never holds. Spec: client-server API, "Conditions".
func (c *Condition) compile() condition {
	switch c.Kind {
	case "event_match":
		return c.eventMatch()
	case "event_property_is":
		return c.property(func(v pdu.Value, want []byte) bool { return bytes.Equal(v.Raw(), want) })
	case "event_property_contains":
		return c.property(contains)
	case "contains_display_name":
		return func(e *pdu.Event, in reading) bool {
			name := in.displayName()
			return name != "" && text(bodyPath(), hasWord(name))(e, in)
		}
	case "room_member_count":
		return memberCount(c.Is)
	case "sender_notification_permission":
		return func(e *pdu.Event, in reading) bool { return in.MayNotify(e.Sender(), c.Key) }
	}
	return never
}

func (c *Condition) eventMatch() condition {
	if c.Pattern == nil {
		return never
	}
	if c.Key == "content.body" {
		return text(bodyPath(), words(*c.Pattern))
	}
	return text(splitPath(c.Key), whole(*c.Pattern))
}

// property compares canonical bytes: of strings, integers, booleans and null there is one spelling each.
func (c *Condition) property(compare func(v pdu.Value, want []byte) bool) condition {
	want, err := pdu.Parse(c.Value)
	if err != nil || compound(want) {
		return never
	}
	path := splitPath(c.Key)
	return func(e *pdu.Event, _ reading) bool { return compare(property(e, path), want.Raw()) }
}

func compound(v pdu.Value) bool {
	_, object := v.Object()
	_, array := v.Array()
	return object || array
}

func contains(v pdu.Value, want []byte) bool {
	elements, ok := v.Array()
	if !ok {
		return false
	}
	for e := range elements {
		if bytes.Equal(e.Raw(), want) {
			return true
		}
	}
	return false
}

// memberCount reads a comparison with the number of members: "2", "==2", "<10", ">=3".
func memberCount(is string) condition {
	digits := strings.TrimLeft(is, "=<>")
	n, err := strconv.Atoi(digits)
	if err != nil || strings.HasPrefix(digits, "+") || strings.HasPrefix(digits, "-") {
		return never
	}
	compare := func(holds func(members int) bool) condition {
		return func(_ *pdu.Event, in reading) bool { return holds(in.MemberCount()) }
	}
	switch strings.TrimSuffix(is, digits) {
	case "", "==":
		return compare(func(members int) bool { return members == n })
	case "<":
		return compare(func(members int) bool { return members < n })
	case ">":
		return compare(func(members int) bool { return members > n })
	case "<=":
		return compare(func(members int) bool { return members <= n })
	case ">=":
		return compare(func(members int) bool { return members >= n })
	}
	return never
}

// text is the condition that a property is a string that fits.
func text(path []string, fits func(string) bool) condition {
	return func(e *pdu.Event, _ reading) bool {
		s, ok := property(e, path).Text()
		return ok && fits(s)
	}
}

func bodyPath() []string { return []string{"content", "body"} }

// property finds what a path leads to, the zero Value where it leads nowhere.
func property(e *pdu.Event, path []string) pdu.Value {
	if len(path) == 1 && (path[0] == "room_id" || path[0] == "event_id") { // not always part of an event's bytes
		return idOf(e, path[0])
	}
	o := pdu.StoredObject(e.JSON())
	for _, key := range path[:len(path)-1] {
		o = o.Object(key)
	}
	return o.Get(path[len(path)-1])
}

func idOf(e *pdu.Event, name string) pdu.Value {
	id := e.ID()
	if name == "room_id" {
		id = e.RoomID()
	}
	quoted, err := json.Marshal(id)
	if err != nil {
		return pdu.Value{} // can't be: a string is JSON
	}
	v, err := pdu.Parse(quoted)
	if err != nil {
		return pdu.Value{}
	}
	return v
}

// splitPath reads a path. Spec: appendices, "Dot-separated property paths".
func splitPath(path string) []string {
	var parts []string
	var part strings.Builder
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '.':
			parts = append(parts, part.String())
			part.Reset()
		case c == '\\' && i+1 < len(path) && (path[i+1] == '.' || path[i+1] == '\\'):
			i++
			part.WriteByte(path[i])
		default:
			part.WriteByte(c)
		}
	}
	return append(parts, part.String())
}
