package clientapi

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"beffroi/server/merr"
)

// pace is how slow a body may come.
type pace struct {
	stall time.Duration // without a byte
	grace time.Duration // before the rate counts
	rate  int64         // bytes a second, on the whole
}

// uploadPace suits a village's line: slow, but it moves.
func uploadPace() pace { return pace{stall: 30 * time.Second, grace: time.Minute, rate: 4 << 10} }

// pacedBody reads a body for as long as it comes. A connection whose client says nothing more is not held for ever.
type pacedBody struct {
	body    io.Reader
	control *http.ResponseController
	pace    pace
	started time.Time
	got     int64
}

func newPacedBody(body io.Reader, control *http.ResponseController, p pace) *pacedBody {
	return &pacedBody{body: body, control: control, pace: p, started: time.Now()}
}

func (b *pacedBody) Read(p []byte) (int, error) {
	deadline := time.Now().Add(b.pace.stall) // the kernel's clock, not the service's
	whole := b.started.Add(b.pace.grace + time.Duration(b.got/b.pace.rate)*time.Second)
	if whole.Before(deadline) {
		deadline = whole
	}
	if err := b.control.SetReadDeadline(deadline); err != nil {
		return 0, err
	}
	n, err := b.body.Read(p)
	b.got += int64(n)
	if err == io.EOF {
		if late := b.control.SetReadDeadline(time.Time{}); late != nil { // the connection lives on
			return n, late
		}
	}
	return n, err
}

// explain turns the failure of reading into what the client may know: 408 where it was too slow, 400 where the body broke off.
func (b *pacedBody) explain(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return merr.New(http.StatusRequestTimeout, "M_UNKNOWN", "The upload was too slow").Because(err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return merr.New(http.StatusBadRequest, "M_UNKNOWN", "The upload broke off").Because(err)
	}
	return err
}
