package remote

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// open makes a request whose answer its caller reads, bounds and closes: the body is not in memory. Its errors are those of Get.
func (c *Client) open(ctx context.Context, r request) (*http.Response, error) {
	if err := c.pauses.of(r.server); err != nil {
		return nil, err
	}
	if !c.Admits(r.server) {
		return nil, fmt.Errorf("%s: %w", r.server, ErrRefused)
	}
	resp, err := c.send(ctx, r)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = refusal(r.server, resp)
		_ = resp.Body.Close() // it was read
	}
	switch {
	case err == nil || alive(err):
		c.pauses.end(r.server)
	case ctx.Err() == nil && !errors.Is(err, ErrRefused):
		c.pauses.begin(r.server)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.server, err)
	}
	return resp, nil
}
