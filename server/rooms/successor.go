package rooms

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"

	"beffroi/server/pdu"
)

// successor is a room that replaces another one.
type successor struct {
	*predecessor
	rules    pdu.Rules // of the new room
	by       User
	creators []string // beside who upgrades; only some room versions have them
}

// moving lists the events that the new room is made of, and those that follow because they may be many.
func (s *Service) moving(ctx context.Context, n *successor) (first, later []draft, err error) {
	create, err := n.createContent()
	if err != nil {
		return nil, nil, err
	}
	join, err := s.joinContent(ctx, n.by, "")
	if err != nil {
		return nil, nil, err
	}
	levels, err := s.levelsOf(n)
	if err != nil {
		return nil, nil, err
	}
	d, more := drafting{by: n.by}, drafting{by: n.by}
	d.state("m.room.create", "", create)
	d.state("m.room.member", n.by.ID, join)
	d.state("m.room.power_levels", "", n.workingLevels(levels))
	n.named(&d)
	n.copied(&d, &more)
	if n.custodian {
		err = s.draftCustodian(ctx, &d)
	}
	n.bans(&more)
	if n.working(levels) {
		more.state("m.room.power_levels", "", levels)
	}
	for i := range more.list {
		more.list[i].optional = true
	}
	return d.list, more.list, errors.Join(err, d.err, more.err)
}

// createContent is the content of the new room's m.room.create event. What it is and whether other servers may take part is kept.
func (n *successor) createContent() (map[string]any, error) {
	old, err := content(n.event("m.room.create"))
	if err != nil {
		return nil, err
	}
	create := map[string]any{"room_version": n.rules.Version, "predecessor": map[string]string{"room_id": n.ID, "event_id": n.last}}
	for _, key := range []string{"type", "m.federate"} {
		if v, ok := old[key]; ok {
			create[key] = v
		}
	}
	if n.rules.CreatorProperty {
		create["creator"] = n.by.ID
	}
	if creators := n.others(); n.rules.CreatorsRule && len(creators) > 0 {
		create["additional_creators"] = creators
	}
	return create, nil
}

// others are the creators beside who upgrades, each once.
func (n *successor) others() []string {
	creators := slices.Compact(slices.Sorted(slices.Values(n.creators)))
	return slices.DeleteFunc(creators, func(id string) bool { return id == n.by.ID })
}

// named keeps those names of the old room that will point to the new one.
func (n *successor) named(d *drafting) {
	if kept := n.names(func(alias string) bool { return slices.Contains(n.aliases, alias) }); len(kept) > 0 {
		d.state("m.room.canonical_alias", "", kept)
	}
}

// names are those that the old room's m.room.canonical_alias event has and that are to be kept, as such an event has them.
func (p *predecessor) names(keep func(alias string) bool) map[string]any {
	kept := map[string]any{}
	old := p.event("m.room.canonical_alias")
	if old == nil {
		return kept
	}
	if alias, ok := old.Body().Text("alias"); ok && keep(alias) {
		kept["alias"] = alias
	}
	alt, _ := old.Body().Get("alt_aliases").Texts()
	if alt = slices.DeleteFunc(alt, func(alias string) bool { return !keep(alias) }); len(alt) > 0 {
		kept["alt_aliases"] = alt
	}
	return kept
}

// copied takes the old room's state over. What has no content any more is left behind. The children of a space may be many.
func (n *successor) copied(d, more *drafting) {
	for _, eventType := range transferable() {
		for key, e := range n.state {
			if key.Type != eventType || string(e.Body().Raw()) == "{}" {
				continue
			}
			if eventType == "m.space.child" {
				more.state(eventType, key.StateKey, json.RawMessage(e.Body().Raw()))
			} else if key.StateKey == "" {
				d.state(eventType, "", json.RawMessage(e.Body().Raw()))
			}
		}
	}
}

// bans keeps out who was banned from the old room.
func (n *successor) bans(d *drafting) {
	for _, e := range n.banned {
		target, _ := e.StateKey()
		reason, _ := e.Body().Text("reason")
		d.state("m.room.member", target, memberContent{Membership: "ban", Reason: reason})
	}
}

