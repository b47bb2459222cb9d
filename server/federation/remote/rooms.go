package remote

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"golang.org/x/sync/errgroup"

	"beffroi/server/keys"
	"beffroi/server/pdu"
	"beffroi/server/rooms"
)

// Rooms is the client as the room core wants it.
type Rooms struct {
	*Client
	Ring *keys.Ring
}

const (
	federation = "/_matrix/federation/v1/"
	// eventsAtATime is how many single events are asked for at once.
	eventsAtATime = 5
	// maxEvents is how many events of an answer are looked at.
	maxEvents = 100_000
)

// Verify implements rooms.Remote.
func (r Rooms) Verify(ctx context.Context, e *pdu.Received) (*pdu.Event, error) {
	return r.Ring.Verify(ctx, e)
}

// MissingEvents implements rooms.Remote.
func (r Rooms) MissingEvents(ctx context.Context, server, roomID string, q rooms.MissingQuery) ([]json.RawMessage, error) {
	q.Earliest, q.Latest = append([]string{}, q.Earliest...), append([]string{}, q.Latest...) // none is [], not null
	body, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	b, err := r.Post(ctx, server, federation+"get_missing_events/"+url.PathEscape(roomID), body)
	if err != nil {
		return nil, err
	}
	return eventsIn(b, "events", q.Limit)
}

// Events implements rooms.Remote.
func (r Rooms) Events(ctx context.Context, server, _ string, eventIDs []string) ([]json.RawMessage, error) {
	got := make([][]json.RawMessage, len(eventIDs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(eventsAtATime)
	for i, id := range eventIDs {
		group.Go(func() (err error) {
			got[i], err = r.event(ctx, server, id)
			return err
		})
	}
	err := group.Wait()
	var all []json.RawMessage
	for _, one := range got {
		all = append(all, one...)
	}
	return all, err
}

// event gives an event, or none where the server does not give it.
func (r Rooms) event(ctx context.Context, server, id string) ([]json.RawMessage, error) {
	b, err := r.Get(ctx, server, federation+"event/"+url.PathEscape(id))
	var refused *Refused
	if errors.As(err, &refused) && (refused.Status == http.StatusNotFound || refused.Status == http.StatusForbidden) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return eventsIn(b, "pdus", 1)
}

// StateIDs implements rooms.Remote.
func (r Rooms) StateIDs(ctx context.Context, server, roomID, eventID string) (state, authChain []string, err error) {
	uri := federation + "state_ids/" + url.PathEscape(roomID) + "?event_id=" + url.QueryEscape(eventID)
	b, err := r.ask(ctx, request{http.MethodGet, server, uri, nil, true}, usual)
	if err != nil {
		return nil, nil, err
	}
	o, err := pdu.ParseObject(b)
	if err != nil {
		return nil, nil, err
	}
	state, ok := o.Get("pdu_ids").Texts()
	authChain, also := o.Get("auth_chain_ids").Texts()
	if !ok || !also {
		return nil, nil, errors.New("pdu_ids and auth_chain_ids are no lists of event ids")
	}
	return state, authChain, nil
}

// AuthChain implements rooms.Remote.
func (r Rooms) AuthChain(ctx context.Context, server, roomID, eventID string) ([]json.RawMessage, error) {
	uri := federation + "event_auth/" + url.PathEscape(roomID) + "/" + url.PathEscape(eventID)
	b, err := r.ask(ctx, request{http.MethodGet, server, uri, nil, true}, usual)
	if err != nil {
		return nil, err
	}
	return eventsIn(b, "auth_chain", maxEvents)
}

// EventAtTime implements rooms.Asking.
func (r Rooms) EventAtTime(ctx context.Context, server, roomID string, ts int64, forward bool) (eventID string, at int64, err error) {
	dir := "b"
	if forward {
		dir = "f"
	}
	b, err := r.Get(ctx, server, federation+"timestamp_to_event/"+url.PathEscape(roomID)+"?ts="+strconv.FormatInt(ts, 10)+"&dir="+dir)
	if err != nil {
		return "", 0, err
	}
	o, err := pdu.ParseObject(b)
	if err != nil {
		return "", 0, err
	}
	eventID, ok := o.Text("event_id")
	at, also := o.Int("origin_server_ts")
	if !ok || !also {
		return "", 0, errors.New("event_id and origin_server_ts are missing")
	}
	return eventID, at, nil
}

var errEnough = errors.New("enough")

// eventsIn cuts the first events out of a member of an answer.
func eventsIn(answer []byte, member string, most int) (events []json.RawMessage, err error) {
	found := false
	err = pdu.CutObject(answer, func(key string, value []byte) error {
		if key != member {
			return nil
		}
		found = true
		return pdu.CutArray(value, func(element []byte) error {
			if len(events) == most {
				return errEnough
			}
			events = append(events, element)
			return nil
		})
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	if !found {
		return nil, errors.New(member + " is missing")
	}
	return events, nil
}
