package auth

import (
	"slices"

	"beffroi/server/pdu"
)

// member is rule 5.
func (c *check) member() error {
	target, ok := c.event.StateKey()
	membership := c.event.Body().Get("membership")
	if !ok || !membership.Exists() { // 5.1
		return reject("a member event without state_key or membership")
	}
	if via := c.event.Body().Get("join_authorised_via_users_server"); via.Exists() && c.event.Rules().RestrictedJoins { // 5.2
		user, _ := via.Text()
		if server := pdu.ServerOf(user); server == "" || !c.event.SignedBy(server) {
			return reject("not signed by the server of join_authorised_via_users_server")
		}
	}
	switch m := Membership(c.event); {
	case m == "join":
		return c.join(target)
	case m == "invite":
		return c.invite(target)
	case m == "leave":
		return c.leave(target)
	case m == "ban":
		return c.ban(target)
	case m == "knock" && c.event.Rules().Knocking:
		return c.knock(target)
	}
	return reject("unknown membership %s", membership.Raw())
}

// join is rule 5.3.
func (c *check) join(target string) error {
	if target == Creators(c.create)[0] && slices.Equal(c.event.PrevEvents(), []string{c.create.ID()}) { // 5.3.1
		return nil
	}
	if c.event.Sender() != target { // 5.3.2
		return reject("a join sent by another user")
	}
	membership := c.membership(target)
	if membership == "ban" { // 5.3.3
		return reject("the sender is banned")
	}
	asked := membership == "join" || membership == "invite"
	rules := c.event.Rules()
	switch rule := JoinRule(c.state.Event("m.room.join_rules", "")); {
	case rule == "public": // 5.3.6
		return nil
	case rule == "invite", rule == "knock" && rules.Knocking: // 5.3.4
		if !asked {
			return reject("join rule %s, and the sender is not invited", rule)
		}
		return nil
	case rule == "restricted" && rules.RestrictedJoins, rule == "knock_restricted" && rules.KnockRestricted: // 5.3.5
		if asked {
			return nil
		}
		return c.restrictedJoin()
	default: // 5.3.7
		return reject("unknown join rule %q", rule)
	}
}

// restrictedJoin is rule 5.3.5.2.
func (c *check) restrictedJoin() error {
	via, ok := c.event.Body().Text("join_authorised_via_users_server")
	if !ok {
		return reject("the room is restricted and no user lets the sender in")
	}
	if c.membership(via) != "join" {
		return reject("%s, who lets the sender in, is not joined", via)
	}
	if c.levels.For(via) < c.levels.Level("invite") {
		return reject("%s, who lets the sender in, may not invite", via)
	}
	return nil
}

// invite is rule 5.4.
func (c *check) invite(target string) error {
	if invite := c.event.Body().Get("third_party_invite"); invite.Exists() {
		return c.thirdPartyInvite(target, invite)
	}
	if c.membership(c.event.Sender()) != "join" { // 5.4.2
		return reject("the sender is not joined")
	}
	if m := c.membership(target); m == "join" || m == "ban" { // 5.4.3
		return reject("the target's membership is %s already", m)
	}
	return c.atLeast(c.levels.For(c.event.Sender()), "invite") // 5.4.4
}

// leave is rule 5.5: leaving, refusing an invite, kicking, lifting a ban.
func (c *check) leave(target string) error {
	sender := c.event.Sender()
	if sender == target { // 5.5.1
		switch m := c.membership(target); {
		case m == "invite", m == "join", m == "knock" && c.event.Rules().Knocking:
			return nil
		default:
			return reject("a leave of a user who is not in the room (%q)", m)
		}
	}
	if c.membership(sender) != "join" { // 5.5.2
		return reject("the sender is not joined")
	}
	power := c.levels.For(sender)
	if c.membership(target) == "ban" { // 5.5.3
		if err := c.atLeast(power, "ban"); err != nil {
			return err
		}
	}
	return c.above(target, "kick") // 5.5.4
}

// ban is rule 5.6.
func (c *check) ban(target string) error {
	if c.membership(c.event.Sender()) != "join" { // 5.6.1
		return reject("the sender is not joined")
	}
	return c.above(target, "ban") // 5.6.2
}

// above rejects unless the sender has the action's power level and more than
// the target.
func (c *check) above(target, action string) error {
	power := c.levels.For(c.event.Sender())
	if err := c.atLeast(power, action); err != nil {
		return err
	}
	if c.levels.For(target) >= power {
		return reject("the target's power level is not below the sender's")
	}
	return nil
}

// knock is rule 5.7.
func (c *check) knock(target string) error {
	rule := JoinRule(c.state.Event("m.room.join_rules", ""))
	if rule != "knock" && (rule != "knock_restricted" || !c.event.Rules().KnockRestricted) { // 5.7.1
		return reject("join rule %s does not allow to knock", rule)
	}
	if c.event.Sender() != target { // 5.7.2
		return reject("a knock sent by another user")
	}
	switch m := c.membership(target); m {
	case "ban", "invite", "join": // 5.7.4
		return reject("a knock of a user whose membership is %s", m)
	}
	return nil // 5.7.3
}
