package inbox

import (
	"context"
	"encoding/json"

	"beffroi/server/ephemeral"
	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// typing says that a user of the server types in a room, or no longer.
//
// Source: server-server API, "m.typing".
func (s *Service) typing(ctx context.Context, server string, content json.RawMessage) error {
	o, err := pdu.ParseObject(content)
	if err != nil {
		return err
	}
	roomID, _ := o.Text("room_id")
	userID, _ := o.Text("user_id")
	types, ok := o.Get("typing").Bool()
	if !ok {
		return merr.BadJSON("typing is no boolean")
	}
	if pdu.ServerOf(userID) != server {
		return errNotTheirs(userID)
	}
	if _, err := s.Rooms.Admits(ctx, roomID, server); err != nil {
		return err
	}
	user, err := store.Get(ctx, s.db, func(r *store.Reader) (store.Atom, error) { return r.FindAtom(userID) })
	if err != nil {
		return err
	}
	return s.Ephemeral.SetTyping(ctx, roomID, user, userID, types, 0)
}

// maxReceipts is how many receipts of one item are looked at.
const maxReceipts = 1000

// receipts say how far users of the server have read.
//
// Source: server-server API, "m.receipt".
func (s *Service) receipts(ctx context.Context, server string, content json.RawMessage) error {
	o, err := pdu.ParseObject(content)
	if err != nil {
		return err
	}
	seen := 0
	for roomID, kinds := range o.All() {
		if seen++; seen > maxReceipts {
			return merr.TooLarge("more than %d rooms", maxReceipts)
		}
		if err := s.receiptsOf(ctx, server, roomID, kinds); err != nil {
			s.dropped(server, "m.receipt", err)
		}
	}
	return nil
}

func (s *Service) receiptsOf(ctx context.Context, server, roomID string, kinds pdu.Value) error {
	room, err := s.Rooms.Admits(ctx, roomID, server)
	if err != nil {
		return err
	}
	read, _ := kinds.Object()
	var all []ephemeral.ReadUpTo
	for userID, v := range read.Object(ephemeral.Read).All() {
		if len(all) == maxReceipts {
			break
		}
		if pdu.ServerOf(userID) != server {
			return errNotTheirs(userID)
		}
		if one, ok := readUpTo(userID, v); ok {
			all = append(all, one)
		}
	}
	return s.Ephemeral.MarkOthers(ctx, room.Ref, all)
}

func readUpTo(userID string, v pdu.Value) (r ephemeral.ReadUpTo, ok bool) {
	o, _ := v.Object()
	ids, _ := o.Get("event_ids").Texts()
	if len(ids) == 0 {
		return r, false
	}
	data := o.Object("data")
	r = ephemeral.ReadUpTo{UserID: userID, Marker: ephemeral.Marker{Type: ephemeral.Read, EventID: ids[0]}}
	r.TS, _ = data.Int("ts")
	if thread, ok := data.Text("thread_id"); ok && thread != "" {
		r.Thread = &thread
	}
	return r, true
}
