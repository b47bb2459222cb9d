package policy

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"beffroi/server/journal"
	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// Change is what the town hall changes at once. What is not given stays.
type Change struct {
	Mode         Mode     `json:"mode,omitempty"`
	ForeignRooms Foreign  `json:"foreign_rooms,omitempty"`
	Deny         []Denial `json:"deny,omitempty"`        // servers that this one does not speak with any more
	Undeny       []string `json:"undeny,omitempty"`      // patterns that are denied no more
	Add          []Server `json:"add,omitempty"`         // servers that are trusted beside those on lists
	Remove       []string `json:"remove,omitempty"`      // server names that were added
	Unsubscribe  []string `json:"unsubscribe,omitempty"` // ids of lists
}

// Denial is a pattern of server names without port, in which * and ? stand for others, and why.
type Denial struct {
	Pattern string `json:"pattern"`
	Reason  string `json:"reason,omitempty"`
}

// How much the town hall may decide by itself; who has more to say makes a list.
const (
	maxDenied, maxAdded, maxLists = 1000, 1000, 20
	// maxChange is how many entries one change has.
	maxChange = 1000
)

// Preview tells what a change would do to rooms, and changes nothing. 400 M_INVALID_PARAM for what can't be.
func (s *Service) Preview(ctx context.Context, c Change) (Effect, error) {
	before := s.set.Load()
	next, _, err := s.draft(before, c)
	if err != nil {
		return Effect{}, err
	}
	return s.effect(ctx, before, next)
}

// Apply changes the policy, with a row in the journal, and tells what that does to rooms. It counts when Apply returns.
func (s *Service) Apply(ctx context.Context, actor string, c Change) (Effect, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.set.Load()
	next, write, err := s.draft(before, c)
	if err != nil {
		return Effect{}, err
	}
	effect, err := s.effect(ctx, before, next)
	if err != nil {
		return effect, err
	}
	row := journal.Entry{Actor: actor, Act: journal.ChangePolicy, Detail: map[string]any{"change": c.brief(), "lost_servers": len(effect.Servers), "rooms": effect.Rooms}}
	err = s.db.Write(ctx, func(tx *store.Tx) error { return errors.Join(write(tx), journal.Append(tx, s.now(), row)) })
	if err == nil {
		s.replace(next)
	}
	return effect, err
}

// replace makes a ruleset count.
func (s *Service) replace(next *ruleset) {
	s.set.Store(next)
	s.tellChanged()
}

// draft is the policy after a change, and what writes it down.
func (s *Service) draft(before *ruleset, c Change) (*ruleset, func(tx *store.Tx) error, error) {
	next := before.clone()
	if c.Mode != "" {
		next.Mode = c.Mode
	}
	if c.ForeignRooms != "" {
		next.ForeignRooms = c.ForeignRooms
	}
	if err := next.valid(); err != nil {
		return nil, nil, err
	}
	if len(c.Deny)+len(c.Undeny)+len(c.Add)+len(c.Remove)+len(c.Unsubscribe) > maxChange {
		return nil, nil, merr.InvalidParam("More than %d entries in one change", maxChange)
	}
	now := s.millis()
	if err := errors.Join(next.deny(c, now), next.add(c, s.ServerName), next.unsubscribe(c)); err != nil {
		return nil, nil, err
	}
	next.index()
	return next, func(tx *store.Tx) error { return next.write(tx, c) }, nil
}

func (set *ruleset) deny(c Change, now int64) error {
	for _, d := range c.Deny {
		pattern := strings.ToLower(d.Pattern)
		if err := validPattern(pattern, set.own); err != nil {
			return err
		}
		if len(d.Reason) > maxText {
			return merr.InvalidParam("reason has %d bytes at most", maxText)
		}
		set.denied[pattern] = store.DeniedServer{Pattern: pattern, Reason: d.Reason, TS: now}
	}
	for _, pattern := range c.Undeny {
		if _, known := set.denied[strings.ToLower(pattern)]; !known {
			return merr.NotFound("%.255s is not denied", pattern)
		}
		delete(set.denied, strings.ToLower(pattern))
	}
	if len(set.denied) > maxDenied || size(slices.Collect(maps.Keys(set.denied))) > maxACL/2 {
		return merr.InvalidParam("More than %d patterns are denied, or %d bytes of them", maxDenied, maxACL/2)
	}
	return nil
}

