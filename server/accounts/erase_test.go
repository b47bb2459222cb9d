package accounts

import (
	"context"
	"errors"
	"testing"
	"time"

	"beffroi/server/store"
)

// What fails is tried again; for a day also what succeeded, since something may still have been under way.
func TestErasedAccountsAreSweptForADay(t *testing.T) {
	s := open(t)
	session := register(t, s)
	if err := s.Deactivate(t.Context(), session.User, true); err != nil {
		t.Fatal(err)
	}
	disk, fails, swept := errors.New("disk"), true, 0
	sweep := func() error {
		return s.SweepErased(t.Context(), func(_ context.Context, user store.Atom) error {
			if swept++; user != session.User {
				t.Error("swept", user)
			}
			if fails {
				return disk
			}
			return nil
		})
	}
	for _, step := range []struct {
		after time.Duration
		fails bool
		swept int
	}{{0, true, 1}, {time.Hour, false, 1}, {25 * time.Hour, true, 1}, {26 * time.Hour, false, 1}, {50 * time.Hour, false, 0}} {
		s.now = func() time.Time { return time.Now().Add(step.after) }
		fails, swept = step.fails, 0
		if err := sweep(); errors.Is(err, disk) != step.fails || swept != step.swept {
			t.Error(step, swept, err)
		}
	}
}
