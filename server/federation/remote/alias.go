package remote

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"beffroi/server/pdu"
)

// maxAliasServers is how many servers are believed to be in the room of an alias.
const maxAliasServers = 20

// Alias asks a server for the room of one of its aliases, and for servers that are in it: a *merr.Error where it refuses.
//
// Source: server-server API, "GET /_matrix/federation/v1/query/directory".
func (c *Client) Alias(ctx context.Context, server, alias string) (roomID string, servers []string, err error) {
	b, err := c.Get(ctx, server, federation+"query/directory?room_alias="+url.QueryEscape(alias))
	if err != nil {
		return "", nil, refusedBy(err)
	}
	o, err := pdu.ParseObject(b)
	if err != nil {
		return "", nil, err
	}
	roomID, _ = o.Text("room_id")
	servers, ok := o.Get("servers").Texts()
	if !strings.HasPrefix(roomID, "!") || !ok {
		return "", nil, fmt.Errorf("%s gives no room for %s", server, alias)
	}
	return roomID, servers[:min(len(servers), maxAliasServers)], nil
}
