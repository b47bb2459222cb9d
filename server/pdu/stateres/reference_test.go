package stateres

import (
	"bytes"
	"cmp"
	"crypto/sha1"
	"maps"
	"math"
	"slices"
	"strings"

	"beffroi/server/pdu"

	gmsl "github.com/matrix-org/gomatrixserverlib"
	"github.com/matrix-org/gomatrixserverlib/spec"
)

// reference is the specification's text of v2 and v2.1 once more, written without
// a thought for speed, on the oracle's events and with the oracle's authorisation
// rules. It can also go wrong where the oracle does (deviations), so that a result
// of the oracle that is not ours is explained to the last entry.
type reference struct {
	events     map[string]gmsl.PDU
	rejected   map[string]bool
	deviations deviations
	algorithm  pdu.Resolution
	chains     map[string]map[string]bool
}

// deviations is a set of places where gomatrixserverlib, as of c9c468727353, is not
// what the specification says. Each was found by reading both. (Another one does
// not show here: power levels and join rules with a state key are no power events
// to it, and nobody here sends any.)
type deviations uint

const (
	// X is enlarged by those auth events of its events that are in the conflicted
	// state set, not in the full conflicted set, and only along such (rooms/v2,
	// "Algorithm", step 1: the whole auth chain).
	closure deviations = 1 << iota
	// The topological ordering is made from its end, the greatest event last,
	// which is not the lexicographically smallest one; an event that came into X
	// on two ways counts twice among those that cite its auth events, which then
	// never become free and are put in front without regard for auth_events
	// (rooms/v2, "Reverse topological power ordering").
	reversed
	// Without power levels in its auth_events an event's sender has 0, the creator
	// too (server-server API, "Definitions": 100).
	powerless
	// Events off the mainline count as based on its oldest event, not as before
	// it, and the number of steps to the mainline decides before the time does
	// (rooms/v2, "Mainline ordering").
	offMain
	// Where the state lacks an entry, the event that is checked is put into its
	// place among its own auth events, not the auth event (rooms/v2, "Iterative
	// auth checks").
	standIn
	// Events of the auth difference that stand in the unconflicted state map are
	// left out (rooms/v2, "Full conflicted set").
	unconflicted
	// Who has left may leave again (rooms/v11, "Authorisation rules" 4.5.1).
	leftAgain
	// A ban is lifted without the level to kick, and from anyone, of whatever
	// level (rooms/v11, "Authorisation rules" 4.5.4).
	unbanned

	allDeviations = 1<<iota - 1
)

// deviationNames are in the order of the constants.
var deviationNames = [...]string{"closure", "reversed", "powerless", "offMain", "standIn", "unconflicted", "leftAgain", "unbanned"}

func (d deviations) has(one deviations) bool { return d&one != 0 }

type stateMap = map[entry]gmsl.PDU

func keyOf(e gmsl.PDU) entry { return entry{Type: e.Type(), StateKey: *e.StateKey()} }

func (r *reference) chain(id string) map[string]bool {
	if c, ok := r.chains[id]; ok {
		return c
	}
	c := map[string]bool{}
	r.chains[id] = c
	for _, a := range r.events[id].AuthEventIDs() {
		c[a] = true
		maps.Copy(c, r.chain(a))
	}
	return c
}

func (r *reference) resolve(states []State) State {
	if r.algorithm == pdu.ResolutionV1 {
		return r.resolveV1(states)
	}
	r.chains = map[string]map[string]bool{}
	agreed, conflicted := State{}, map[string]bool{}
	for _, s := range states {
		for key, id := range s {
			if everywhere := !slices.ContainsFunc(states, func(o State) bool { return o[key] != id }); everywhere {
				agreed[key] = id
			} else {
				conflicted[id] = true
			}
		}
	}
	full := maps.Clone(conflicted)
	difference := r.authDifference(states)
	maps.Copy(full, difference)
	if r.algorithm == pdu.ResolutionV21 {
		maps.Copy(full, r.subgraph(conflicted))
	}
	if r.deviations.has(unconflicted) {
		for _, id := range agreed {
			delete(full, id)
		}
	}
	x := r.power(full, conflicted)
	state := stateMap{}
	if r.algorithm == pdu.ResolutionV2 {
		for key, id := range agreed {
			state[key] = r.events[id]
		}
	}
	var order []string
	if r.deviations.has(reversed) {
		order = r.oracleOrder(x, full, conflicted, difference)
	} else {
		order = r.powerOrder(x)
	}
	r.check(state, order)
	var rest []string
	for id := range full {
		if !x[id] {
			rest = append(rest, id)
		}
	}
	r.check(state, r.mainlineOrder(rest, state[levelsKey]))
	result := State{}
	for key, e := range state {
		result[key] = e.EventID()
	}
	maps.Copy(result, agreed)
	return result
}

