package remote

import (
	"context"
	"net/url"
	"strconv"
)

// The client is directory.Remote, too; see also alias.go.

// Profile asks a server for the profile of a user of its own.
//
// Source: server-server API, "GET /_matrix/federation/v1/query/profile".
func (c *Client) Profile(ctx context.Context, server, userID string) ([]byte, error) {
	b, err := c.Get(ctx, server, federation+"query/profile?user_id="+url.QueryEscape(userID))
	return b, public(server, err)
}

// PublicRooms asks a server for a page of its directory.
//
// Source: server-server API, "POST /_matrix/federation/v1/publicRooms".
func (c *Client) PublicRooms(ctx context.Context, server string, query []byte) ([]byte, error) {
	b, err := c.Post(ctx, server, federation+"publicRooms", query)
	return b, public(server, err)
}

// Hierarchy asks a server for a room and its children.
//
// Source: server-server API, "GET /_matrix/federation/v1/hierarchy/{roomId}".
func (c *Client) Hierarchy(ctx context.Context, server, roomID string, suggestedOnly bool) ([]byte, error) {
	b, err := c.Get(ctx, server, federation+"hierarchy/"+url.PathEscape(roomID)+"?suggested_only="+strconv.FormatBool(suggestedOnly))
	return b, public(server, err)
}
