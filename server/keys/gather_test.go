package keys_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"beffroi/server/pdu"
)

// The keys of all servers of a room are asked for at once, and of each server once, however many events it has signed.
func TestGather(t *testing.T) {
	w := newWorld(t)
	var events []*pdu.Received
	for i := range 20 {
		server := fmt.Sprintf("s%d.fr", i)
		if i%4 != 0 {
			w.said[server] = document(t, server, w.after(time.Hour), nil, "one")
		}
		for n := range 3 {
			events = append(events, event(t, "10", server, "one", w.after(time.Duration(-n)*time.Minute)))
		}
	}
	w.blocked = make(chan struct{})
	var asking sync.WaitGroup
	asking.Go(func() { w.Gather(t.Context(), events) })
	for { // all of them are on their way before the first answers
		w.mu.Lock()
		n := len(w.asked)
		w.mu.Unlock()
		if n == 20 {
			break
		}
		runtime.Gosched()
	}
	close(w.blocked)
	asking.Wait()
	for i, e := range events {
		if _, err := w.Verify(t.Context(), e); (err == nil) != (i/3%4 != 0) {
			t.Errorf("%s: %v", e.Sender(), err)
		}
	}
	for server, n := range w.asked {
		if n != 1 {
			t.Errorf("%s was asked %d times", server, n)
		}
	}
}
