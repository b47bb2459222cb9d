package outbox

import (
	"fmt"
	"testing"
	"time"

	"beffroi/server/federation/remote"
)

// Nothing is kept for a server with which this one does not speak; when it does again the server is told the newest.
func TestAServerThatThePolicyRefuses(t *testing.T) {
	w := newWorld(t)
	w.begin()
	w.join("@bob:b")
	refused := true
	w.refuse = func(server string) error {
		if refused {
			return fmt.Errorf("%s: %w", server, remote.ErrRefused)
		}
		return nil
	}
	for _, text := range numbers("m", 5) {
		w.say(text)
		w.settle()
	}
	w.pass(2 * saveAfter)
	w.settle()
	if n := count(w, "b"); n != 0 {
		t.Errorf("%d rows are kept", n)
	}
	refused = false
	w.s.RetryRefused()
	w.settle()
	w.want("b", "m4")
	if d := w.s.all["b"]; d != nil && (d.failed > 0 || d.missed > 0) {
		t.Errorf("%+v", d)
	}
}

// After three weeks a server is tried once a week.
func TestADeadServer(t *testing.T) {
	w := newWorld(t)
	w.begin()
	w.join("@bob:b")
	tries := 0
	w.answer = func(string, sent) error {
		tries++
		return errDown
	}
	w.say("0")
	for range 5 * 7 * 24 {
		w.settle()
		w.pass(time.Hour)
		w.mu.Lock()
		clear(w.paused)
		w.mu.Unlock()
		if w.s.all["b"].since.Add(dead).Equal(w.now()) {
			tries = 0
		}
	}
	if tries < 2 || tries > 4 {
		t.Errorf("%d tries in two weeks", tries)
	}
	if st := mustStand(t, w); st.State(w.now()) != Dead {
		t.Errorf("%+v", st)
	}
}

func mustStand(t *testing.T, w *world) Standing {
	t.Helper()
	st, found, err := w.s.Standing(t.Context(), "b")
	if err != nil || !found {
		t.Fatal(found, err)
	}
	return st
}
