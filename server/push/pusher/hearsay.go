package pusher

import (
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// invitations looks for those into rooms that nobody of this server is in: they stand in no timeline.
func (g *glance) invitations(room store.RoomRef, hearers []store.Hearer, late bool) error {
	for i := range hearers {
		if hearers[i].Membership != store.Invite {
			continue
		}
		m, _, err := g.r.Member(room, hearers[i].User)
		if err != nil {
			return err
		}
		if m.Pos <= g.since || m.Pos > g.upto {
			continue
		}
		e, ok, err := g.r.Event(m.NID)
		if err != nil {
			return err
		}
		if !ok || e.Placed {
			continue
		}
		if err := g.event(&store.StreamEvent{Event: e, Pos: m.Pos}, hearers[i:i+1], late); err != nil {
			return err
		}
	}
	return nil
}

// nameByHearsay adds the names of a room that nobody of this server is in, as another server tells them.
func (n *notification) nameByHearsay(r *store.Reader, e *store.Event) error {
	told, ok, err := r.Stripped(e.Room, e.StateKey)
	if err != nil || !ok {
		return err
	}
	return pdu.CutArray(told.JSON, func(element []byte) error {
		o := pdu.StoredObject(element)
		kind, _ := o.Text("type")
		switch content := o.Object("content"); kind {
		case "m.room.name":
			n.RoomName, _ = content.Text("name")
		case "m.room.canonical_alias":
			n.RoomAlias, _ = content.Text("alias")
		case "m.room.member": // of who invites
			n.SenderDisplayName, _ = content.Text("displayname")
		}
		return nil
	})
}
