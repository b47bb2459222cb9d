package inbox

import (
	"bytes"
	"errors"

	"beffroi/server/httpx"
	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/rooms"
)

// The most that a transaction may bring. Source: server-server API, "Transactions".
const (
	maxPDUs = 50
	maxEDUs = 100
	maxPDU  = httpx.LimitEvent
	// maxEDU is the most bytes of one item that is no event; larger ones are dropped alone. As much as a client may send to devices at once.
	maxEDU = httpx.LimitKeys
)

// transaction is the body of a request, cut into its items.
type transaction struct {
	pdus []batch  // by room, in the order of the first of each
	edus [][]byte // as they were sent
}

// items is how many there are.
func (t transaction) items() int {
	n := len(t.edus)
	for _, b := range t.pdus {
		n += len(b.pdus)
	}
	return n
}

// batch is the events of one room in one transaction, in their order.
type batch struct {
	room string
	pdus [][]byte
}

// parse cuts a transaction. Only what concerns all of it is an error here; items are judged alone.
func parse(server string, body []byte) (t transaction, err error) {
	var pdus [][]byte
	found := false
	err = pdu.CutObject(body, func(key string, value []byte) error {
		switch key {
		case "origin":
			return ownOrigin(value, server)
		case "pdus":
			found = true
			pdus, err = elements(value, maxPDUs)
			return err
		case "edus":
			t.edus, err = elements(value, maxEDUs)
			return err
		}
		return nil
	})
	if err == nil && !found {
		err = merr.BadJSON("pdus is missing")
	}
	t.pdus = byRoom(pdus)
	return t, public(err)
}

func ownOrigin(value []byte, server string) error {
	v, err := pdu.Parse(value)
	if err != nil {
		return err
	}
	if name, ok := v.Text(); !ok || name != server {
		return merr.Forbidden("The transaction's origin is not the server that signed the request")
	}
	return nil
}

func elements(array []byte, most int) (all [][]byte, err error) {
	err = pdu.CutArray(array, func(element []byte) error {
		if len(all) == most {
			return merr.InvalidParam("A transaction has %d events and %d ephemeral ones at most", maxPDUs, maxEDUs)
		}
		all = append(all, element)
		return nil
	})
	return all, err
}

// public makes an error of the grammar one for the sender.
func public(err error) error {
	switch {
	case errors.Is(err, pdu.ErrNotJSON):
		return merr.NotJSON("The transaction is not JSON").Because(err)
	case errors.Is(err, pdu.ErrBadJSON):
		return merr.BadJSON("The transaction has the wrong shape").Because(err)
	}
	return err
}

// byRoom sorts events by their rooms. Those that name none are of the room "", which the room core refuses one by one.
func byRoom(pdus [][]byte) (batches []batch) {
	place := map[string]int{}
	for _, raw := range pdus {
		if len(raw) > maxPDU {
			continue // no room takes it, and nobody can name it without reading all of it
		}
		room, _ := rooms.RoomIDOf(raw)
		i, ok := place[room]
		if !ok {
			i = len(batches)
			place[room] = i
			batches = append(batches, batch{room: room})
		}
		batches[i].pdus = append(batches[i].pdus, bytes.Clone(raw)) // events may wait for long: not with all that came beside them
	}
	return batches
}
