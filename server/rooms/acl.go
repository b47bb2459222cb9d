package rooms

import (
	"context"
	"net/netip"
	"strings"

	"beffroi/server/merr"
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

// Admits finds a room that this server takes part in, for another server: 403 M_FORBIDDEN where it doesn't, or where the room's ACL refuses the other one.
func (s *Service) Admits(ctx context.Context, roomID, server string) (store.Room, error) {
	l, err := s.cache.acquire(ctx, roomID)
	if err != nil {
		return store.Room{}, err
	}
	defer l.mu.Unlock()
	if len(l.joined) == 0 {
		return store.Room{}, merr.Forbidden("This server does not take part in this room")
	}
	return l.Room, l.admits(server)
}

// admits refuses what another server says in a room whose ACL does not let it. Where nobody of this server is joined events are taken all the same: in a fork that
// is still to be resolved somebody may be.
func (l *live) admits(server string) error {
	if e := l.held.Event("m.room.server_acl", ""); e != nil && !admits(e.Body(), true, server) {
		return merr.Forbidden("The room does not let %s take part", server)
	}
	return nil
}

// AdmitsNow tells whether the ACL in a room's current state lets a server take part.
func AdmitsNow(r *store.Reader, room store.RoomRef, server string) (bool, error) {
	e, ok, err := r.CurrentEvent(room, store.AtomServerACL, store.AtomEmpty)
	if err != nil {
		return false, err
	}
	return admits(pdu.StoredObject(e.JSON).Object("content"), ok, server), nil
}
