package rooms

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"beffroi/server/merr"
	"beffroi/server/pdu"
)

const (
	// maxArriving is how many events may come with a room, and maxArrivingBytes how many bytes may be in memory of all rooms that arrive at a time.
	maxArriving      = 200_000
	maxArrivingBytes = 128 << 20
)

// arriving is a room on its way from another server: what it sends in answer to a join.
//
// Spec: server-server API, "PUT /_matrix/federation/v2/send_join/{roomId}/{eventId}".
type arriving struct {
	*Service
	join    *proposal
	room    string // its id
	reading *errgroup.Group

	mu     sync.Mutex
	got    map[string]*pdu.Received
	state  []string
	signed json.RawMessage // the join as the other server has it, "" where it does not say
	bytes  int64
	count  int

	events map[string]*pdu.Event // those that are rightly signed
}

func (s *Service) newArriving(roomID string, join *proposal) *arriving {
	a := &arriving{Service: s, join: join, room: roomID, reading: new(errgroup.Group), got: map[string]*pdu.Received{}, events: map[string]*pdu.Event{}}
	a.reading.SetLimit(runtime.GOMAXPROCS(0))
	return a
}

// close gives the memory back.
func (a *arriving) close() {
	_ = a.reading.Wait() // what was wrong was told
	a.arrived.Add(-a.bytes)
}

// take takes a piece of the answer.
func (a *arriving) take(member string, raw json.RawMessage) error {
	switch member {
	case "event":
		a.signed = raw
	case "members_omitted":
		if string(raw) == "true" {
			return fmt.Errorf("members are left out, which nobody asked for")
		}
	case "state", "auth_chain":
		return a.takeEvent(member == "state", raw)
	}
	return nil
}

// takeEvent reads an event beside the next ones.
func (a *arriving) takeEvent(isState bool, raw json.RawMessage) error {
	a.bytes += int64(len(raw))
	if a.count++; a.arrived.Add(int64(len(raw))) > maxArrivingBytes || a.count > maxArriving {
		return fmt.Errorf("the room is too large: %d events", a.count)
	}
	a.reading.Go(func() error {
		rc, err := pdu.Receive(a.join.rules, raw)
		if err != nil || rc.RoomID() != a.room {
			return nil //nolint:nilerr // one bad event does not take the others with it
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.got[rc.ID()] = rc
		if isState {
			a.state = append(a.state, rc.ID())
		}
		return nil
	})
	return nil
}

// verify checks the signatures of all events that came, and of the join itself.
func (a *arriving) verify(ctx context.Context) (*pdu.Event, error) {
	_ = a.reading.Wait() // nothing fails
	all := make([]*pdu.Received, 0, len(a.got)+1)
	for _, rc := range a.got {
		all = append(all, rc)
	}
	own, err := a.ownAsGiven()
	if err != nil {
		return nil, err
	}
	a.Remote.Gather(ctx, append(all, own...))
	checking := new(errgroup.Group)
	checking.SetLimit(runtime.GOMAXPROCS(0))
	dropped := 0
	for _, rc := range all {
		checking.Go(func() error {
			e, err := a.Remote.Verify(ctx, rc)
			a.mu.Lock()
			defer a.mu.Unlock()
			if err == nil {
				a.events[e.ID()] = e
			} else {
				dropped++
				a.Log.Debug().Err(err).Str("room", a.room).Str("event", rc.ID()).Msg("event dropped")
			}
			return nil
		})
	}
	_ = checking.Wait() // nothing fails
	if dropped > 0 {
		a.Log.Info().Str("room", a.room).Int("events", dropped).Msg("events of a room that arrives could not be verified")
	}
	a.got = nil
	return a.ownSigned(ctx, own)
}

// ownAsGiven is our join as the other server gives it back; none where it does not.
func (a *arriving) ownAsGiven() ([]*pdu.Received, error) {
	if len(a.signed) == 0 || string(a.signed) == "null" {
		return nil, nil
	}
	rc, err := pdu.Receive(a.join.rules, a.signed)
	if err != nil || rc.ID() != a.join.ID() {
		return nil, proposalf("the join came back as another event: %v", err)
	}
	return []*pdu.Received{rc}, nil
}

// ownSigned is our join with the signature of who let the user into a restricted room, where that is needed.
func (a *arriving) ownSigned(ctx context.Context, given []*pdu.Received) (*pdu.Event, error) {
	if _, needed := a.join.Body().Text("join_authorised_via_users_server"); !needed || !a.join.rules.RestrictedJoins {
		return a.join.Event, nil
	}
	if len(given) == 0 {
		return nil, merr.New(http.StatusBadRequest, "M_UNABLE_TO_AUTHORISE_JOIN", "The server that could let you in has not signed that")
	}
	e, err := a.Remote.Verify(ctx, given[0])
	if err != nil || e.RedactedOnArrival() || e.ReferenceHash() != a.join.ReferenceHash() {
		return nil, merr.New(http.StatusBadRequest, "M_UNABLE_TO_AUTHORISE_JOIN", "The server that could let you in has not signed that rightly").Because(err)
	}
	return e, nil
}
