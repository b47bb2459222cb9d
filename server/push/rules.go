package push

import (
	"encoding/json"
	"iter"
	"slices"
)

// Rule is a push rule. Which members it has depends on its kind.
type Rule struct {
	RuleID     string      `json:"rule_id"`
	Default    bool        `json:"default"`
	Enabled    bool        `json:"enabled"`
	Conditions []Condition `json:"conditions,omitzero"` // of override and underride
	Pattern    *string     `json:"pattern,omitempty"`   // of content
	Actions    []Action    `json:"actions"`
}

// Condition is a condition of a rule. One that came from a client is given back as it came.
type Condition struct {
	Kind    string          `json:"kind"`
	Key     string          `json:"key,omitempty"`
	Pattern *string         `json:"pattern,omitempty"`
	Is      string          `json:"is,omitempty"`
	Value   json.RawMessage `json:"value,omitempty"`

	raw json.RawMessage
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *Condition) UnmarshalJSON(b []byte) error {
	type plain Condition
	c.raw = slices.Clone(b)
	return json.Unmarshal(b, (*plain)(c))
}

// MarshalJSON implements json.Marshaler.
func (c Condition) MarshalJSON() ([]byte, error) {
	if c.raw != nil {
		return c.raw, nil
	}
	type plain Condition
	return json.Marshal(plain(c))
}

// Action is an action of a rule: a string, or an object with set_tweak and perhaps value.
type Action = json.RawMessage

// Ruleset is the rules of a user, each kind in the order of importance.
type Ruleset struct {
	Override  []Rule `json:"override"`
	Content   []Rule `json:"content"`
	Room      []Rule `json:"room"`
	Sender    []Rule `json:"sender"`
	Underride []Rule `json:"underride"`
}

// The kinds of rules.
const (
	Override  = "override"
	ContentK  = "content"
	Room      = "room"
	Sender    = "sender"
	Underride = "underride"
)

// kind gives the rules of a kind, nil where there is no such kind.
func (s *Ruleset) kind(name string) *[]Rule {
	switch name {
	case Override:
		return &s.Override
	case ContentK:
		return &s.Content
	case Room:
		return &s.Room
	case Sender:
		return &s.Sender
	case Underride:
		return &s.Underride
	}
	return nil
}

// kinds runs over the kinds in the order in which they are checked.
func (s *Ruleset) kinds() iter.Seq2[*[]Rule, string] {
	return func(yield func(*[]Rule, string) bool) {
		for _, name := range []string{Override, ContentK, Room, Sender, Underride} {
			if !yield(s.kind(name), name) {
				return
			}
		}
	}
}

func find(rules []Rule, id string) int {
	return slices.IndexFunc(rules, func(r Rule) bool { return r.RuleID == id })
}

func without(rules []Rule, ids ...string) []Rule {
	return slices.DeleteFunc(rules, func(r Rule) bool { return slices.Contains(ids, r.RuleID) })
}
