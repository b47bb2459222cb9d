package syncer_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"beffroi/server/accounts"
	"beffroi/server/syncer"
)

// A device that is logged out while its answer is read gets none of it.
func TestALogOutDuringTheLook(t *testing.T) {
	w := start(t)
	alice := w.user("alice")
	ended, looks := errors.New("logged out"), 0
	w.syncer = syncer.New(w.db, w.hub, time.Now, 0, syncer.Sources{Ephemeral: w.ephemeral, E2EE: w.e2ee, Push: w.push,
		Still: func(context.Context, *accounts.Session) error {
			if looks++; looks%2 == 0 { // the first time it is before the look
				return ended
			}
			return nil
		}})
	if _, err := w.trySync(alice, ""); !errors.Is(err, ended) {
		t.Error("sync:", err)
	}
	if _, err := w.trySlide(alice, "", `{}`); !errors.Is(err, ended) {
		t.Error("sliding sync:", err)
	}
}
