package policy

import (
	"crypto/ed25519"
	"maps"
	"slices"

	"beffroi/server/pdu"
	"beffroi/server/store"
)

// ruleset is a policy: immutable once it is indexed, so that who asks takes no lock.
type ruleset struct {
	Settings
	own    string // this server
	denied map[string]store.DeniedServer
	added  map[string]Server
	lists  map[string]*Subscription

	globs  []string // of denied
	listed map[string][]entry

	notaries []string // that a list or the town hall says to be some
}

// Subscription is a list that the town hall subscribed to, with what it says; List is nil until it has said something.
type Subscription struct {
	store.TrustList
	*List
}

func (s *Subscription) pinned() Key { return Key{s.TrustList.KeyID, s.TrustList.Key} }

// entry is what one list says of a server.
type entry struct {
	list   *Subscription
	server *Server
}

func newRuleset(own string, v Settings) *ruleset {
	return &ruleset{Settings: v, own: own, denied: map[string]store.DeniedServer{}, added: map[string]Server{}, lists: map[string]*Subscription{}}
}

// clone is a ruleset that may be changed, and is indexed afterwards.
func (set *ruleset) clone() *ruleset {
	return &ruleset{Settings: set.Settings, own: set.own, denied: maps.Clone(set.denied), added: maps.Clone(set.added), lists: maps.Clone(set.lists)}
}

// index makes what is asked often quick.
func (set *ruleset) index() {
	set.globs, set.listed, set.notaries = nil, map[string][]entry{}, nil
	for name, one := range set.added {
		set.notary(name, &one)
	}
	for _, d := range set.denied {
		set.globs = append(set.globs, d.Pattern)
	}
	slices.Sort(set.globs)
	for _, id := range slices.Sorted(maps.Keys(set.lists)) {
		sub := set.lists[id]
		if sub.List == nil {
			continue
		}
		for i := range sub.Servers {
			one := &sub.Servers[i]
			set.listed[one.Name] = append(set.listed[one.Name], entry{sub, one})
			set.notary(one.Name, one)
		}
	}
	slices.Sort(set.notaries)
	set.notaries = slices.Compact(set.notaries)
}

func (set *ruleset) notary(name string, v *Server) {
	if v.Notary && v.Status == Active {
		set.notaries = append(set.notaries, name)
	}
}

// Reason is why a server is not admitted, in French; "" where it is.
type Reason string

// The reasons.
const (
	admitted  Reason = ""
	isClosed  Reason = "refusé : la messagerie est fermée aux autres communes et organismes"
	isDenied  Reason = "refusé : commune écartée par la mairie"
	isUnknown Reason = "refusé : commune inconnue"
	isSuspend Reason = "refusé : commune suspendue par une liste de confiance"
	isGone    Reason = "refusé : commune retirée de la liste de confiance"
)

// why tells why a server is not admitted at a time.
func (set *ruleset) why(server string, now int64) Reason {
	switch {
	case set.Mode == Closed:
		return isClosed
	case set.denies(server):
		return isDenied
	case set.Mode == Open:
		return admitted
	}
	return set.untrusted(server, now)
}

func (set *ruleset) denies(server string) bool {
	host := pdu.HostOf(server)
	return slices.ContainsFunc(set.globs, func(glob string) bool { return pdu.MatchesGlob(glob, host) })
}

// untrusted is why in trusted mode. A suspension counts before everything: it is made in a hurry, and other lists follow later.
func (set *ruleset) untrusted(server string, now int64) Reason {
	entries := set.listed[server]
	if slices.ContainsFunc(entries, func(e entry) bool { return e.server.Status == Suspended && e.server.counts(now) }) {
		return isSuspend
	}
	if own, ok := set.added[server]; ok && own.Status == Active && own.counts(now) {
		return admitted
	}
	if slices.ContainsFunc(entries, func(e entry) bool { return e.server.Status == Active && e.server.counts(now) }) {
		return admitted
	}
	if len(entries) > 0 {
		return isGone
	}
	return isUnknown
}

// pinned gives the keys that are known of a server: the town hall's word, or else that of all lists together, whatever its status.
func (set *ruleset) pinned(server string) (map[string]store.ServerKey, bool) {
	if set.Mode != Trusted {
		return nil, false
	}
	all := map[string]store.ServerKey{}
	if own := set.added[server]; len(own.Keys) > 0 {
		for _, k := range own.Keys {
			all[k.ID] = k
		}
		return all, true
	}
	for _, e := range set.listed[server] {
		for _, k := range e.server.Keys {
			if before, known := all[k.ID]; !known || stricter(k, before) {
				all[k.ID] = k
			}
		}
	}
	return all, len(all) > 0
}

// stricter tells which of two lists counts where both know a key: the one that retired it first.
func stricter(a, b store.ServerKey) bool {
	return a.Retired && (!b.Retired || a.Until < b.Until) && ed25519.PublicKey.Equal(a.Key, b.Key)
}

// names are the servers that are admitted by name at a time, sorted.
func (set *ruleset) names(now int64) (all []string) {
	for name := range set.listed {
		if set.why(name, now) == admitted {
			all = append(all, name)
		}
	}
	for name := range set.added {
		if len(set.listed[name]) == 0 && set.why(name, now) == admitted {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}
