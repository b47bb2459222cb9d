package appservice

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/rs/zerolog"

	"beffroi/server/ephemeral"
	"beffroi/server/notify"
	"beffroi/server/store"
)

// How long is waited before a transaction is sent again: twice as long each time, with a random part so that bridges that went together don't come together.
const (
	firstPause = time.Second
	maxPause   = 5 * time.Minute
)

// How often a service may refuse a transaction before it is sent in halves, and how often each half then: an event that a bridge fails over must not
// keep all that follow from it. At 10 about nine minutes have passed.
const (
	maxRefusals     = 10
	maxHalfRefusals = 3
)

// delivery brings one service what concerns it. It belongs to one goroutine.
type delivery struct {
	*peer
	db        *store.DB
	hub       *notify.Hub
	now       func() time.Time
	log       zerolog.Logger
	ephemeral *ephemeral.Service
	interest  *interest
	pause     func(failures int) time.Duration

	cursor   store.ServiceCursor
	saved    int64 // the cursor's position in the database
	receipts int64 // the position up to which receipts were told
	spoken   int64 // the same for typing and presence, in their own stream

	failures int   // since the last success
	refusals int   // of the present transaction
	most     int   // events of a transaction
	suspect  int64 // up to here one event may be what the service fails over
}

func (s *Service) delivery(p *peer, c store.ServiceCursor) *delivery {
	return &delivery{peer: p, db: s.db, hub: s.hub, now: s.now, log: s.Log.With().Str("appservice", p.ID).Logger(), ephemeral: s.Ephemeral,
		interest: newInterest(p.Registration, s.ServerName), pause: s.pause, cursor: c, saved: c.Pos, receipts: s.db.Visible(), spoken: s.Ephemeral.Position(), most: maxEvents}
}

// run sends what concerns the service until ctx ends.
func (d *delivery) run(ctx context.Context) {
	w := d.hub.Wait(notify.Everything)
	defer d.hub.Done(w)
	for ctx.Err() == nil {
		t, err := d.next(ctx)
		switch {
		case err != nil:
			d.failed(ctx, err)
		case t != nil:
			d.send(ctx, t)
		default:
			select {
			case <-w.C:
			case <-ctx.Done():
			}
		}
	}
}

// send sends a transaction until it arrives, or is given up.
func (d *delivery) send(ctx context.Context, t *transaction) {
	path := "/transactions/" + t.id
	for ctx.Err() == nil {
		a, err := d.do(ctx, call{method: http.MethodPut, path: path, old: path, body: t.body})
		if err == nil && a.ok() {
			if err = d.arrived(ctx, t); err == nil {
				return
			}
		}
		if err == nil {
			err = fmt.Errorf("status %d: %.200q", a.status, a.body)
			if given, err := d.refused(ctx, t, a.status); given || err != nil {
				d.failed(ctx, err)
				return
			}
		}
		if d.failed(ctx, err); !t.kept {
			return
		}
	}
}

// arrived moves on. Once the service has it, that is noted whoever stops us.
func (d *delivery) arrived(ctx context.Context, t *transaction) error {
	if t.kept {
		if err := d.done(context.WithoutCancel(ctx)); err != nil {
			return err
		}
	}
	if d.failures > 0 {
		d.log.Info().Msg("the application service is there again")
	}
	d.failures, d.refusals = 0, 0
	if d.cursor.Pos >= d.suspect {
		d.most = maxEvents
	}
	return nil
}

// refused counts what a service itself refuses; not that it is away, busy, or does not accept this server's token. given tells that the transaction is
// over: it comes again in halves, under other numbers, or was one event alone and is given up.
func (d *delivery) refused(ctx context.Context, t *transaction, status int) (given bool, err error) {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusRequestTimeout, http.StatusTooManyRequests,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return false, nil
	}
	limit := maxRefusals
	if d.cursor.Pos < d.suspect {
		limit = maxHalfRefusals
	}
	if d.refusals++; d.refusals < limit || !t.kept {
		return false, nil
	}
	d.refusals, d.failures = 0, 0
	d.suspect = max(d.suspect, d.cursor.Upto)
	if n := len(d.cursor.NIDs); n > 1 {
		d.most = n / 2
		return true, d.save(ctx, store.ServiceCursor{ID: d.cursor.ID, Pos: d.cursor.Pos})
	}
	d.log.Error().Int("status", status).Int64("event", int64(d.cursor.NIDs[0])).Msg("the application service refuses an event again and again: it is left out")
	return true, d.done(ctx)
}

// failed tells of the first failure and waits before the next attempt.
func (d *delivery) failed(ctx context.Context, err error) {
	if err == nil || ctx.Err() != nil {
		return
	}
	if d.failures == 0 {
		d.log.Warn().Err(err).Msg("the application service does not take its events: they wait for it")
	}
	timer := time.NewTimer(d.pause(d.failures))
	defer timer.Stop()
	d.failures++
	select {
	case <-timer.C:
	case <-d.awake:
	case <-ctx.Done():
	}
}

// pause is how long to wait after so many failures.
func pause(failures int) time.Duration {
	p := min(firstPause<<min(failures, 20), maxPause)
	return p/2 + rand.N(p/2)
}

// segment is an id as a part of a path.
func segment(id string) string { return "/" + url.PathEscape(id) }
