package clientapi

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"beffroi/server/merr"
)

// receive lets a server read one body at a pace, and gives what became of it.
func receive(t *testing.T, p pace, body io.Reader) error {
	t.Helper()
	result := make(chan error, 1)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		paced := newPacedBody(r.Body, http.NewResponseController(w), p)
		_, err := io.Copy(io.Discard, paced)
		if err != nil {
			err = paced.explain(err)
		}
		result <- err
	}))
	defer web.Close()
	req, err := http.NewRequestWithContext(t.Context(), "POST", web.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := http.DefaultClient.Do(req); err == nil {
		resp.Body.Close()
	}
	return <-result
}

// dripping gives a byte at each interval, and after n nothing more until it is closed.
type dripping struct {
	n     int
	every time.Duration
	end   chan struct{}
}

func (d *dripping) Read(p []byte) (int, error) {
	if d.n == 0 {
		<-d.end
		return 0, io.EOF
	}
	d.n--
	<-time.After(d.every)
	p[0] = 'x'
	return 1, nil
}

func TestStalledUploadsAreCutOff(t *testing.T) {
	d := &dripping{n: 3, every: time.Millisecond, end: make(chan struct{})}
	defer close(d.end)
	err := receive(t, pace{stall: 50 * time.Millisecond, grace: time.Hour, rate: 1}, d)
	if e := merr.From(err); e.Status != http.StatusRequestTimeout {
		t.Fatalf("%v", err)
	}
}

func TestDrippingUploadsAreCutOff(t *testing.T) {
	d := &dripping{n: 1 << 20, every: time.Millisecond, end: make(chan struct{})}
	err := receive(t, pace{stall: time.Hour, grace: 100 * time.Millisecond, rate: 1 << 20}, d)
	if e := merr.From(err); e.Status != http.StatusRequestTimeout {
		t.Fatalf("%v", err)
	}
}

func TestSlowUploadsAreReceived(t *testing.T) {
	d := &dripping{n: 100, every: 2 * time.Millisecond, end: make(chan struct{})}
	close(d.end)
	if err := receive(t, pace{stall: 10 * time.Second, grace: 20 * time.Second, rate: 1}, d); err != nil {
		t.Fatal(err)
	}
}

func TestBrokenUploadsAreTold(t *testing.T) {
	b := newPacedBody(nil, nil, uploadPace())
	if e := merr.From(b.explain(io.ErrUnexpectedEOF)); e.Status != http.StatusBadRequest {
		t.Fatalf("%v", e)
	}
	if other := errors.New("disk full"); b.explain(other) != other {
		t.Fatal("another error was changed")
	}
}