// validPattern takes what a server name without port can be, with * and ?; not what this server is.
func validPattern(pattern, own string) error {
	named := strings.NewReplacer("*", "a", "?", "a").Replace(pattern)
	switch {
	case pattern == "" || len(pattern) > pdu.MaxIDLength || strings.HasPrefix(pattern, "[") && !pdu.ValidServerName(pattern),
		!strings.HasPrefix(pattern, "[") && (strings.Contains(pattern, ":") || !pdu.ValidServerName(named)):
		return merr.InvalidParam("%.255q is no server name without port, with * and ? for others", pattern)
	case pdu.MatchesGlob(pattern, pdu.HostOf(own)):
		return merr.InvalidParam("%.255q is this server, too", pattern)
	}
	return nil
}

func (set *ruleset) add(c Change, own string) error {
	for _, v := range c.Add {
		if v.Name == own {
			return merr.InvalidParam("%s is this server", v.Name)
		}
		set.added[v.Name] = v
	}
	for _, name := range c.Remove {
		if _, known := set.added[name]; !known {
			return merr.NotFound("%.255s was not added", name)
		}
		delete(set.added, name)
	}
	if len(set.added) > maxAdded {
		return merr.InvalidParam("More than %d servers are added", maxAdded)
	}
	return nil
}

func (set *ruleset) unsubscribe(c Change) error {
	for _, id := range c.Unsubscribe {
		if set.lists[id] == nil {
			return merr.NotFound("There is no subscription to %.255s", id)
		}
		delete(set.lists, id)
	}
	return nil
}

// write writes down what a change made of the ruleset.
func (set *ruleset) write(tx *store.Tx, c Change) (err error) {
	raw, err := json.Marshal(set.Settings)
	if err != nil {
		return err
	}
	err = tx.PutMeta(store.MetaPolicy, raw)
	for _, d := range c.Deny {
		if now, still := set.denied[strings.ToLower(d.Pattern)]; still {
			err = errors.Join(err, tx.PutDeniedServer(now))
		}
	}
	for _, pattern := range c.Undeny {
		err = errors.Join(err, tx.DeleteDeniedServer(strings.ToLower(pattern)))
	}
	for _, v := range c.Add {
		if _, still := set.added[v.Name]; still {
			b, failed := json.Marshal(v)
			err = errors.Join(err, failed, tx.PutTrustedServer(v.Name, b))
		}
	}
	for _, name := range c.Remove {
		err = errors.Join(err, tx.DeleteTrustedServer(name))
	}
	for _, id := range c.Unsubscribe {
		err = errors.Join(err, tx.DeleteTrustList(id))
	}
	return err
}

// maxTold is how many names the journal tells of each kind.
const maxTold = 10

// brief is a change for the journal: names, and not too many.
func (c Change) brief() map[string]any {
	told := map[string]any{}
	put := func(name string, all []string) {
		if len(all) > 0 {
			told[name], told[name+"_total"] = all[:min(len(all), maxTold)], len(all)
		}
	}
	if c.Mode != "" {
		told["mode"] = c.Mode
	}
	if c.ForeignRooms != "" {
		told["foreign_rooms"] = c.ForeignRooms
	}
	var denied, added []string
	for _, d := range c.Deny {
		denied = append(denied, d.Pattern)
	}
	for _, v := range c.Add {
		added = append(added, v.Name)
	}
	put("deny", denied)
	put("undeny", c.Undeny)
	put("add", added)
	put("remove", c.Remove)
	put("unsubscribe", c.Unsubscribe)
	return told
}
