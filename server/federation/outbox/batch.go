package outbox

import (
	"context"
	"encoding/json"
	"net/http"

	"beffroi/server/e2ee"
	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// batch fills a transaction with what stands in the stream.
type batch struct {
	*Service
	*transaction
	server      store.NamedServer
	since, upto int64
	most        int

	receipts map[store.RoomRef]map[store.Atom]bool // of whom they are to be told; nil: of all of this server
	devices  []store.Outgoing                      // and cross-signing keys
	users    map[store.Atom]string
}

func (s *Service) batch(d *destination, t *transaction, since, upto int64, most int) *batch {
	return &batch{Service: s, transaction: t, server: d.NamedServer, since: since, upto: upto, most: most,
		receipts: map[store.RoomRef]map[store.Atom]bool{}, users: map[store.Atom]string{}}
}

// rowsAtATime is how many rows of the stream are looked at for a transaction.
const rowsAtATime = 300

// full tells whether another row would be too many.
func (b *batch) full() bool {
	edus := len(b.devices) + len(b.outs) + min(len(b.receipts), 1)
	return len(b.pdus) >= maxPDUs || edus >= maxEDUs/2 || b.size >= maxBytes || b.most > 0 && len(b.pdus)+edus >= b.most
}

func (b *batch) read(r *store.Reader) error {
	rows, err := r.OutgoingFor(b.server.Server, b.since, b.upto, rowsAtATime)
	if err != nil {
		return err
	}
	all := len(rows) < rowsAtATime
	for _, row := range rows {
		if b.full() {
			all = false
			break
		}
		if err := b.take(r, row); err != nil {
			return err
		}
		b.pos = row.Pos
	}
	if all {
		b.pos = b.upto
	}
	if err := b.addReceipts(r); err != nil {
		return err
	}
	end, err := b.addOwn(r)
	b.last = all && end
	return err
}

// take takes a row of the stream.
func (b *batch) take(r *store.Reader, row store.Outgoing) error {
	switch row.Kind {
	case store.OutgoingEvent:
		e, found, err := r.Event(row.Event())
		if err != nil || !found {
			return err
		}
		return b.addEvent(r, &e)
	case store.OutgoingReceipts:
		if b.receipts[row.Room] == nil {
			b.receipts[row.Room] = map[store.Atom]bool{}
		}
		b.receipts[row.Room][row.User()] = true
		return nil
	}
	if row.Room != 0 {
		var err error
		if row.Device, err = b.deviceUnknown(r, row); err != nil || row.Device == "" {
			return err
		}
	}
	user, err := r.Text(row.User())
	b.users[row.User()] = user
	b.devices = append(b.devices, row)
	return err
}

// deviceUnknown gives a device of a user who joined a room; "" where the server hears of the user's devices for the sake of another room.
func (b *batch) deviceUnknown(r *store.Reader, row store.Outgoing) (string, error) {
	known, err := r.MeetsElsewhere(row.User(), b.server.Server, row.Room)
	if err != nil || known {
		return "", err
	}
	devices, err := r.Devices(row.User())
	if err != nil || len(devices) == 0 {
		return "", err
	}
	return devices[0].DeviceID, nil
}

// addEvent adds an event, unless it is the server's own or counts for nothing.
func (b *batch) addEvent(r *store.Reader, e *store.Event) error {
	sender, err := r.Text(e.Sender)
	if err != nil || pdu.ServerOf(sender) == b.server.Name || e.Status&(store.StatusRejected|store.StatusSoftFailed) != 0 {
		return err
	}
	b.addPDU(e.ID, e.JSON)
	return nil
}

// addOwn adds the EDUs that are for this server alone, and tells whether those are all.
func (b *batch) addOwn(r *store.Reader) (all bool, err error) {
	limit := maxEDUs - len(b.outs) - len(b.devices)
	if b.most > 0 {
		limit = min(limit, b.most-len(b.pdus)-len(b.outs)-len(b.devices))
	}
	if limit <= 0 {
		return false, nil
	}
	edus, err := r.EDUsFor(b.server.Server, b.edus, b.upto, limit)
	for _, e := range edus {
		if b.size >= maxBytes {
			return false, err
		}
		b.addEDU(e.Kind, e.Pos, e.Content)
		b.edus = e.Pos
	}
	return len(edus) < limit, err
}

// deviceUpdate is the content of m.device_list_update.
//
// Source: server-server API, "m.device_list_update".
type deviceUpdate struct {
	UserID   string          `json:"user_id"`
	DeviceID string          `json:"device_id"`
	StreamID int64           `json:"stream_id"`
	PrevID   []int64         `json:"prev_id"`
	Deleted  bool            `json:"deleted,omitempty"`
	Keys     json.RawMessage `json:"keys,omitempty"`
	Name     string          `json:"device_display_name,omitempty"`
}

// keyUpdate is the content of m.signing_key_update. Source: server-server API, "m.signing_key_update".
type keyUpdate struct {
	UserID      string          `json:"user_id"`
	Master      json.RawMessage `json:"master_key,omitempty"`
	SelfSigning json.RawMessage `json:"self_signing_key,omitempty"`
}

// addDevices adds what changed of devices and cross-signing keys, as they are now.
func (b *batch) addDevices(ctx context.Context) error {
	lists := map[store.Atom]*e2ee.UserDevices{}
	for _, row := range b.devices {
		user := b.users[row.User()]
		if lists[row.User()] == nil {
			list, err := b.devicesOf(ctx, user)
			if err != nil {
				return err
			}
			lists[row.User()] = list
		}
		kind, content := updateOf(row, user, lists[row.User()])
		raw, err := json.Marshal(content)
		if err != nil {
			return err
		}
		b.addEDU(kind, row.Pos, raw)
	}
	return nil
}

// devicesOf reads a user's devices; an account that ended has none.
func (s *Service) devicesOf(ctx context.Context, userID string) (*e2ee.UserDevices, error) {
	list, err := s.Devices.UserDevices(ctx, userID)
	if err != nil && merr.From(err).Status == http.StatusNotFound {
		return &e2ee.UserDevices{UserID: userID}, nil
	}
	return list, err
}

// updateOf is what a row of the stream says of a user's devices.
func updateOf(row store.Outgoing, userID string, list *e2ee.UserDevices) (kind string, content any) {
	if row.Kind == store.OutgoingKeys {
		return "m.signing_key_update", keyUpdate{userID, list.Master, list.SelfSigning}
	}
	if row.Room != 0 {
		return "m.device_list_update", askAnew(list, list.StreamID, row.Device)
	}
	u := deviceUpdate{UserID: userID, DeviceID: row.Device, StreamID: row.Pos, PrevID: []int64{}, Deleted: true}
	if row.Prev > 0 {
		u.PrevID = append(u.PrevID, row.Prev)
	}
	for _, d := range list.Devices {
		if d.ID == row.Device {
			u.Deleted, u.Keys, u.Name = false, d.Keys, d.Name
		}
	}
	return "m.device_list_update", u
}

// unknown is a place in the stream of a user's devices that there never is: who reads that it comes before an update asks for the whole list.
const unknown = 0

// askAnew is an update that lets who has another list of a user's devices ask for it. It names a device without keys where none has some.
func askAnew(list *e2ee.UserDevices, streamID int64, keyless string) deviceUpdate {
	u := deviceUpdate{UserID: list.UserID, DeviceID: keyless, StreamID: streamID, PrevID: []int64{unknown}}
	if len(list.Devices) > 0 {
		u.DeviceID, u.Keys, u.Name = list.Devices[0].ID, list.Devices[0].Keys, list.Devices[0].Name
	}
	return u
}
