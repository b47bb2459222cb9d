package rooms

import (
	"net/netip"
	"strings"

	"beffroi/server/pdu"
	"beffroi/server/store"
)

// admits tells whether a room's server ACL lets a server take part; content is that of m.room.server_acl, the zero Object where there is none.
//
// Spec: client-server API, "Server Access Control Lists (ACLs) for rooms".
func admits(content pdu.Object, exists bool, server string) bool {
	if !exists {
		return true
	}
	host := pdu.HostOf(server)
	if literals, ok := content.Get("allow_ip_literals").Bool(); ok && !literals {
		if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
			return false
		}
	}
	return !matchesAny(content.Get("deny"), host) && matchesAny(content.Get("allow"), host)
}

func matchesAny(globs pdu.Value, host string) bool {
	all, ok := globs.Array()
	if !ok {
		return false
	}
	for glob := range all {
		if text, ok := glob.Text(); ok && pdu.MatchesGlob(strings.ToLower(text), host) {
			return true
		}
	}
	return false
}

// admitsNow asks the room's current state.
func admitsNow(r *store.Reader, room store.RoomRef, server string) (bool, error) {
	e, ok, err := r.CurrentEvent(room, store.AtomServerACL, store.AtomEmpty)
	if err != nil {
		return false, err
	}
	return admits(pdu.StoredObject(e.JSON).Object("content"), ok, server), nil
}
