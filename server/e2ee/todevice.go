package e2ee

import (
	"bytes"
	"context"
	"encoding/json"

	"beffroi/server/accounts"
	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

const everyDevice = "*"

// outgoing are the messages of one request: to which devices, and whom to wake.
type outgoing struct {
	messages []store.ToDevice
	users    []store.Atom
	size     int
	full     int // devices whose queue is full

	elsewhere    toElsewhere
	sender, kind string // of these
}

// SendToDevice queues messages of one type, by user id and device id; the device id "*" stands for all devices of a user that are not named.
// Unknown users and devices are passed over. The same transaction id again does nothing. All queues are written at once.
// A device for which 100,000 messages wait gets no more until it syncs; where no other is named that is 413 M_TOO_LARGE.
// It gives how many bytes are stored. Source: client-server API, PUT /sendToDevice/{eventType}/{txnId}.
func (s *Service) SendToDevice(ctx context.Context, session *accounts.Session, eventType, txnID string, messages map[string]map[string]json.RawMessage) (int, error) {
	scope := "toDevice/" + eventType
	out, known := &outgoing{}, false
	err := s.db.Read(ctx, func(r *store.Reader) (err error) {
		if known, err = r.TxnKnown(session.Device, scope, txnID); err != nil || known {
			return err
		}
		return s.address(r, session.UserID, eventType, messages, out)
	})
	if err != nil || known {
		return 0, err
	}
	if out.full > 0 && len(out.messages)+len(out.elsewhere) == 0 {
		return 0, merr.TooLarge("%d messages wait for the device already", maxWaiting)
	}
	return out.size, s.db.Write(ctx, func(tx *store.Tx) error { return s.queue(tx, session.Device, scope, txnID, out) })
}

// queue writes the messages, once for each transaction id.
func (s *Service) queue(tx *store.Tx, device int64, scope, txnID string, out *outgoing) error {
	known, err := tx.TxnKnown(device, scope, txnID)
	if err != nil || known {
		return err
	}
	if err := tx.AddTxn(device, scope, txnID, 0, store.Millis(s.now())); err != nil {
		return err
	}
	if err := out.elsewhere.queue(tx, out.sender, out.kind); err != nil {
		return err
	}
	for _, m := range out.messages {
		if err := tx.QueueToDevice(m.Device, m.JSON); err != nil {
			return err
		}
	}
	tx.OnCommit(func() { s.wake(out.users) })
	return nil
}

// address finds the devices of all messages.
func (s *Service) address(r *store.Reader, sender, eventType string, messages map[string]map[string]json.RawMessage, out *outgoing) error {
	for userID, byDevice := range messages {
		events, err := toDeviceEvents(sender, eventType, byDevice)
		if err != nil {
			return err
		}
		if pdu.ServerOf(userID) != s.serverName {
			if err := s.addressElsewhere(sender, eventType, userID, byDevice, out); err != nil {
				return err
			}
			continue
		}
		user, err := localUser(r, userID)
		if err != nil {
			return err
		}
		if user == 0 {
			continue
		}
		if err := s.addressUser(r, user, events, out); err != nil {
			return err
		}
	}
	return nil
}

// addressElsewhere takes what a user of this server sends to devices of another's.
func (s *Service) addressElsewhere(sender, eventType, userID string, byDevice map[string]json.RawMessage, out *outgoing) error {
	if s.remote == nil || pdu.ServerOf(sender) != s.serverName || !pdu.ValidUserID(userID) {
		return nil
	}
	if out.elsewhere == nil {
		out.elsewhere = toElsewhere{}
	}
	out.sender, out.kind = sender, eventType
	out.size += out.elsewhere.add(pdu.ServerOf(userID), userID, byDevice)
	return out.check()
}

// check refuses what is too much for one request.
func (o *outgoing) check() error {
	n := len(o.messages)
	for _, contents := range o.elsewhere {
		n += len(contents)
	}
	if o.size > maxFanOut || n > maxDevices {
		return merr.TooLarge("A request can reach %d devices with %d bytes in all", maxDevices, maxFanOut)
	}
	return nil
}

func (s *Service) addressUser(r *store.Reader, user store.Atom, events map[string][]byte, out *outgoing) error {
	devices, err := r.Devices(user)
	if err != nil {
		return err
	}
	out.users = append(out.users, user)
	for _, device := range devices {
		event, named := events[device.DeviceID]
		if !named {
			event, named = events[everyDevice]
		}
		if !named {
			continue
		}
		waiting, err := r.ToDeviceWaiting(device.ID)
		if err != nil {
			return err
		}
		if waiting >= maxWaiting {
			s.log.Warn().Int64("device", device.ID).Msg("too many messages wait for a device: it gets no more until it syncs")
			out.full++
			continue
		}
		out.messages = append(out.messages, store.ToDevice{Device: device.ID, JSON: event})
		out.size += len(event)
		if err := out.check(); err != nil {
			return err
		}
	}
	return nil
}

// toDeviceEvents makes the event for each device id from its content.
func toDeviceEvents(sender, eventType string, byDevice map[string]json.RawMessage) (map[string][]byte, error) {
	events := map[string][]byte{}
	for deviceID, content := range byDevice {
		if len(content) > maxToDeviceSize {
			return nil, merr.TooLarge("A message to a device is larger than %d bytes", maxToDeviceSize)
		}
		if !bytes.HasPrefix(content, []byte("{")) {
			return nil, merr.BadJSON("The content of a message must be an object")
		}
		event, err := json.Marshal(toDeviceEvent{content, sender, eventType})
		if err != nil {
			return nil, err
		}
		events[deviceID] = event
	}
	return events, nil
}

type toDeviceEvent struct {
	Content json.RawMessage `json:"content"`
	Sender  string          `json:"sender"`
	Type    string          `json:"type"`
}
