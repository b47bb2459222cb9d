package push

import (
	"slices"
	"strings"

	"beffroi/server/merr"
)

// changes is what is stored: a user's own rules, and what they changed in the default rules.
type changes struct {
	Rules    Ruleset            `json:"rules,omitzero"`
	Defaults map[string]changed `json:"defaults,omitempty"` // by rule id
}

// changed is what a user changed in a default rule; nil: nothing.
type changed struct {
	Enabled *bool    `json:"enabled,omitempty"`
	Actions []Action `json:"actions,omitzero"`
}

// none tells whether the user has the default rules.
func (c *changes) none() bool {
	for rules := range c.Rules.kinds() {
		if len(*rules) > 0 {
			return false
		}
	}
	return len(c.Defaults) == 0
}

// weight is about how much each byte of an event costs to be held against the user's own rules: the bytes of their patterns, where a pattern
// without wildcards costs next to nothing.
func (c *changes) weight() (n int) {
	for rules := range c.Rules.kinds() {
		for _, r := range *rules {
			n += 1 + len(r.Conditions) + patternWeight(r.Pattern)
			for _, condition := range r.Conditions {
				n += patternWeight(condition.Pattern)
			}
		}
	}
	return n
}

func patternWeight(pattern *string) int {
	switch {
	case pattern == nil:
		return 0
	case wild(*pattern):
		return len(*pattern)
	}
	return len(*pattern) / 16
}

// inRoom leaves out the user's own rules that do nothing in a room: those of other rooms and those that are disabled.
func (c *changes) inRoom(roomID string) *changes {
	in := &changes{Defaults: c.Defaults}
	for rules, kind := range c.Rules.kinds() {
		own := in.Rules.kind(kind)
		for _, r := range *rules {
			if r.Enabled && !r.elsewhere(kind, roomID) {
				*own = append(*own, r)
			}
		}
	}
	return in
}

// elsewhere tells whether a rule can only match in other rooms.
func (r *Rule) elsewhere(kind, roomID string) bool {
	if kind == Room {
		return r.RuleID != roomID
	}
	return slices.ContainsFunc(r.Conditions, func(c Condition) bool {
		return c.Kind == "event_match" && c.Key == "room_id" && c.Pattern != nil && !wild(*c.Pattern) && !strings.EqualFold(*c.Pattern, roomID)
	})
}

// personal tells whether a rule asks for the display name of who reads.
func (c *changes) personal() bool {
	for rules := range c.Rules.kinds() {
		for _, r := range *rules {
			if slices.ContainsFunc(r.Conditions, func(c Condition) bool { return c.Kind == "contains_display_name" }) {
				return true
			}
		}
	}
	return false
}

// expand gives the rules in full. The user's own are more important than the default ones of their kind, but for the master.
func (c *changes) expand(userID string) Ruleset {
	all := Defaults(userID)
	for rules, kind := range all.kinds() {
		for i, r := range *rules {
			if change, ok := c.Defaults[r.RuleID]; ok {
				(*rules)[i] = change.apply(r)
			}
		}
		first := 0
		if len(*rules) > 0 && (*rules)[0].RuleID == ruleMaster {
			first = 1
		}
		*rules = slices.Insert(*rules, first, *c.Rules.kind(kind)...)
	}
	return all
}

func (c changed) apply(r Rule) Rule {
	if c.Enabled != nil {
		r.Enabled = *c.Enabled
	}
	if c.Actions != nil {
		r.Actions = c.Actions
	}
	return r
}

// defaultRule finds a default rule of a kind.
func defaultRule(kind, id string) bool {
	all := Defaults("")
	rules := all.kind(kind)
	return rules != nil && find(*rules, id) >= 0
}

// edit changes one rule: a user's own with own, a default one with other. 404 M_NOT_FOUND where there is no such rule.
func (c *changes) edit(kind, id string, own func(*Rule), other func(*changed)) error {
	rules := c.Rules.kind(kind)
	if rules == nil {
		return unknownRule()
	}
	if i := find(*rules, id); i >= 0 {
		own(&(*rules)[i])
		return nil
	}
	if !defaultRule(kind, id) {
		return unknownRule()
	}
	change := c.Defaults[id]
	other(&change)
	if c.Defaults == nil {
		c.Defaults = map[string]changed{}
	}
	c.Defaults[id] = change
	return nil
}

func (c *changes) setEnabled(kind, id string, enabled bool) error {
	return c.edit(kind, id, func(r *Rule) { r.Enabled = enabled }, func(d *changed) { d.Enabled = &enabled })
}

func (c *changes) setActions(kind, id string, do []Action) error {
	return c.edit(kind, id, func(r *Rule) { r.Actions = do }, func(d *changed) { d.Actions = do })
}

// remove deletes one of the user's own rules.
func (c *changes) remove(kind, id string) error {
	rules := c.Rules.kind(kind)
	switch {
	case rules == nil:
		return unknownRule()
	case defaultRule(kind, id):
		return merr.InvalidParam("Default rules can't be deleted; they can be disabled")
	case find(*rules, id) < 0:
		return unknownRule()
	}
	*rules = without(*rules, id)
	return nil
}

// put adds one of the user's own rules, or changes it and leaves it enabled or not. It becomes the next more important than the rule
// before, or the next less important than after; with neither, a new rule becomes the most important.
func (c *changes) put(kind string, r Rule, before, after string) error {
	rules := c.Rules.kind(kind)
	if rules == nil {
		return unknownKind()
	}
	others, was := slices.Clone(*rules), find(*rules, r.RuleID)
	if was >= 0 {
		r.Enabled = others[was].Enabled
		others = slices.Delete(others, was, was+1)
	}
	at := max(was, 0)
	if anchor := firstOf(before, after); anchor != "" {
		if at = find(others, anchor); at < 0 {
			return merr.New(400, "M_UNKNOWN", "before/after rule not found: %s", anchor)
		}
		if before == "" {
			at++
		}
	}
	*rules = slices.Insert(others, at, r)
	return nil
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// checkID refuses ids that a user's own rule can't have. Spec: PUT pushrules/global/{kind}/{ruleId}.
func checkID(id string) error {
	if id == "" || len(id) > 255 || strings.HasPrefix(id, ".") || strings.ContainsAny(id, `/\`) {
		return merr.InvalidParam("A rule id has 1 to 255 bytes, doesn't begin with a dot and has no slashes")
	}
	return nil
}

func unknownKind() error {
	return merr.InvalidParam("The kind of a rule is override, content, room, sender or underride")
}
func unknownRule() error { return merr.NotFound("The push rule was not found") }
