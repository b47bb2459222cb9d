package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"beffroi/server/dial"
)

// streamed bounds an answer that is read piece by piece.
type streamed struct {
	bytes int64         // of its body
	whole time.Duration // from the request to the last byte
	stall time.Duration // without a byte
}

// errStalled is that an answer stopped in its middle.
var errStalled = errors.New("no byte came for too long")

// stream makes a request whose answer is given to read while it comes, so that it is never in memory as a whole. Its errors are those of Get; what read says is no
// failure of the server.
func (c *Client) stream(ctx context.Context, r request, s streamed, read func(*http.Response) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.whole)
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	resp, err := c.open(ctx, r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	watch := time.AfterFunc(s.stall, func() { stop(errStalled) })
	defer watch.Stop()
	resp.Body = &bounded{ReadCloser: resp.Body, most: s.bytes, left: s.bytes, heard: func() { watch.Reset(s.stall) }}
	if err := read(resp); err != nil {
		return fmt.Errorf("%s: %w", r.server, errors.Join(err, context.Cause(ctx)))
	}
	return nil
}

// bounded is a body of so many bytes at most.
type bounded struct {
	io.ReadCloser
	most, left int64
	heard      func()
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, &dial.TooLarge{Max: b.most}
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if n > 0 {
		b.heard()
	}
	return n, err
}
