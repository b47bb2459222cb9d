package inbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"time"

	"beffroi/server/merr"
	"beffroi/server/pdu"
)

// edu is one item that is no event.
type edu struct {
	kind    string
	content json.RawMessage
}

// edus are those of a transaction: those of rooms come after the events.
type edus struct{ anywhere, ofRooms []edu }

// maxOfRooms is the most bytes of those of rooms in one transaction.
const maxOfRooms = 512 << 10

// eduTime is how long those of one transaction may take.
const eduTime = 30 * time.Second

// sorted reads the ephemeral events of a transaction. What is malformed or unknown is dropped alone.
func (s *Service) sorted(server string, raws [][]byte) (all edus) {
	left := maxOfRooms
	for _, raw := range raws {
		e, err := readEDU(raw)
		if err != nil {
			s.dropped(server, e.kind, err)
			continue
		}
		if e.kind == "m.typing" || e.kind == "m.receipt" {
			if left -= len(e.content); left >= 0 {
				e.content = bytes.Clone(e.content) // it waits: not with the whole transaction
				all.ofRooms = append(all.ofRooms, e)
			}
		} else {
			all.anywhere = append(all.anywhere, e)
		}
	}
	return all
}

func readEDU(raw []byte) (e edu, err error) {
	if len(raw) > maxEDU {
		return e, merr.TooLarge("larger than %d bytes", maxEDU)
	}
	o, err := pdu.ParseObject(raw)
	if err != nil {
		return e, err
	}
	e.kind, _ = o.Text("edu_type")
	content, ok := o.Get("content").Object()
	if !ok {
		return e, merr.BadJSON("content is no object")
	}
	e.content = content.Raw()
	return e, nil
}

func (s *Service) dropped(server, kind string, err error) {
	s.Log.Info().Err(err).Str("server", server).Str("type", kind).Msg("ephemeral event dropped")
}

// deliver gives each to whom it concerns. None takes others with it.
func (s *Service) deliver(server string, all []edu) {
	ctx, cancel := context.WithTimeout(s.living, eduTime)
	defer cancel()
	for _, e := range all {
		if err := s.deliverOne(ctx, server, e); err != nil {
			s.dropped(server, e.kind, err)
		}
	}
}

func (s *Service) deliverOne(ctx context.Context, server string, e edu) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.Log.Error().Any("panic", p).Bytes("stack", debug.Stack()).Str("server", server).Msg("an ephemeral event made a service panic")
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	switch e.kind {
	case "m.typing":
		return s.typing(ctx, server, e.content)
	case "m.receipt":
		return s.receipts(ctx, server, e.content)
	case "m.presence":
		return s.presence(ctx, server, e.content)
	case "m.direct_to_device":
		return s.toDevice(ctx, server, e.content)
	case "m.device_list_update":
		return s.lists(func() error { return s.Lists.RemoteDeviceListUpdate(ctx, server, e.content) })
	case "m.signing_key_update", "org.matrix.signing_key_update":
		return s.lists(func() error { return s.Lists.RemoteSigningKeyUpdate(ctx, server, e.content) })
	}
	return nil // unknown
}

func (s *Service) lists(tell func() error) error {
	if s.Lists == nil {
		return nil
	}
	return tell()
}

// errNotTheirs refuses what a server says of the users of others.
func errNotTheirs(userID string) error {
	return merr.Forbidden("%s is no user of the server that says it", userID)
}
