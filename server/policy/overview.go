package policy

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"beffroi/server/store"
)

// Overview is the policy as administrators see it.
type Overview struct {
	Settings
	Deny    []store.DeniedServer `json:"deny"`
	Added   []Server             `json:"added"`
	Lists   []ListOverview       `json:"lists"`
	Servers int                  `json:"servers"`           // that are admitted by name
	Listed  bool                 `json:"acl_lists_servers"` // whether they fit into m.room.server_acl; false in open mode
}

// ListOverview is a subscription as administrators see it. Times are milliseconds; 0 is never.
type ListOverview struct {
	ID        string          `json:"list_id"`
	Address   string          `json:"address,omitempty"`
	Key       string          `json:"key"`
	Name      string          `json:"name,omitempty"`
	Publisher string          `json:"publisher,omitempty"`
	Contact   string          `json:"contact,omitempty"`
	Number    int64           `json:"number"`
	Servers   int             `json:"servers"`
	Published int64           `json:"published_ts"`
	Expires   int64           `json:"expires_ts"`
	Expired   bool            `json:"expired"` // it goes on counting, but its publisher should be asked
	Accepted  int64           `json:"accepted_ts"`
	Tried     int64           `json:"tried_ts"`
	Failure   string          `json:"failure,omitempty"` // why the last try failed, in French; the list goes on as it was
	Changes   json.RawMessage `json:"changes,omitempty"` // what the document changed: Changes
}

// Overview gives the policy.
func (s *Service) Overview() Overview {
	set, now := s.set.Load(), s.millis()
	o := Overview{Settings: set.Settings, Deny: []store.DeniedServer{}, Added: []Server{}, Lists: []ListOverview{}}
	for _, pattern := range set.globs {
		o.Deny = append(o.Deny, set.denied[pattern])
	}
	for _, name := range slices.Sorted(maps.Keys(set.added)) {
		o.Added = append(o.Added, set.added[name])
	}
	for _, id := range slices.Sorted(maps.Keys(set.lists)) {
		o.Lists = append(o.Lists, set.lists[id].overview(now))
	}
	o.Servers = len(set.allowed(now))
	_, fit := set.hosts(now)
	o.Listed = set.Mode != Open && fit
	return o
}

func (s *Subscription) overview(now int64) ListOverview {
	o := ListOverview{ID: s.TrustList.ID, Address: s.Address, Key: s.pinned().String(), Number: s.TrustList.Number,
		Accepted: s.Accepted, Tried: s.Tried, Failure: s.Failure, Changes: s.TrustList.Changes}
	if l := s.List; l != nil {
		o.Name, o.Publisher, o.Contact, o.Servers = l.Name, l.Publisher, l.Contact, len(l.Servers)
		o.Published, o.Expires, o.Expired = l.Published, l.Expires, l.Expires <= now
	}
	return o
}

// Entry is what somebody says of a server: a list, or the town hall where ListID is "".
type Entry struct {
	ListID string `json:"list_id,omitempty"`
	Server Server `json:"server"`
}

// Search gives the entries whose server name or organisation has a text in it, by name.
func (s *Service) Search(text string) []Entry {
	set, found := s.set.Load(), []Entry{}
	text = strings.ToLower(text)
	fits := func(v Server) bool {
		return strings.Contains(v.Name, text) || strings.Contains(strings.ToLower(v.Organisation), text)
	}
	for _, v := range set.added {
		if fits(v) {
			found = append(found, Entry{"", v})
		}
	}
	for _, entries := range set.listed {
		for _, e := range entries {
			if fits(*e.server) {
				found = append(found, Entry{e.list.TrustList.ID, *e.server})
			}
		}
	}
	slices.SortFunc(found, func(a, b Entry) int {
		return strings.Compare(a.Server.Name+" "+a.ListID, b.Server.Name+" "+b.ListID)
	})
	return found
}

// Verdict is what is known of a server.
type Verdict struct {
	Admitted bool    `json:"admitted"`
	Why      Reason  `json:"why,omitempty"` // it is not
	Entries  []Entry `json:"entries"`
	Pinned   bool    `json:"pinned"` // its keys are known; no others count
}

// Server gives what is known of a server.
func (s *Service) Server(name string) Verdict {
	set := s.set.Load()
	v := Verdict{Why: set.why(name, s.millis()), Entries: []Entry{}}
	v.Admitted = v.Why == admitted
	_, v.Pinned = set.pinned(name)
	if own, ok := set.added[name]; ok {
		v.Entries = append(v.Entries, Entry{"", own})
	}
	for _, e := range set.listed[name] {
		v.Entries = append(v.Entries, Entry{e.list.TrustList.ID, *e.server})
	}
	return v
}