func (r *reference) authDifference(states []State) map[string]bool {
	union, count := map[string]bool{}, map[string]int{}
	for _, s := range states {
		c := map[string]bool{}
		for _, id := range s {
			maps.Copy(c, r.chain(id))
		}
		for id := range c {
			union[id] = true
			count[id]++
		}
	}
	maps.DeleteFunc(union, func(id string, _ bool) bool { return count[id] == len(states) })
	return union
}

func (r *reference) subgraph(conflicted map[string]bool) map[string]bool {
	on := map[string]bool{}
	for id := range r.events {
		above, below := conflicted[id], conflicted[id]
		for c := range conflicted {
			above = above || r.chain(c)[id]
			below = below || r.chain(id)[c]
		}
		if above && below {
			on[id] = true
		}
	}
	return on
}

func (r *reference) isPower(id string) bool {
	e := r.events[id]
	switch e.Type() {
	case "m.room.power_levels", "m.room.join_rules":
		return true
	case "m.room.member":
		m, _ := e.Membership()
		return (m == "leave" || m == "ban") && string(e.SenderID()) != *e.StateKey()
	}
	return false
}

func (r *reference) power(full, conflicted map[string]bool) map[string]bool {
	x := map[string]bool{}
	for id := range full {
		if !r.isPower(id) {
			continue
		}
		x[id] = true
		if r.deviations.has(closure) {
			continue
		}
		for a := range r.chain(id) {
			if full[a] {
				x[a] = true
			}
		}
	}
	if r.deviations.has(closure) {
		r.closeOver(x, conflicted)
	}
	return x
}

func (r *reference) closeOver(x, conflicted map[string]bool) {
	for grown := true; grown; {
		grown = false
		for id := range maps.Clone(x) {
			for _, a := range r.events[id].AuthEventIDs() {
				if conflicted[a] && !x[a] {
					x[a], grown = true, true
				}
			}
		}
	}
}

// senderLevel is the sender's power level by the auth events.
func (r *reference) senderLevel(id string) int64 {
	e := r.events[id]
	create := r.events["$"+strings.TrimPrefix(e.RoomID().String(), "!")]
	var levels gmsl.PDU
	for _, a := range e.AuthEventIDs() {
		switch r.events[a].Type() {
		case "m.room.create":
			create = r.events[a]
		case "m.room.power_levels":
			levels = r.events[a]
		}
	}
	impl := gmsl.MustGetRoomVersion(e.Version())
	if impl.PrivilegedCreators() && slices.Contains(gmsl.CreatorsFromCreateEvent(create), string(e.SenderID())) {
		return math.MaxInt64
	}
	if levels == nil {
		if !r.deviations.has(powerless) && create != nil && create.SenderID() == e.SenderID() {
			return 100
		}
		return 0
	}
	content, err := gmsl.NewPowerLevelContentFromEvent(levels)
	if err != nil {
		panic(err)
	}
	return content.UserLevel(e.SenderID())
}

func (r *reference) compare(x, y string) int {
	a, b := r.events[x], r.events[y]
	return cmp.Or(cmp.Compare(r.senderLevel(y), r.senderLevel(x)), cmp.Compare(a.OriginServerTS(), b.OriginServerTS()), cmp.Compare(x, y))
}

func (r *reference) powerOrder(x map[string]bool) (order []string) {
	left := maps.Clone(x)
	for len(left) > 0 {
		var candidates []string
		for id := range left {
			waits := false
			for _, a := range r.events[id].AuthEventIDs() {
				waits = waits || left[a]
			}
			if !waits {
				candidates = append(candidates, id)
			}
		}
		next := slices.MinFunc(candidates, r.compare)
		order = append(order, next)
		delete(left, next)
	}
	return order
}

