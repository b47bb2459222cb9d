package rooms

import (
	"context"
	"encoding/json"

	"beffroi/server/pdu"
)

// Joining is what the room core asks of servers that are in a room which this server is not in. A server's refusal is a *merr.Error, with the code that it gave;
// any other error says that it could not be asked.
type Joining interface {
	// Template asks what an event must say that changes the user's own membership: "join", "knock" or "leave". versions are the room versions that are
	// known here. Source: server-server API, "GET /_matrix/federation/v1/make_join/{roomId}/{userId}", and the same of make_knock and make_leave.
	Template(ctx context.Context, membership, server, roomID, userID string, versions []string) (Template, error)
	// SendJoin gives the server a join, and each piece of the answer to take as it comes: the elements of "state" and "auth_chain" one by one, other
	// members of the answer whole. Source: server-server API, "PUT /_matrix/federation/v2/send_join/{roomId}/{eventId}".
	SendJoin(ctx context.Context, server string, e *pdu.Event, take func(member string, raw json.RawMessage) error) error
	// SendLeave gives the server a leave. Source: server-server API, "PUT /_matrix/federation/v2/send_leave/{roomId}/{eventId}".
	SendLeave(ctx context.Context, server string, e *pdu.Event) error
	// SendKnock gives the server a knock, and gives what it shows of the room. Source: server-server API,
	// "PUT /_matrix/federation/v1/send_knock/{roomId}/{eventId}".
	SendKnock(ctx context.Context, server string, e *pdu.Event) (stripped []json.RawMessage, err error)
	// Gather asks for the keys that events need and that are not known yet, of many servers at once. What can't be had, Verify says.
	Gather(ctx context.Context, events []*pdu.Received)
	// Older asks for events and those before them, the latest first. Source: server-server API, "GET /_matrix/federation/v1/backfill/{roomId}".
	Older(ctx context.Context, server, roomID string, from []string, limit int) ([]json.RawMessage, error)
}

// Template is an event that one server proposes to another one, which signs it. Of those that others propose nothing is believed.
type Template struct {
	RoomVersion string          `json:"room_version"` // "" where they do not say
	Event       json.RawMessage `json:"event"`
}