// levelsOf are the power levels that the new room is to have: the old room's, as the new version writes them. Where that has creators, these are
// not listed, and who only had all power because rooms had no creators before can't upgrade any more, as in every room of such a version.
func (s *Service) levelsOf(n *successor) (map[string]any, error) {
	old, err := content(n.event("m.room.power_levels"))
	if err != nil || old == nil {
		return s.powerLevels(n.by, &CreateRequest{IsDirect: !n.custodian}, n.rules, preset{}), err
	}
	levels := wholeNumbers(old)
	users := submap(levels, "users")
	maps.DeleteFunc(users, func(id string, _ any) bool { return !pdu.ValidUserID(id) }) // old versions took anything
	if !n.rules.CreatorsRule {
		if n.predecessor.rules.CreatorsRule {
			for _, id := range append(n.others(), n.by.ID) {
				users[id] = highest(levels)
			}
		}
		return levels, nil
	}
	for _, id := range append(n.others(), n.by.ID) {
		delete(users, id)
	}
	events := submap(levels, "events")
	state := number(levels["state_default"], 50)
	if tombstone := number(events["m.room.tombstone"], state); !n.predecessor.rules.CreatorsRule || tombstone <= state {
		events["m.room.tombstone"] = max(tombstone, state+1, 150)
	}
	return levels, nil
}

// working tells whether who upgrades needs more power than they have in the old room to fill the new one.
func (n *successor) working(levels map[string]any) bool {
	return !n.rules.CreatorsRule && n.own(levels) < highest(levels)
}

func (n *successor) own(levels map[string]any) int64 {
	return number(submap(levels, "users")[n.by.ID], number(levels["users_default"], 0))
}

// workingLevels are the levels while the new room is filled.
func (n *successor) workingLevels(levels map[string]any) map[string]any {
	if !n.working(levels) {
		return levels
	}
	raised := maps.Clone(levels)
	users := maps.Clone(submap(levels, "users"))
	users[n.by.ID] = highest(levels)
	raised["users"] = users
	return raised
}

// highest is the level that suffices for everything in a room, but at least 100.
func highest(levels map[string]any) int64 {
	top := int64(100)
	for key, v := range levels {
		if key != "users_default" && key != "events_default" {
			top = max(top, number(v, 0))
		}
	}
	for _, v := range submap(levels, "events") {
		top = max(top, number(v, 0))
	}
	return top
}

// closedLevels are the levels of a room that is not to be used any more, nil where they are closed already.
//
// Spec: client-server API, "Room Upgrades", "Server behaviour", 6.
func closedLevels(e *pdu.Event) (map[string]any, error) {
	old, err := content(e)
	if err != nil {
		return nil, err
	}
	levels := wholeNumbers(old)
	closed := max(50, number(levels["users_default"], 0)+1)
	changed := false
	for _, key := range []string{"events_default", "invite"} {
		if number(levels[key], 0) < closed {
			levels[key], changed = closed, true
		}
	}
	if !changed {
		return nil, nil
	}
	return levels, nil
}

// submap is an object within levels; it is added where it is missing.
func submap(levels map[string]any, key string) map[string]any {
	m, ok := levels[key].(map[string]any)
	if !ok {
		m = map[string]any{}
		levels[key] = m
	}
	return m
}

// wholeNumbers turns levels that are written as strings into numbers, as room versions from 10 on want them, also one object deep. What is neither is
// left out.
func wholeNumbers(levels map[string]any) map[string]any {
	out := map[string]any{}
	for key, v := range levels {
		switch v := v.(type) {
		case map[string]any:
			out[key] = wholeNumbers(v)
		case float64:
			out[key] = int64(v)
		case string:
			if n, err := strconv.ParseInt(v, 10, 64); err == nil {
				out[key] = n
			}
		}
	}
	return out
}

func number(v any, otherwise int64) int64 {
	switch n := v.(type) {
	case int64:
		return n
	case int:
		return int64(n)
	}
	return otherwise
}

// draftCustodian brings the custodian into a new room.
func (s *Service) draftCustodian(ctx context.Context, d *drafting) error {
	join, err := s.joinContent(ctx, s.Custodian, "")
	if err != nil {
		return err
	}
	invite := join
	invite.Membership = "invite"
	d.state("m.room.member", s.Custodian.ID, invite)
	d.as(s.Custodian).state("m.room.member", s.Custodian.ID, join)
	return nil
}