func (r *reference) levelsOf(e gmsl.PDU) gmsl.PDU {
	for _, a := range e.AuthEventIDs() {
		if r.events[a].Type() == "m.room.power_levels" && r.events[a].StateKeyEquals("") {
			return r.events[a]
		}
	}
	return nil
}

func (r *reference) mainlineOrder(ids []string, levels gmsl.PDU) []string {
	var mainline []string
	for p := levels; p != nil; p = r.levelsOf(p) {
		mainline = append(mainline, p.EventID())
	}
	position := func(id string) (at, steps int) {
		for p := r.levelsOf(r.events[id]); p != nil; p = r.levelsOf(p) {
			if at = slices.Index(mainline, p.EventID()); at >= 0 {
				return at, steps
			}
			steps++
		}
		if r.deviations.has(offMain) {
			return max(0, len(mainline)-1), steps
		}
		return math.MaxInt, steps
	}
	slices.SortFunc(ids, func(x, y string) int {
		atX, stepsX := position(x)
		atY, stepsY := position(y)
		if !r.deviations.has(offMain) {
			stepsX, stepsY = 0, 0
		}
		return cmp.Or(cmp.Compare(atY, atX), cmp.Compare(stepsX, stepsY),
			cmp.Compare(r.events[x].OriginServerTS(), r.events[y].OriginServerTS()), cmp.Compare(x, y))
	})
	return ids
}

// check is the iterative auth checks.
func (r *reference) check(state stateMap, order []string) {
	for _, id := range order {
		e := r.events[id]
		given, err := gmsl.NewAuthEvents(nil)
		if err != nil {
			panic(err)
		}
		for _, key := range neededBy(e) {
			if in := state[key]; in != nil {
				_ = given.AddEvent(in)
				continue
			}
			if fallback := r.fallback(e, key); fallback != nil && r.deviations.has(standIn) {
				_ = given.AddEvent(e)
			} else if fallback != nil {
				_ = given.AddEvent(fallback)
			}
		}
		if r.allowed(e, given) {
			state[keyOf(e)] = e
		}
	}
}

func (r *reference) fallback(e gmsl.PDU, key entry) gmsl.PDU {
	for _, id := range e.AuthEventIDs() {
		if a := r.events[id]; !r.rejected[id] && a.Type() == key.Type && a.StateKeyEquals(key.StateKey) {
			return a
		}
	}
	if key == createKey && gmsl.MustGetRoomVersion(e.Version()).PrivilegedCreators() {
		return r.events["$"+strings.TrimPrefix(e.RoomID().String(), "!")]
	}
	return nil
}

// allowed is the oracle's verdict, put right where it is known to be wrong.
func (r *reference) allowed(e gmsl.PDU, given *gmsl.AuthEvents) bool {
	if gmsl.Allowed(e, given, userOf) != nil {
		return false
	}
	if m, err := e.Membership(); err != nil || m != "leave" || e.Type() != "m.room.member" {
		return true
	}
	before := ""
	if old, _ := given.Member(spec.SenderID(*e.StateKey())); old != nil {
		before, _ = old.Membership()
	}
	if e.StateKeyEquals(string(e.SenderID())) {
		return r.deviations.has(leftAgain) || before == "join" || before == "invite" || before == "knock"
	}
	return r.deviations.has(unbanned) || before != "ban" || r.mayKick(e, given)
}

// mayKick says whether an event's sender has the level to kick its target.
func (r *reference) mayKick(e gmsl.PDU, given *gmsl.AuthEvents) bool {
	create, _ := given.Create()
	creator := string(create.SenderID())
	levels, err := gmsl.NewPowerLevelContentFromAuthEvents(given, creator)
	if err != nil {
		panic(err)
	}
	if gmsl.MustGetRoomVersion(e.Version()).PrivilegedCreators() {
		if levels.Users == nil {
			levels.Users = map[string]int64{}
		}
		levels.Users[creator] = math.MaxInt64
	}
	sender := levels.UserLevel(e.SenderID())
	return sender >= levels.Kick && sender > levels.UserLevel(spec.SenderID(*e.StateKey()))
}

