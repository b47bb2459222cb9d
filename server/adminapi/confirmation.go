package adminapi

import (
	"encoding/hex"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"beffroi/server/journal"
	"beffroi/server/limits"
	"beffroi/server/merr"
)

// confirmedFor is how long a password that was sent again opens the sensitive calls.
const confirmedFor = 10 * time.Minute

// elevations are the devices whose user sent the password again lately. A restart forgets them.
type elevations struct {
	mu    sync.Mutex
	until map[int64]time.Time
}

func newElevations() *elevations { return &elevations{until: map[int64]time.Time{}} }

func (e *elevations) raise(device int64, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for d, until := range e.until {
		if now.After(until) {
			delete(e.until, d)
		}
	}
	e.until[device] = now.Add(confirmedFor)
}

// check refuses who did not: 403 FR.BEFFROI.CONFIRM_PASSWORD.
func (e *elevations) check(device int64, now time.Time) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if now.Before(e.until[device]) {
		return nil
	}
	return merr.New(http.StatusForbidden, "FR.BEFFROI.CONFIRM_PASSWORD", "Send your password to /_beffroi/admin/v1/confirmation first")
}

// sure refuses, as check does, what makes an administrator or leads into the account of one: who stole a token could give themselves a password by it, and confirm
// everything with that.
func (a *API) sure(r *request, sensitive bool) error {
	if !sensitive {
		return nil
	}
	return a.elevated.check(r.Session.Device, time.Now())
}

// confirmed lets pass who sent the password again.
func (a *API) confirmed(h handler) handler {
	return func(r *request) (any, error) {
		if err := a.elevated.check(r.Session.Device, time.Now()); err != nil {
			return nil, err
		}
		return h(r)
	}
}

func (a *API) confirmPassword(r *request) (any, error) {
	var q struct {
		Password string `json:"password"`
	}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	auth, err := json.Marshal(map[string]any{"identifier": map[string]string{"type": "m.id.user", "user": r.Session.UserID}, "password": q.Password})
	if err != nil {
		return nil, err
	}
	_, right, err := a.Accounts.PasswordStage(r.Session).Check(limits.WithClient(r.Context(), r.Client), auth)
	if err == nil && !right {
		err = merr.Forbidden("This is not your password")
	}
	if err != nil {
		return nil, err
	}
	if _, err := a.Journal.Record(r.Context(), journal.Entry{Actor: r.Session.UserID, Act: journal.ConfirmPassword}); err != nil {
		return nil, err
	}
	a.elevated.raise(r.Session.Device, time.Now())
	return map[string]int64{"expires_in_ms": confirmedFor.Milliseconds()}, nil
}

func hexText(b []byte) string { return hex.EncodeToString(b) }
