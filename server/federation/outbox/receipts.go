package outbox

import (
	"encoding/json"
	"slices"

	"beffroi/server/ephemeral"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// receipts is the content of m.receipt between servers: by room, type and user. A user has one place in it for each room, so what they have read in several
// threads takes several.
//
// Source: server-server API, "Receipts".
type receipts map[string]map[string]map[string]receipt

type receipt struct {
	EventIDs []string       `json:"event_ids"`
	Data     ephemeral.Seen `json:"data"`
}

// put puts in a receipt, unless its user has one for the room.
func (c receipts) put(room, user string, one receipt) bool {
	if _, taken := c[room][ephemeral.Read][user]; taken {
		return false
	}
	if c[room] == nil {
		c[room] = map[string]map[string]receipt{ephemeral.Read: {}}
	}
	c[room][ephemeral.Read][user] = one
	return true
}

// addReceipts adds the public receipts that moved, where they stand at the end of the batch: those that moved again come with the next.
func (b *batch) addReceipts(r *store.Reader) error {
	var contents []receipts
	for room, users := range b.receipts {
		id, err := roomID(r, room)
		if err != nil {
			return err
		}
		moved, err := r.ReceiptsIn(room, b.since, b.pos)
		if err != nil {
			return err
		}
		for _, c := range moved {
			user, err := r.Text(c.User)
			if err != nil {
				return err
			}
			if c.Type != store.AtomReceiptRead || users != nil && !users[c.User] || pdu.ServerOf(user) != b.ServerName {
				continue
			}
			contents = place(contents, id, user, receipt{[]string{c.EventID}, ephemeral.Seen{TS: c.TS, ThreadID: c.Thread}})
		}
	}
	for i, content := range contents {
		raw, err := json.Marshal(content)
		if err != nil {
			return err
		}
		b.addEDU("m.receipt", b.pos<<8+int64(i), raw)
	}
	return nil
}

// place puts a receipt into the first content that has room for it.
func place(contents []receipts, room, user string, one receipt) []receipts {
	if slices.ContainsFunc(contents, func(c receipts) bool { return c.put(room, user, one) }) {
		return contents
	}
	c := receipts{}
	c.put(room, user, one)
	return append(contents, c)
}

// roomID is a room's id, "" where it was purged.
func roomID(r *store.Reader, ref store.RoomRef) (string, error) {
	room, _, err := r.Room(ref)
	return room.ID, err
}
