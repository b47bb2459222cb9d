package push

import "encoding/json"

// The default rules that other code names.
const (
	ruleMaster      = ".m.rule.master"
	ruleInviteForMe = ".m.rule.invite_for_me"
	ruleUserMention = ".m.rule.is_user_mention"

	ruleOneToOne          = ".m.rule.room_one_to_one"
	ruleEncryptedOneToOne = ".m.rule.encrypted_room_one_to_one"
	ruleMessage           = ".m.rule.message"
	ruleEncrypted         = ".m.rule.encrypted"
)

// Defaults are the rules of a user who changed none. Spec: client-server API v1.19, "Predefined Rules", in its order.
func Defaults(userID string) Ruleset {
	master := rule(ruleMaster, nil)
	master.Enabled = false
	return Ruleset{
		Override: []Rule{
			master,
			rule(".m.rule.suppress_notices", nil, match("content.msgtype", "m.notice")),
			rule(ruleInviteForMe, actions(notifyAction, sound("default")),
				match("type", "m.room.member"), match("content.membership", "invite"), match("state_key", userID)),
			rule(".m.rule.member_event", nil, match("type", "m.room.member")),
			rule(ruleUserMention, actions(notifyAction, sound("default"), highlight),
				value("event_property_contains", `content.m\.mentions.user_ids`, userID)),
			rule(".m.rule.is_room_mention", actions(notifyAction, highlight),
				value("event_property_is", `content.m\.mentions.room`, true), Condition{Kind: "sender_notification_permission", Key: "room"}),
			rule(".m.rule.tombstone", actions(notifyAction, highlight), match("type", "m.room.tombstone"), match("state_key", "")),
			rule(".m.rule.reaction", nil, match("type", "m.reaction")),
			rule(".m.rule.room.server_acl", nil, match("type", "m.room.server_acl"), match("state_key", "")),
			rule(".m.rule.suppress_edits", nil, value("event_property_is", `content.m\.relates_to.rel_type`, "m.replace")),
		},
		Content: []Rule{},
		Room:    []Rule{},
		Sender:  []Rule{},
		Underride: []Rule{
			rule(".m.rule.call", actions(notifyAction, sound("ring")), match("type", "m.call.invite")),
			rule(ruleEncryptedOneToOne, actions(notifyAction, sound("default")), two(), match("type", "m.room.encrypted")),
			rule(ruleOneToOne, actions(notifyAction, sound("default")), two(), match("type", "m.room.message")),
			rule(ruleMessage, actions(notifyAction), match("type", "m.room.message")),
			rule(ruleEncrypted, actions(notifyAction), match("type", "m.room.encrypted")),
		},
	}
}

const (
	notifyAction = `"notify"`
	highlight    = `{"set_tweak":"highlight"}`
)

func sound(name string) string { return `{"set_tweak":"sound","value":"` + name + `"}` }

func actions(texts ...string) []Action {
	list := make([]Action, len(texts))
	for i, text := range texts {
		list[i] = Action(text)
	}
	return list
}

// withoutOneToOne leaves out the default rules for rooms of two where they count the same as those for every room: then nobody has to know how many
// members a room has.
func (s *Ruleset) withoutOneToOne() {
	for special, general := range map[string]string{ruleOneToOne: ruleMessage, ruleEncryptedOneToOne: ruleEncrypted} {
		i, j := find(s.Underride, special), find(s.Underride, general)
		if i >= 0 && j >= 0 && s.Underride[i].counts() == s.Underride[j].counts() {
			s.Underride = without(s.Underride, special)
		}
	}
}

// counts is what a rule does where it matches.
func (r *Rule) counts() effect {
	if !r.Enabled {
		return effect{}
	}
	return effectOf(r.Actions)
}

func rule(id string, do []Action, conditions ...Condition) Rule {
	if do == nil {
		do = []Action{}
	}
	if conditions == nil {
		conditions = []Condition{}
	}
	return Rule{RuleID: id, Default: true, Enabled: true, Conditions: conditions, Actions: do}
}

func match(key, pattern string) Condition {
	return Condition{Kind: "event_match", Key: key, Pattern: &pattern}
}

func value(kind, key string, v any) Condition {
	b, err := json.Marshal(v)
	if err != nil {
		b = nil // can't be: strings and booleans
	}
	return Condition{Kind: kind, Key: key, Value: b}
}

func two() Condition { return Condition{Kind: "room_member_count", Is: "2"} }
