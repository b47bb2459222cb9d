package auth

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"beffroi/server/pdu"

	gmsl "github.com/matrix-org/gomatrixserverlib"
	"github.com/matrix-org/gomatrixserverlib/spec"
)

const (
	statesPerVersion = 20
	eventsPerState   = 40
)

// TestAgainstOracle holds the verdict on generated events in generated states
// against gomatrixserverlib's. Where they differ, the chapter must say that the
// oracle is wrong: see oracleIsWrong.
func TestAgainstOracle(t *testing.T) {
	total, allowed, wrong := 0, 0, map[string]int{}
	states := statesPerVersion
	if testing.Short() {
		states = 2
	}
	for _, version := range pdu.Versions() {
		rnd := rand.New(rand.NewPCG(7, uint64(len(version))<<8|uint64(version[len(version)-1])))
		for range states {
			g := newGenerator(t, version, rnd)
			for range eventsPerState {
				e := g.attempt()
				got, want := Check(e, g.state), g.oracle(e)
				total++
				if got == nil {
					allowed++
				}
				if (got == nil) == (want == nil) {
					continue
				}
				reason := g.oracleIsWrong(e, got == nil)
				if reason == "" {
					t.Fatalf("version %s\nevent %s\nours: %v\noracle: %v\nstate: %s", version, e.JSON(), got, want, g.describe())
				}
				wrong[reason]++
			}
		}
	}
	t.Logf("%d verdicts compared, %d of them allow", total, allowed)
	for reason, n := range wrong {
		t.Logf("%5d of them differ: %s", n, reason)
	}
	if allowed < total/5 || allowed > total*4/5 {
		t.Error("the generator makes too many or too few events that are allowed")
	}
}

func (g *generator) oracle(e *pdu.Event) error {
	if g.provider == nil {
		var events []gmsl.PDU
		for _, s := range g.state {
			events = append(events, g.convert(s))
		}
		var err error
		if g.provider, err = gmsl.NewAuthEvents(events); err != nil {
			g.t.Fatal(err)
		}
	}
	return gmsl.Allowed(g.convert(e), g.provider, func(_ spec.RoomID, id spec.SenderID) (*spec.UserID, error) {
		return spec.NewUserID(string(id), true)
	})
}

func (g *generator) convert(e *pdu.Event) gmsl.PDU {
	v := gmsl.MustGetRoomVersion(gmsl.RoomVersion(g.rules.Version))
	converted, err := v.NewEventFromTrustedJSONWithEventID(e.ID(), e.JSON(), false)
	if err != nil {
		g.t.Fatalf("%v: %s", err, e.JSON())
	}
	return converted
}

