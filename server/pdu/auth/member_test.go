package auth

import (
	"crypto/ed25519"
	"fmt"
	"strings"
	"testing"

	"beffroi/server/pdu"
)

func membership(m string) string { return `{"membership":"` + m + `"}` }

// Rules 5.1, 5.2 and 5.8.
func TestMember(t *testing.T) {
	attempts := []attempt{
		{"no state key", nil, user, "m.room.member", nil, membership("join"), "without state_key"},
		{"no membership", nil, user, "m.room.member", user, `{}`, "without state_key or membership"},
		{"unknown membership", nil, user, "m.room.member", user, membership("visit"), "unknown membership"},
		{"membership of another type", nil, user, "m.room.member", user, `{"membership":1}`, "unknown membership"},
		{"let in by another server, unsigned", joinRule("restricted"), other, "m.room.member", other, `{"membership":"join","join_authorised_via_users_server":"` + moderator + `"}`, "not signed by"},
		{"let in by nobody", joinRule("restricted"), other, "m.room.member", other, `{"membership":"join","join_authorised_via_users_server":1}`, "not signed by"},
		{"the key in a leave", nil, other, "m.room.member", other, `{"membership":"leave","join_authorised_via_users_server":"` + moderator + `"}`, "not signed by"},
	}
	run(t, "12", attempts)
	runBefore12(t, attempts, map[string]before{
		"let in by another server, unsigned": {8, "unknown join rule"},
		"let in by nobody":                   {8, "unknown join rule"},
		"the key in a leave":                 {8, ""},
	})
}

// Rule 5.3.
func TestJoin(t *testing.T) {
	via := func(id string) string {
		return `{"membership":"join","join_authorised_via_users_server":"` + id + `"}`
	}
	var attempts []attempt
	for _, rule := range []string{"public", "invite", "knock", "restricted", "knock_restricted", "private", "x"} {
		outside := map[string]string{"public": "", "invite": "not invited", "knock": "not invited",
			"restricted": "no user lets the sender in", "knock_restricted": "no user lets the sender in"}
		reason, known := outside[rule]
		inside := ""
		if !known {
			reason, inside = "unknown join rule", "unknown join rule"
		}
		attempts = append(attempts,
			attempt{rule + ": stranger", joinRule(rule), stranger, "m.room.member", stranger, membership("join"), reason},
			attempt{rule + ": left before", joinRule(rule), left, "m.room.member", left, membership("join"), reason},
			attempt{rule + ": knocked", joinRule(rule), knocked, "m.room.member", knocked, membership("join"), reason},
			attempt{rule + ": invited", joinRule(rule), invited, "m.room.member", invited, membership("join"), inside},
			attempt{rule + ": joined", joinRule(rule), other, "m.room.member", other, membership("join"), inside},
			attempt{rule + ": banned", joinRule(rule), banned, "m.room.member", banned, membership("join"), "banned"},
			attempt{rule + ": sent by another", joinRule(rule), user, "m.room.member", invited, membership("join"), "sent by another user"},
		)
	}
	since := map[string]int{"knock": 7, "restricted": 8, "knock_restricted": 10}
	for _, rule := range []string{"restricted", "knock_restricted"} {
		attempts = append(attempts,
			attempt{rule + ": let in", joinRule(rule), stranger, "m.room.member", stranger, via(peer), ""},
			attempt{rule + ": let in by someone who may not invite", joinRule(rule), stranger, "m.room.member", stranger, via(other), "may not invite"},
			attempt{rule + ": let in by someone outside", joinRule(rule), stranger, "m.room.member", stranger, via(left), "not joined"},
			attempt{rule + ": let in although banned", joinRule(rule), banned, "m.room.member", banned, via(peer), "banned"},
		)
	}
	run(t, "12", attempts)
	wasUnknown := map[string]before{}
	for _, a := range attempts {
		rule, what, _ := strings.Cut(a.name, ": ")
		if version, changed := since[rule]; changed && !strings.Contains(what, "banned") && what != "sent by another" {
			wasUnknown[a.name] = before{version, "unknown join rule"}
		}
	}
	runBefore12(t, attempts, wasUnknown)
	run(t, "12", []attempt{{"let in by a creator", joinRule("restricted"), stranger, "m.room.member", stranger, via(second), ""}})

	r := newRoom(t, "12")
	delete(r.state, Key{"m.room.join_rules", ""})
	verdict(t, Check(r.event(stranger, "m.room.member", stranger, membership("join")), r.state), "join rule invite")
}

// Rule 5.3.1: the creator joins first.
func TestFirstJoin(t *testing.T) {
	for _, version := range pdu.Versions() {
		r := newRoom(t, version)
		create := r.state.Event("m.room.create", "")
		join := func(id string, prev ...string) *pdu.Event {
			return r.build(pdu.Proto{Type: "m.room.member", Sender: id, StateKey: &id, RoomID: r.id, Content: []byte(membership("join")), PrevEvents: prev})
		}
		another := r.state.Event("m.room.power_levels", "").ID()
		only := Map{}
		only.Put(create)
		verdict(t, Check(join(creator, create.ID()), only), "")
		verdict(t, Check(join(second, create.ID()), only), "not invited")
		verdict(t, Check(join(creator, another), only), "not invited")
		verdict(t, Check(join(creator, create.ID(), another), only), "not invited")
	}
}

