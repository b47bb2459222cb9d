package remote

import (
	"context"
	"fmt"
	"net/http"
)

// Try makes one request and gives the answer as it is, redirects and errors too: for whoever wants to know how a server answers. Whether the server failed before doesn't
// matter to it, and it leaves no mark. Who calls it bounds it by the context, and closes the body, which is not bounded.
func (c *Client) Try(ctx context.Context, method, server, uri string, body []byte, signed bool) (*http.Response, error) {
	if !c.Admits(server) {
		return nil, fmt.Errorf("%s: %w", server, ErrRefused)
	}
	return c.send(ctx, request{method, server, uri, body, signed})
}
