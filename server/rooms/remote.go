package rooms

import (
	"context"
	"encoding/json"

	"beffroi/server/pdu"
)

// Remote is what the room core asks of other servers. Each method may take as long as its context; none is called while a room is locked.
// What they give is proven afterwards, event by event.
type Remote interface {
	Inviting
	Policing
	Joining
	Asking
	// Verify checks the signatures of an event with the keys of those who must have signed it, as pdu.Received.Verify does.
	Verify(ctx context.Context, e *pdu.Received) (*pdu.Event, error)
	// MissingEvents asks for the events between some that are known and some that were received. Source: server-server API,
	// "POST /_matrix/federation/v1/get_missing_events/{roomId}".
	MissingEvents(ctx context.Context, server, roomID string, q MissingQuery) ([]json.RawMessage, error)
	// Events asks for single events by their ids; those that the server does not have are left out. Source: server-server API,
	// "GET /_matrix/federation/v1/event/{eventId}".
	Events(ctx context.Context, server, roomID string, eventIDs []string) ([]json.RawMessage, error)
	// StateIDs asks for the ids of the state before an event and of its auth chain. Source: server-server API,
	// "GET /_matrix/federation/v1/state_ids/{roomId}".
	StateIDs(ctx context.Context, server, roomID, eventID string) (state, authChain []string, err error)
	// AuthChain asks for all events that allow an event, directly or not. Source: server-server API,
	// "GET /_matrix/federation/v1/event_auth/{roomId}/{eventId}".
	AuthChain(ctx context.Context, server, roomID, eventID string) ([]json.RawMessage, error)
}

// Asking is what a client's single questions make of other servers.
type Asking interface {
	// Alias asks a server for the room of an alias of its own. Source: server-server API, "GET /_matrix/federation/v1/query/directory".
	Alias(ctx context.Context, server, alias string) (roomID string, servers []string, err error)
	// EventAtTime asks a server for the event of a room that is closest to a time, in milliseconds, and for its own time. Source: server-server API,
	// "GET /_matrix/federation/v1/timestamp_to_event/{roomId}".
	EventAtTime(ctx context.Context, server, roomID string, ts int64, forward bool) (eventID string, at int64, err error)
}

// MissingQuery is the body of /get_missing_events.
type MissingQuery struct {
	Earliest []string `json:"earliest_events"`
	Latest   []string `json:"latest_events"`
	Limit    int      `json:"limit"`
	MinDepth int64    `json:"min_depth"`
}

// The most that one received event may make this server ask for: events before it that are missing, how many of them at a time, events of
// the state before it and of auth chains, and how many of these at a time; all events before it together as many again, and the state this often.
const (
	maxMissing   = 200
	missingBatch = 50
	maxFetched   = 50000
	fetchBatch   = 200
	maxStates    = 10
)