// Rules 5.4.2 to 5.4.5.
func TestInvite(t *testing.T) {
	attempts := []attempt{
		{"stranger", nil, moderator, "m.room.member", stranger, membership("invite"), ""},
		{"again", nil, moderator, "m.room.member", invited, membership("invite"), ""},
		{"someone who left", nil, moderator, "m.room.member", left, membership("invite"), ""},
		{"someone who knocked", nil, moderator, "m.room.member", knocked, membership("invite"), ""},
		{"a member", nil, moderator, "m.room.member", other, membership("invite"), "join already"},
		{"someone banned", nil, moderator, "m.room.member", banned, membership("invite"), "ban already"},
		{"not enough", nil, user, "m.room.member", stranger, membership("invite"), "invite needs power level 10"},
		{"from outside", nil, left, "m.room.member", stranger, membership("invite"), "not joined"},
		{"by an invited user", nil, invited, "m.room.member", stranger, membership("invite"), "not joined"},
	}
	run(t, "12", attempts)
	runBefore12(t, attempts, nil)
	run(t, "12", []attempt{{"by a creator", nil, second, "m.room.member", stranger, membership("invite"), ""}})
}

// Rule 5.5.
func TestLeave(t *testing.T) {
	strongBan := []entry{{creator, "m.room.power_levels", "", `{"users":{"` + moderator + `":50},"kick":40,"ban":60}`}}
	attempts := []attempt{
		{"joined", nil, user, "m.room.member", user, membership("leave"), ""},
		{"refusing an invite", nil, invited, "m.room.member", invited, membership("leave"), ""},
		{"taking a knock back", nil, knocked, "m.room.member", knocked, membership("leave"), ""},
		{"twice", nil, left, "m.room.member", left, membership("leave"), "not in the room"},
		{"banned", nil, banned, "m.room.member", banned, membership("leave"), "not in the room"},
		{"stranger", nil, stranger, "m.room.member", stranger, membership("leave"), "not in the room"},
		{"kick", nil, moderator, "m.room.member", user, membership("leave"), ""},
		{"kick of an invited user", nil, moderator, "m.room.member", invited, membership("leave"), ""},
		{"kick of a stranger", nil, moderator, "m.room.member", stranger, membership("leave"), ""},
		{"kick of a peer", nil, moderator, "m.room.member", peer, membership("leave"), "not below"},
		{"kick, not enough", nil, user, "m.room.member", other, membership("leave"), "kick needs power level 40"},
		{"kick from outside", nil, left, "m.room.member", other, membership("leave"), "not joined"},
		{"lifting a ban", nil, moderator, "m.room.member", banned, membership("leave"), ""},
		{"lifting a ban, not enough", strongBan, moderator, "m.room.member", banned, membership("leave"), "ban needs power level 60"},
		{"kick where only bans are strong", strongBan, moderator, "m.room.member", other, membership("leave"), ""},
	}
	run(t, "12", attempts)
	runBefore12(t, attempts, map[string]before{"taking a knock back": {7, "not in the room"}})
	run(t, "12", []attempt{
		{"kick of a creator", nil, moderator, "m.room.member", creator, membership("leave"), "not below"},
		{"kick of a creator by a creator", nil, creator, "m.room.member", second, membership("leave"), "not below"},
		{"kick by a creator", nil, second, "m.room.member", moderator, membership("leave"), ""},
	})
	run(t, "11", []attempt{{"kick of the creator, who has no level", nil, moderator, "m.room.member", creator, membership("leave"), ""}})
}

// Rule 5.6.
func TestBan(t *testing.T) {
	attempts := []attempt{
		{"member", nil, moderator, "m.room.member", user, membership("ban"), ""},
		{"stranger", nil, moderator, "m.room.member", stranger, membership("ban"), ""},
		{"again", nil, moderator, "m.room.member", banned, membership("ban"), ""},
		{"peer", nil, moderator, "m.room.member", peer, membership("ban"), "not below"},
		{"oneself", nil, moderator, "m.room.member", moderator, membership("ban"), "not below"},
		{"not enough", nil, user, "m.room.member", other, membership("ban"), "ban needs power level 45"},
		{"from outside", nil, left, "m.room.member", other, membership("ban"), "not joined"},
	}
	run(t, "12", attempts)
	runBefore12(t, attempts, nil)
	run(t, "12", []attempt{{"creator", nil, creator, "m.room.member", second, membership("ban"), "not below"}})
}

