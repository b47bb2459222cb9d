package policy

import (
	"encoding/json"
	"slices"

	"beffroi/server/pdu"
)

// maxACL is how many bytes of server names an event has: with 64 KiB an event is refused by everybody.
const maxACL = 48 << 10

type serverACL struct {
	Allow      []string `json:"allow"`
	Deny       []string `json:"deny"`
	IPLiterals bool     `json:"allow_ip_literals"`
	Policy     Mode     `json:"fr.beffroi.policy"`
}

// RoomACL is the content of m.room.server_acl in rooms of this server. It is needed where the policy refuses anybody; where it doesn't, only rooms that have one
// already get it. In trusted mode it lists the servers that are admitted: with more than fit into an event, it lists those only that are denied.
//
// Spec: client-server API, "Server Access Control Lists (ACLs) for rooms".
func (s *Service) RoomACL() (content json.RawMessage, needed bool) {
	set := s.set.Load()
	acl := serverACL{Allow: []string{"*"}, Deny: append([]string{}, set.globs...), IPLiterals: true, Policy: set.Mode}
	if set.Mode != Open {
		if all, fit := set.hosts(s.millis()); fit {
			acl.Allow = all
		}
	}
	b, err := json.Marshal(acl)
	if err != nil {
		panic(err) // it is made of texts
	}
	return b, set.Mode != Open || len(acl.Deny) > 0
}

// FollowsPolicy tells whether the content of an m.room.server_acl event came from RoomACL: what people set has no such member.
func (s *Service) FollowsPolicy(content pdu.Object) bool {
	return content.Get("fr.beffroi.policy").Exists()
}

func (set *ruleset) allowed(now int64) []string {
	if set.Mode == Closed {
		return nil
	}
	return set.names(now)
}

// hosts are the servers that are admitted by name, this one too, as ACLs have them: without ports, each once. It tells whether an event can list them.
func (set *ruleset) hosts(now int64) (all []string, fit bool) {
	for _, server := range append(set.allowed(now), set.own) {
		all = append(all, pdu.HostOf(server))
	}
	slices.Sort(all)
	all = slices.Compact(all)
	return all, size(all)+size(set.globs) <= maxACL
}

// size is how many bytes texts take in JSON.
func size(texts []string) (n int) {
	for _, text := range texts {
		n += len(text) + len(`"",`)
	}
	return n
}