// neededBy is in the order in which the oracle looks for them.
func neededBy(e gmsl.PDU) (keys []entry) {
	needed := gmsl.StateNeededForAuth([]gmsl.PDU{e})
	if needed.Create {
		keys = append(keys, createKey)
	}
	if needed.JoinRules {
		keys = append(keys, joinRulesKey)
	}
	if needed.PowerLevels {
		keys = append(keys, levelsKey)
	}
	for _, user := range needed.Member {
		keys = append(keys, entry{Type: "m.room.member", StateKey: user})
	}
	return keys
}

func userOf(_ spec.RoomID, sender spec.SenderID) (*spec.UserID, error) {
	return spec.NewUserID(string(sender), true)
}

// oracleOrder is Kahn's algorithm as the oracle has it: see reversed.
func (r *reference) oracleOrder(x, full, conflicted, difference map[string]bool) (order []string) {
	times := map[string]int{} // how often an event came into X
	for id := range x {
		if r.isPower(id) && full[id] {
			if conflicted[id] {
				times[id]++
			}
			if difference[id] {
				times[id]++
			}
		}
	}
	cited := map[string]bool{}
	for id := range x {
		for _, a := range r.events[id].AuthEventIDs() {
			cited[a] = true
		}
	}
	for id := range x {
		if cited[id] && conflicted[id] {
			times[id]++
		}
	}
	waiting, left := map[string]int{}, maps.Clone(x)
	for id := range x {
		for _, a := range r.events[id].AuthEventIDs() {
			waiting[a] += times[id]
		}
	}
	var free []string
	for id := range x {
		if waiting[id] == 0 {
			free = append(free, id)
			delete(left, id)
		}
	}
	for len(free) > 0 {
		last := slices.MaxFunc(free, r.compare)
		free = slices.DeleteFunc(free, func(id string) bool { return id == last })
		order = slices.Insert(order, 0, last)
		for _, a := range r.events[last].AuthEventIDs() {
			waiting[a]--
			if waiting[a] == 0 && left[a] {
				free = append(free, a)
				delete(left, a)
			}
		}
	}
	stray := slices.SortedFunc(maps.Keys(left), r.compare)
	return append(stray, order...)
}

// resolveV1 is the text of rooms/v1, "State resolution".
func (r *reference) resolveV1(states []State) State {
	candidates := map[entry]map[string]bool{}
	for _, s := range states {
		for key, id := range s {
			if candidates[key] == nil {
				candidates[key] = map[string]bool{}
			}
			candidates[key][id] = true
		}
	}
	resolved := stateMap{}
	for key, ids := range candidates {
		if len(ids) == 1 {
			for id := range ids {
				resolved[key] = r.events[id]
			}
			delete(candidates, key)
		}
	}
	for _, phase := range []string{"m.room.power_levels", "m.room.join_rules", "m.room.member", ""} {
		settled := stateMap{}
		for key, ids := range candidates {
			list := slices.SortedFunc(maps.Keys(ids), r.compareV1)
			switch {
			case phase == key.Type:
				settled[key] = r.lastAllowed(resolved, key, list)
			case phase == "":
				settled[key] = r.highestAllowed(resolved, list)
			default:
				continue
			}
			delete(candidates, key)
		}
		maps.Copy(resolved, settled)
	}
	result := State{}
	for key, e := range resolved {
		result[key] = e.EventID()
	}
	return result
}

func (r *reference) compareV1(x, y string) int {
	hashX, hashY := sha1.Sum([]byte(x)), sha1.Sum([]byte(y))
	return cmp.Or(cmp.Compare(r.events[x].Depth(), r.events[y].Depth()), bytes.Compare(hashY[:], hashX[:]))
}

func (r *reference) lastAllowed(resolved stateMap, key entry, list []string) gmsl.PDU {
	state := maps.Clone(resolved)
	state[key] = r.events[list[0]]
	for _, id := range list[1:] {
		if !r.allowed(r.events[id], given(state)) {
			break
		}
		state[key] = r.events[id]
	}
	return state[key]
}

func (r *reference) highestAllowed(resolved stateMap, list []string) gmsl.PDU {
	for _, id := range slices.Backward(list) {
		if r.allowed(r.events[id], given(resolved)) {
			return r.events[id]
		}
	}
	return r.events[list[0]]
}

func given(state stateMap) *gmsl.AuthEvents {
	given, err := gmsl.NewAuthEvents(slices.Collect(maps.Values(state)))
	if err != nil {
		panic(err)
	}
	return given
}
