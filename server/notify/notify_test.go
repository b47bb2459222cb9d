package notify

import "testing"

func woken(w *Waiter) bool {
	select {
	case <-w.C:
		return true
	default:
		return false
	}
}

func TestWakeReachesOnlyItsTopics(t *testing.T) {
	h := New()
	a, b := h.Wait(1, 2), h.Wait(3)
	h.Wake(2)
	h.Wake(1)
	if !woken(a) || woken(a) || woken(b) {
		t.Fatal("a is woken once for two wakes, b not at all")
	}
	h.Done(a)
	h.Wake(1)
	if woken(a) {
		t.Fatal("woken after Done")
	}
	if len(h.waiting) != 1 {
		t.Fatalf("topics left behind: %v", h.waiting)
	}
}

func TestCloseWakesNowAndLater(t *testing.T) {
	h := New()
	a := h.Wait(1)
	h.Close()
	if !woken(a) || !woken(h.Wait(9)) || !h.Closed() {
		t.Fatal("a closed hub wakes everybody")
	}
}
