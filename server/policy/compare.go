package policy

import (
	"bytes"
	"encoding/json"
	"slices"

	"beffroi/server/pdu"
)

// Changes is what a document of a list changed.
type Changes struct {
	From    int64    `json:"from_number"` // the document of before; 0: none
	To      int64    `json:"to_number"`
	Added   []string `json:"added"`   // server names: that are active now and were not
	Removed []string `json:"removed"` // that were active and are not now
	Altered []string `json:"altered"` // of which something else is said: keys, contact
}

// compare tells what changed between two documents; the one of before may be nil.
func compare(before, after *List) Changes {
	c := Changes{To: after.Number, Added: []string{}, Removed: []string{}, Altered: []string{}}
	known := map[string]*Server{}
	if before != nil {
		c.From = before.Number
		for i := range before.Servers {
			known[before.Servers[i].Name] = &before.Servers[i]
		}
	}
	for i := range after.Servers {
		now := &after.Servers[i]
		old := known[now.Name]
		delete(known, now.Name)
		was, is := old != nil && old.Status == Active, now.Status == Active
		switch {
		case is && !was:
			c.Added = append(c.Added, now.Name)
		case was && !is:
			c.Removed = append(c.Removed, now.Name)
		case old != nil && !equal(old, now):
			c.Altered = append(c.Altered, now.Name)
		}
	}
	for name, old := range known {
		if old.Status == Active {
			c.Removed = append(c.Removed, name)
		}
	}
	slices.Sort(c.Added)
	slices.Sort(c.Removed)
	slices.Sort(c.Altered)
	return c
}

func equal(a, b *Server) bool {
	one, err := json.Marshal(a)
	other, also := json.Marshal(b)
	return err == nil && also == nil && bytes.Equal(one, other)
}

// sameServers tells whether two documents say the same: signatures may be others, and in another order.
func sameServers(a, b []byte) bool {
	one, err := pdu.ParseObject(a)
	other, also := pdu.ParseObject(b)
	if err != nil || also != nil {
		return false
	}
	said := func(o pdu.Object) (members [][]byte) {
		for name, value := range o.All() {
			if name != "signatures" && name != "unsigned" {
				members = append(members, []byte(name), value.Raw())
			}
		}
		return members
	}
	return slices.EqualFunc(said(one), said(other), bytes.Equal)
}

// brief is what the journal tells: numbers, and the first names.
func (c Changes) brief(l *List, sub *Subscription, e Effect) map[string]any {
	first := func(names []string) []string { return names[:min(len(names), maxTold)] }
	return map[string]any{"address": sub.Address, "key": sub.pinned().ID, "from": c.From, "number": c.To, "servers": len(l.Servers),
		"added": first(c.Added), "added_total": len(c.Added), "removed": first(c.Removed), "removed_total": len(c.Removed),
		"altered": first(c.Altered), "altered_total": len(c.Altered), "lost_servers": len(e.Servers), "rooms": e.Rooms}
}
