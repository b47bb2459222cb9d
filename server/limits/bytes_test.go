package limits_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"beffroi/server/limits"
	"beffroi/server/merr"
)

func TestBodiesHoldNoMoreThanThereIs(t *testing.T) {
	b := limits.NewBytes(100, 60, time.Millisecond)
	const one, near, far = "one", "one", "far"
	grow := func(s *limits.Share, n int64) error { return s.Grow(context.Background(), n) }
	first, second, third := b.Share(one), b.Share(near), b.Share(far)
	for _, c := range []struct {
		of   *limits.Share
		n    int64
		fits bool
	}{{first, 50, true}, {second, 20, false}, {second, 10, true}, {third, 50, false}, {third, 40, true}, {third, 1, false}} {
		if err := grow(c.of, c.n); err == nil != c.fits || err != nil && !merr.Is(err, "M_LIMIT_EXCEEDED") {
			t.Errorf("%d: %v", c.n, err)
		}
	}
	first.Leave()
	first.Leave() // twice is once
	if err := grow(third, 20); err != nil {
		t.Error(err)
	}
	if err := grow(second, 41); err == nil {
		t.Error("more than there is")
	}
	if err := (*limits.Bytes)(nil).Share(one).Grow(context.Background(), 1<<40); err != nil {
		t.Error(err)
	}
}

func TestWhoWaitsForMemoryGetsItWhenItIsFree(t *testing.T) {
	b := limits.NewBytes(10, 10, time.Hour)
	const addr = "one"
	holder := b.Share(addr)
	if err := holder.Grow(t.Context(), 10); err != nil {
		t.Fatal(err)
	}
	var waiting sync.WaitGroup
	for range 10 {
		waiting.Go(func() {
			s := b.Share(addr)
			if err := s.Grow(t.Context(), 7); err != nil {
				t.Error(err)
			}
			s.Leave()
		})
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Share(addr).Grow(ended, 7); err == nil {
		t.Error("who is gone got it")
	}
	holder.Leave()
	waiting.Wait()
}