func (g *generator) describe() string {
	var lines []string
	for key, e := range g.state {
		lines = append(lines, fmt.Sprintf("%s %q by %s: %s", key.Type, key.StateKey, e.Sender(), e.Content()))
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

// oracleIsWrong says for which reason the oracle's verdict is not the chapter's;
// "" where none is known. Numbers are those of rooms/v12.
func (g *generator) oracleIsWrong(e *pdu.Event, allowed bool) string {
	switch e.Type() {
	case "m.room.member":
		return g.wrongAboutMember(e, allowed)
	case "m.room.power_levels":
		return g.wrongAboutLevels(e, allowed)
	case "m.room.create":
		if version, ok := RoomVersion(e.Body()); !allowed && (!ok || version != g.rules.Version) {
			return "1.3: it takes a create event that names no version or, from 11 on, one that is not known (without one it is of version 1)"
		}
	case "m.room.aliases":
		if !g.rules.AliasesRule {
			return "rooms/v6: it has the rule on m.room.aliases in every version"
		}
	case "m.room.redaction":
		if g.rules.RedactionRule && allowed && e.Redacts() == "" {
			return "rooms/v1, 11.1: it rejects a redaction of nothing by who has the redact level"
		}
	case "m.room.third_party_invite":
		if key, _ := e.StateKey(); allowed && strings.HasPrefix(key, "@") {
			return "7: it asks of state keys with @ in m.room.third_party_invite what only rule 9 asks, which comes later"
		}
	}
	return ""
}

func (g *generator) wrongAboutMember(e *pdu.Event, allowed bool) string {
	target, _ := e.StateKey()
	before, after := Membership(g.state.Event("m.room.member", target)), Membership(e)
	rule := JoinRule(g.state.Event("m.room.join_rules", ""))
	own := e.Sender() == target
	switch {
	case !allowed && own && after == "leave" && (before == "leave" || before == ""):
		return "5.5.1: it lets people leave who are not in the room"
	case !allowed && own && after == "join" && (before == "invite" || before == "join") && rule != "public" && rule != "invite":
		return "5.3.7: it lets who is invited or joined join by a join rule that the version does not know"
	case !allowed && after == "join" && rule == "knock_restricted" && !g.rules.KnockRestricted:
		return "rooms/v10: it has knock_restricted from 8 on"
	case !allowed && after == "knock" && rule == "knock_restricted" && !g.rules.KnockRestricted:
		return "rooms/v10: it has knock_restricted from 7 on"
	case allowed && own && after == "join" && before == "knock" && rule == "public":
		return "5.3.6: it rejects that who has knocked joins a public room"
	case !allowed && !own && after == "leave" && before == "ban":
		return "5.5.4: it lifts a ban by the ban level alone"
	case allowed && !own && after == "join" && slices.Equal(e.PrevEvents(), []string{g.create.ID()}):
		return "5.3.1: it asks that the creator sends the first join"
	case !allowed && after == "invite" && e.Body().Get("third_party_invite").Exists():
		return "5.4.1.1, 5.4.1.6: it does not look at a ban, nor at who made the third-party invite"
	case allowed && after != "invite" && e.Body().Get("third_party_invite").Exists():
		return "5.4.1: it looks for the third-party invite of what is no invite"
	case !allowed && e.Body().Get("join_authorised_via_users_server").Exists():
		return "5.2: it leaves the signature of join_authorised_via_users_server to others"
	}
	return ""
}

func (g *generator) wrongAboutLevels(e *pdu.Event, allowed bool) string {
	old := g.state.Event("m.room.power_levels", "")
	if old == nil && allowed && g.rules.CreatorsRule {
		return "10.7: it gives creators no power over notification levels"
	}
	if old == nil {
		return ""
	}
	power := NewPowerLevels(g.create, old).For(e.Sender())
	for _, name := range scalarLevels {
		before, after := old.Body().Get(name), e.Body().Get(name)
		if before.Exists() != after.Exists() || name == "users_default" && string(before.Raw()) != string(after.Raw()) {
			return "10.6: it puts defaults for levels that were added or removed, and does not look at users_default"
		}
	}
	for _, name := range mapLevels {
		before, after := old.Body().Object(name), e.Body().Object(name)
		if !slices.Equal(keys(before), keys(after)) {
			return "10.7 to 10.10: it puts defaults for entries that were added or removed"
		}
	}
	for _, v := range old.Body().Object("notifications").All() {
		if n, _ := level(g.rules, v); allowed && g.rules.NotificationLevels && (n == power || power == Infinite) {
			return "10.7: it gives creators no power over notification levels, and others none over one that is equal to theirs"
		}
	}
	if allowed && !g.rules.NotificationLevels && !readable(g.rules, e.Body().Object("notifications")) {
		return "rooms/v6: before it the rules say nothing of notifications"
	}
	if !allowed && g.rules.IntegerPowerLevels && strings.Contains(string(e.Content()), "null") {
		return "10.1 to 10.3: it takes null for an integer"
	}
	return ""
}

func keys(o pdu.Object) (names []string) {
	for name := range o.All() {
		names = append(names, name)
	}
	return names
}

func readable(r pdu.Rules, o pdu.Object) bool {
	for _, v := range o.All() {
		if _, ok := level(r, v); !ok {
			return false
		}
	}
	return true
}

// generator makes a random state, and events that somebody tries in it.
type generator struct {
	*room
	*rand.Rand
	create   *pdu.Event
	provider *gmsl.AuthEvents // the state as the oracle has it
}

// people have a server each of two, and one that nobody sees.
func people() []string {
	return []string{creator, second, moderator, peer, user, other, invited, knocked, banned, left}
}

func newGenerator(t *testing.T, version string, rnd *rand.Rand) *generator {
	g := &generator{room: newRoom(t, version), Rand: rnd}
	if g.chance(15) {
		create := g.set(creator, "m.room.create", "", `{"room_version":"`+version+`","creator":"`+creator+`","m.federate":`+g.one("true", "false")+`}`)
		g.id = create.RoomID()
		for key := range g.state { // of another room, where the id is the create event's
			if g.rules.RoomIDIsHash && key.Type != "m.room.create" {
				delete(g.state, key)
			}
		}
	}
	g.create = g.state.Event("m.room.create", "")
	for _, id := range people() {
		delete(g.state, Key{"m.room.member", id})
		switch m := g.one("join", "join", "join", "invite", "leave", "ban", "knock", ""); {
		case id == creator:
			g.set(id, "m.room.member", id, membership("join"))
		case m != "" && (m != "knock" || g.rules.Knocking):
			g.set(id, "m.room.member", id, membership(m))
		}
	}
	g.set(creator, "m.room.join_rules", "", `{"join_rule":"`+g.joinRule()+`"}`)
	delete(g.state, Key{"m.room.power_levels", ""})
	if g.chance(85) {
		g.set(creator, "m.room.power_levels", "", g.powerLevels())
	}
	for _, token := range []string{"t", "u"} {
		g.set(g.person(), "m.room.third_party_invite", token, g.thirdPartyKeys())
	}
	return g
}

func (g *generator) one(of ...string) string { return of[g.IntN(len(of))] }

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

func (g *generator) person() string { return people()[g.IntN(len(people()))] }

func (g *generator) joinRule() string {
	return g.one("public", "public", "invite", "knock", "restricted", "knock_restricted", "private", "unknown")
}

// anyLevel is a power level as somebody may try it.
func (g *generator) anyLevel() any {
	if g.chance(95) {
		return g.level()
	}
	return []any{nil, "", "a", "5 0", "1_0", "0x10", "1.0", "++1", "٣", true}[g.IntN(10)]
}

// level is a power level as the version may have it.
func (g *generator) level() any {
	n := (g.IntN(6) - 1) * 20
	switch {
	case g.rules.IntegerPowerLevels || g.chance(60):
		return n
	case !g.rules.CanonicalJSON && g.chance(50):
		return json.Number(fmt.Sprintf("%d.5", n))
	}
	return g.one("", " ", "\t0", "+", "00") + strconv.Itoa(max(n, 0)) + g.one("", " ", "\n")
}

func (g *generator) powerLevels() string {
	c := map[string]any{}
	for _, name := range scalarLevels {
		if g.chance(50) {
			c[name] = g.level()
		}
	}
	users, events, notifications := map[string]any{}, map[string]any{}, map[string]any{}
	for _, id := range people() {
		if g.chance(50) && !(g.rules.CreatorsRule && (id == creator || id == second)) {
			users[id] = g.level()
		}
	}
	for _, name := range []string{"m.room.name", "m.room.power_levels", "m.room.redaction", "m.room.aliases", "m.room.join_rules"} {
		if g.chance(30) {
			events[name] = g.level()
		}
	}
	if g.chance(50) {
		notifications["room"] = g.level()
	}
	c["users"], c["events"], c["notifications"] = users, events, notifications
	return asJSON(c)
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // can't be: all of it is JSON
	}
	return string(b)
}

// thirdPartyKeys has only public_keys: the oracle does not read public_key.
func (g *generator) thirdPartyKeys() string {
	key := g.signer(g.one("identity", "identity", "else")).Key.Public().(ed25519.PublicKey)
	return `{"display_name":"x","public_keys":[{"public_key":"` + pdu.EncodeBase64(make([]byte, 32)) + `"},{"public_key":"` + pdu.EncodeBase64(key) + `"}]}`
}

// attempt is an event that somebody sends.
func (g *generator) attempt() *pdu.Event {
	sender := g.person()
	for range 3 { // most are tried by who is in the room
		if Membership(g.state.Event("m.room.member", sender)) != "join" {
			sender = g.person()
		}
	}
	switch g.IntN(10) {
	case 0, 1, 2, 3:
		return g.member(sender)
	case 4, 5:
		return g.event(sender, "m.room.power_levels", "", g.changedLevels())
	case 6:
		return g.event(sender, g.one("m.room.name", "m.room.join_rules"), g.one("", "", "@x", sender), `{}`)
	case 7:
		return g.event(sender, "m.room.message", nil, `{}`)
	case 8:
		return g.special(sender)
	default:
		return g.redaction(sender)
	}
}

func (g *generator) special(sender string) *pdu.Event {
	switch g.IntN(3) {
	case 0:
		return g.event(sender, "m.room.aliases", g.one("a.fr", "b.fr", "", "x"), `{"aliases":[]}`)
	case 1:
		return g.event(sender, "m.room.third_party_invite", g.one("t", "v", sender, "@x"), `{}`)
	}
	content := g.one(`{"creator":"@creator:a.fr","room_version":"`+g.rules.Version+`"}`, `{"room_version":"`+g.rules.Version+`"}`,
		`{"creator":"@creator:a.fr"}`, `{"creator":"@creator:a.fr","room_version":"unknown"}`)
	return g.event(sender, "m.room.create", "", content)
}

func (g *generator) redaction(sender string) *pdu.Event {
	p := pdu.Proto{Type: "m.room.redaction", Sender: sender, RoomID: g.id, Redacts: g.target()}
	return g.build(p)
}

// target is an event that somebody wants gone, or none.
func (g *generator) target() string {
	if g.chance(10) {
		return ""
	}
	if g.rules.Format == pdu.EventFormatV1 {
		return g.one("$x:a.fr", "$x:b.fr")
	}
	return g.create.ID()
}

func (g *generator) member(sender string) *pdu.Event {
	target := sender
	if g.chance(50) {
		target = g.person()
	}
	c := map[string]any{"membership": g.one("join", "join", "join", "invite", "leave", "leave", "ban", "knock", "unknown")}
	via := ""
	if g.chance(20) {
		via = g.person()
		c["join_authorised_via_users_server"] = via
	}
	if g.chance(15) {
		if c["membership"] != "join" || g.chance(90) {
			c["membership"] = "invite"
		}
		c["third_party_invite"] = g.signedInvite(target)
	}
	p := pdu.Proto{Type: "m.room.member", Sender: sender, StateKey: &target, RoomID: g.id, Content: json.RawMessage(asJSON(c))}
	if g.chance(20) {
		p.PrevEvents = []string{g.create.ID()}
	}
	e := g.build(p)
	if via == "" {
		return e
	}
	signed, err := e.Sign(g.signer(pdu.ServerOf(via)))
	if err != nil {
		g.t.Fatal(err)
	}
	return signed
}

func (g *generator) signedInvite(target string) json.RawMessage {
	id := g.signer("identity")
	mxid, token := target, g.one("t", "t", "u", "none")
	if g.chance(10) {
		mxid = g.person()
	}
	signed, err := pdu.SignJSON([]byte(asJSON(map[string]any{"mxid": mxid, "token": token})), id.ServerName, id.KeyID, id.Key)
	if err != nil {
		g.t.Fatal(err)
	}
	if g.chance(10) {
		signed = []byte(asJSON(map[string]any{"mxid": mxid, "token": token, "signatures": map[string]any{}}))
	}
	return json.RawMessage(`{"display_name":"x","signed":` + string(signed) + `}`)
}

// changedLevels are those in force with a change or two, so that there is
// something to allow, or others altogether.
func (g *generator) changedLevels() string {
	old := g.state.Event("m.room.power_levels", "")
	if old == nil || g.chance(10) {
		return g.powerLevels()
	}
	c := map[string]any{}
	d := json.NewDecoder(strings.NewReader(string(old.Content())))
	d.UseNumber()
	if err := d.Decode(&c); err != nil {
		g.t.Fatal(err)
	}
	for range g.IntN(3) {
		where := c
		if inner, ok := c[g.one("users", "events", "notifications", "")].(map[string]any); ok {
			where = inner
		}
		names := make([]string, 0, len(where))
		for name, v := range where {
			if _, ok := v.(map[string]any); !ok {
				names = append(names, name)
			}
		}
		if len(names) > 0 {
			sort.Strings(names)
			where[g.one(names...)] = g.anyLevel()
		}
	}
	return asJSON(c)
}
