package push

import (
	"context"
	"encoding/json"
	"fmt"

	"beffroi/server/merr"
	"beffroi/server/store"
)

// Rule gives one rule of a user: 404 M_NOT_FOUND where there is none.
func (s *Service) Rule(ctx context.Context, user store.Atom, userID, kind, id string) (Rule, error) {
	all, err := s.Rules(ctx, user, userID)
	if err != nil {
		return Rule{}, err
	}
	rules := all.kind(kind)
	if rules == nil {
		return Rule{}, unknownRule()
	}
	i := find(*rules, id)
	if i < 0 {
		return Rule{}, unknownRule()
	}
	return (*rules)[i], nil
}

// Put adds or changes one of the user's own rules. Which members of r count depends on the kind. before and after are ids of the user's own
// rules or empty; before wins. Spec: PUT pushrules/global/{kind}/{ruleId}.
func (s *Service) Put(ctx context.Context, user store.Atom, kind string, r Rule, before, after string) error {
	if err := checkID(r.RuleID); err != nil {
		return err
	}
	r, err := ofKind(kind, r)
	if err != nil {
		return err
	}
	return s.change(ctx, user, func(c *changes) error { return c.put(kind, r, before, after) })
}

// Delete removes one of the user's own rules: 404 M_NOT_FOUND where there is none, 400 M_INVALID_PARAM for default rules.
func (s *Service) Delete(ctx context.Context, user store.Atom, kind, id string) error {
	return s.change(ctx, user, func(c *changes) error { return c.remove(kind, id) })
}

// SetEnabled enables or disables a rule, also a default one: 404 M_NOT_FOUND where there is none.
func (s *Service) SetEnabled(ctx context.Context, user store.Atom, kind, id string, enabled bool) error {
	return s.change(ctx, user, func(c *changes) error { return c.setEnabled(kind, id, enabled) })
}

// SetActions changes what a rule does, also a default one: 404 M_NOT_FOUND where there is none.
func (s *Service) SetActions(ctx context.Context, user store.Atom, kind, id string, do []Action) error {
	if err := checkActions(do); err != nil {
		return err
	}
	return s.change(ctx, user, func(c *changes) error { return c.setActions(kind, id, do) })
}

// ofKind checks a user's own rule and leaves out what its kind doesn't have.
func ofKind(kind string, r Rule) (Rule, error) {
	own := Rule{RuleID: r.RuleID, Enabled: true}
	switch kind {
	case Override, Underride:
		if own.Conditions = r.Conditions; own.Conditions == nil {
			own.Conditions = []Condition{}
		}
		for _, c := range own.Conditions {
			if c.Kind == "" {
				return own, merr.BadJSON("A condition has no kind")
			}
		}
	case ContentK:
		if own.Pattern = r.Pattern; own.Pattern == nil {
			return own, merr.BadJSON("pattern is missing")
		}
	}
	own.Actions = r.Actions
	return own, checkActions(own.Actions)
}

// checkActions checks actions. The historical ones are kept, so that a client reads what it wrote, and do nothing.
// Spec: client-server API, "Actions" and "Historical Actions".
func checkActions(given []Action) error {
	if given == nil {
		return merr.BadJSON("actions is missing")
	}
	for _, a := range given {
		if _, err := parseAction(a); err != nil {
			return merr.BadJSON("An action is neither notify nor an object with set_tweak").Because(err)
		}
	}
	return nil
}

// action is what an action says.
type action struct {
	notify bool
	tweak  string
	value  json.RawMessage
}

func parseAction(raw Action) (action, error) {
	var text string
	if json.Unmarshal(raw, &text) == nil && raw[0] == '"' {
		if text != "notify" && text != "dont_notify" && text != "coalesce" {
			return action{}, fmt.Errorf("action %q", text)
		}
		return action{notify: text == "notify"}, nil
	}
	var object struct {
		Tweak string          `json:"set_tweak"`
		Value json.RawMessage `json:"value"`
	}
	if err := json.Unmarshal(raw, &object); err != nil {
		return action{}, err
	}
	if object.Tweak == "" {
		return action{}, fmt.Errorf("action %s", raw)
	}
	return action{tweak: object.Tweak, value: object.Value}, nil
}