// Rule 5.7.
func TestKnock(t *testing.T) {
	var attempts []attempt
	for rule, want := range map[string]string{"knock": "", "knock_restricted": "", "public": "does not allow to knock",
		"invite": "does not allow to knock", "restricted": "does not allow to knock"} {
		attempts = append(attempts, attempt{rule, joinRule(rule), stranger, "m.room.member", stranger, membership("knock"), want})
	}
	attempts = append(attempts,
		attempt{"left before", joinRule("knock"), left, "m.room.member", left, membership("knock"), ""},
		attempt{"again", joinRule("knock"), knocked, "m.room.member", knocked, membership("knock"), ""},
		attempt{"joined", joinRule("knock"), other, "m.room.member", other, membership("knock"), "membership is join"},
		attempt{"invited", joinRule("knock"), invited, "m.room.member", invited, membership("knock"), "membership is invite"},
		attempt{"banned", joinRule("knock"), banned, "m.room.member", banned, membership("knock"), "membership is ban"},
		attempt{"for another", joinRule("knock"), user, "m.room.member", stranger, membership("knock"), "sent by another user"},
	)
	run(t, "12", attempts)
	was := map[string]before{}
	for _, a := range attempts {
		was[a.name] = before{7, "unknown membership"}
	}
	was["knock_restricted"] = before{10, "knock"} // the membership before 7, the join rule after
	runBefore12(t, attempts, was)
}

// Rule 5.4.1.
func TestThirdPartyInvite(t *testing.T) {
	id := signerOf("identity")
	pub := id.Key.Public().(ed25519.PublicKey)
	single := `{"public_key":"` + pdu.EncodeBase64(pub) + `"}`
	list := `{"public_key":"AAAA","public_keys":[{"public_key":"x"},{"public_key":"` + pdu.EncodeBase64(pub) + `"},1]}`
	wrongKey := `{"public_key":"` + pdu.EncodeBase64(make([]byte, 32)) + `"}`
	signed := func(target string) string {
		s, err := pdu.SignJSON([]byte(`{"mxid":"`+target+`","token":"t"}`), id.ServerName, id.KeyID, id.Key)
		if err != nil {
			t.Fatal(err)
		}
		return string(s)
	}
	invite := func(signed string) string {
		return fmt.Sprintf(`{"membership":"invite","third_party_invite":{"display_name":"x","signed":%s}}`, signed)
	}
	from := func(sender, content string) []entry {
		return []entry{{sender, "m.room.third_party_invite", "t", content}}
	}
	attempts := []attempt{
		{"one key", from(user, single), user, "m.room.member", stranger, invite(signed(stranger)), ""},
		{"a list of keys", from(user, list), user, "m.room.member", stranger, invite(signed(stranger)), ""},
		{"by someone who left since", from(left, single), left, "m.room.member", stranger, invite(signed(stranger)), ""},
		{"target banned", from(user, single), user, "m.room.member", banned, invite(signed(banned)), "banned"},
		{"no signed", from(user, single), user, "m.room.member", stranger, `{"membership":"invite","third_party_invite":{}}`, "without signed"},
		{"third_party_invite of another type", from(user, single), user, "m.room.member", stranger, `{"membership":"invite","third_party_invite":1}`, "without signed"},
		{"no token", from(user, single), user, "m.room.member", stranger, invite(`{"mxid":"` + stranger + `"}`), "without mxid or token"},
		{"no mxid", from(user, single), user, "m.room.member", stranger, invite(`{"token":"t"}`), "without mxid or token"},
		{"for another", from(user, single), user, "m.room.member", stranger, invite(signed(left)), "for another user"},
		{"no such invite", nil, user, "m.room.member", stranger, invite(signed(stranger)), "no third-party invite"},
		{"of another sender", from(creator, single), user, "m.room.member", stranger, invite(signed(stranger)), "another sender"},
		{"unsigned", from(user, single), user, "m.room.member", stranger, invite(`{"mxid":"` + stranger + `","token":"t"}`), "no signature"},
		{"signed by another key", from(user, wrongKey), user, "m.room.member", stranger, invite(signed(stranger)), "no signature"},
		{"no keys", from(user, `{}`), user, "m.room.member", stranger, invite(signed(stranger)), "no signature"},
	}
	run(t, "12", attempts)
	runBefore12(t, attempts, nil)
}

// One invite can't ask for any number of verifications.
func TestVerificationsAreBounded(t *testing.T) {
	id := signerOf("identity")
	b, err := pdu.SignJSON([]byte(`{"token":"t"}`), id.ServerName, id.KeyID, id.Key)
	if err != nil {
		t.Fatal(err)
	}
	signed, _ := pdu.ParseObject(b)
	for others, want := range map[int]bool{0: true, maxVerifications - 1: true, maxVerifications: false} {
		keys := make([]ed25519.PublicKey, others, others+1)
		keys = append(keys, id.Key.Public().(ed25519.PublicKey))
		if got := signedByAny(signed, keys); got != want {
			t.Errorf("after %d other keys: %v", others, got)
		}
	}
}
