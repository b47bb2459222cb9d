package httpx

import (
	"net/http"
	"time"
)

// pace is how slowly a client may speak and listen. Whoever stalls, or means to hold many connections open, is cut off.
type pace struct {
	patience time.Duration // before the rate counts
	rate     int64         // bytes a second
}

// linePace suits a village's line: slow, but it moves.
func linePace() pace { return pace{patience: 30 * time.Second, rate: 4 << 10} }

// WriteWithin gives a client time to take an answer of n bytes.
func WriteWithin(w http.ResponseWriter, n int64) {
	end := deadline(w, n).Add(paceOf(w).patience) // net/http may first wait for the rest of a body that nobody read
	_ = http.NewResponseController(w).SetWriteDeadline(end)
}

// readWithin gives a client time to send what is left of a body of n bytes.
func readWithin(w http.ResponseWriter, n int64) {
	_ = http.NewResponseController(w).SetReadDeadline(deadline(w, n))
}

// readWhenever takes the limit away again: a request that is whole may be answered late.
func readWhenever(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
}

func deadline(w http.ResponseWriter, n int64) time.Time {
	p := paceOf(w)
	return time.Now().Add(p.patience + time.Duration(max(n, 0)/p.rate)*time.Second)
}

func paceOf(w http.ResponseWriter) pace {
	if r, ok := w.(*recorder); ok {
		return r.pace
	}
	return linePace()
}
