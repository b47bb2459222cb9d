package push

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"

	"beffroi/server/pdu"
)

// room is what conditions ask beside the event.
type room interface {
	memberCount() int
	mayNotify(sender, key string) bool
	displayName() string // of the reader; "": none
}

// noRoom knows nothing: two members at most or more is the same to the default rules, and nobody may notify a room.
type noRoom struct{}

func (noRoom) memberCount() int              { return 0 }
func (noRoom) mayNotify(string, string) bool { return false }
func (noRoom) displayName() string           { return "" }

// effect is what a rule does that the server itself must know.
type effect struct{ notify, highlight bool }

// condition tells whether an event meets a condition.
type condition func(e *pdu.Event, in room) bool

// matcher is an enabled rule, ready to be matched many times.
type matcher struct {
	conditions []condition
	effect     effect
}

// matchers are a ruleset, the most important rule first.
type matchers []matcher

// match finds what the first rule does that matches. Spec: client-server API, "Push Rules".
func (m matchers) match(e *pdu.Event, in room) effect {
	for _, r := range m {
		if r.matches(e, in) {
			return r.effect
		}
	}
	return effect{}
}

func (m matcher) matches(e *pdu.Event, in room) bool {
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
				all = append(all, matcher{r.compile(kind), effectOf(r.Actions)})
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
	switch kind {
	case ContentK:
		if r.Pattern == nil {
			return []condition{never}
		}
		return []condition{text(bodyPath(), words(*r.Pattern))}
	case Room:
		return []condition{func(e *pdu.Event, _ room) bool { return e.RoomID() == r.RuleID }}
	case Sender:
		return []condition{func(e *pdu.Event, _ room) bool { return e.Sender() == r.RuleID }}
	}
	conditions := make([]condition, len(r.Conditions))
	for i, c := range r.Conditions {
		conditions[i] = c.compile()
	}
	return conditions
}

func never(*pdu.Event, room) bool { return false }

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
		return func(e *pdu.Event, in room) bool {
			name := in.displayName()
			return name != "" && text(bodyPath(), wordsOf(regexp.QuoteMeta(name)))(e, in)
		}
	case "room_member_count":
		return memberCount(c.Is)
	case "sender_notification_permission":
		return func(e *pdu.Event, in room) bool { return in.mayNotify(e.Sender(), c.Key) }
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
	return func(e *pdu.Event, _ room) bool { return compare(property(e, path), want.Raw()) }
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
		return func(_ *pdu.Event, in room) bool { return holds(in.memberCount()) }
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
	return func(e *pdu.Event, _ room) bool {
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

// whole matches a glob with a whole string. Spec: appendices, "Glob-style matching"; without regard to case.
func whole(glob string) func(string) bool {
	if !strings.ContainsAny(glob, "*?") {
		return func(s string) bool { return strings.EqualFold(s, glob) }
	}
	return expression(`^(?:` + globExpression(glob) + `)$`)
}

// words matches a glob with a part of a string that begins and ends at the boundary of a word.
func words(glob string) func(string) bool { return wordsOf(globExpression(glob)) }

func wordsOf(expr string) func(string) bool {
	return expression(`(?:^|[^A-Za-z0-9_])(?:` + expr + `)(?:$|[^A-Za-z0-9_])`)
}

// expression compiles a regular expression in RE2's syntax, which matches in linear time whatever a user writes. Too large ones match nothing.
func expression(expr string) func(string) bool {
	re, err := regexp.Compile(`(?is)` + expr)
	if err != nil {
		return func(string) bool { return false }
	}
	return re.MatchString
}

func globExpression(glob string) string {
	var b strings.Builder
	for _, c := range glob {
		switch c {
		case '*':
			b.WriteString(".*")
		case '?':
			b.WriteString(".")
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	return b.String()
}
