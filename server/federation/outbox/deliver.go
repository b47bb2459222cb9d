package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"beffroi/server/federation/remote"
)

// deliver sends a destination what waits for it: until nothing does, it fails, or others have their turn. ctx ends when nothing more is to be begun, work
// when what is under way is cut off.
func (s *Service) deliver(ctx, work context.Context, d *destination) {
	for range inARow {
		t, err := s.compose(work, d)
		if err != nil {
			s.failedHere(work, d, err)
			break
		}
		if t.empty() {
			if s.done(d, t) {
				break
			}
			continue
		}
		answer, err := s.Client.Put(work, d.Name, "/_matrix/federation/v1/send/"+t.id, t.body)
		if !s.outcome(work, d, t, answer, err) || ctx.Err() != nil {
			break
		}
	}
	s.leave(d)
}

// failedHere notes that what is to be sent could not be read.
func (s *Service) failedHere(ctx context.Context, d *destination, err error) {
	if ctx.Err() == nil {
		s.Log.Error().Err(err).Str("server", d.Name).Msg("what waits for a server can't be read")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d.until = s.now().Add(remote.Backoff(0, 0, s.LongestPause))
}

// leave ends the turn of a destination.
func (s *Service) leave(d *destination) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
	if d.tries {
		s.trying--
	}
	d.state = idle
	if d.again {
		d.again, d.waits = false, true
	}
	if d.waits || len(d.said) > 0 {
		s.enqueue(d)
	}
	s.change()
	s.wake()
}

// outcome judges how a transaction went, and tells whether the next one may follow at once.
func (s *Service) outcome(ctx context.Context, d *destination, t *transaction, answer []byte, err error) bool {
	var pause *remote.Pause
	var refused *remote.Refused
	switch {
	case err == nil:
		s.arrived(d, t, answer)
		return !s.done(d, t)
	case ctx.Err() != nil:
		s.takeBack(d, t)
		return false
	case errors.As(err, &pause):
		s.postpone(d, t, pause)
		return false
	case errors.As(err, &refused) && s.poisonous(d, t, refused.Status):
		s.split(d, t, err)
		return true
	default:
		s.failed(ctx, d, t, err)
		return false
	}
}

// arrived notes what the destination has got. What it says of single events is told in the log: it decided over them.
func (s *Service) arrived(d *destination, t *transaction, answer []byte) {
	var said struct {
		PDUs map[string]struct {
			Error string `json:"error"`
		} `json:"pdus"`
	}
	_ = json.Unmarshal(answer, &said) // 200 is enough
	for id, one := range said.PDUs {
		if one.Error != "" {
			s.Log.Info().Str("server", d.Name).Str("event", id).Str("error", one.Error).Msg("a server did not take an event")
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.failed > 0 {
		s.Log.Info().Str("server", d.Name).Int("failures", d.failed).Msg("a server is there again")
	}
	d.failed, d.left, d.away, d.lastError = 0, 0, false, ""
	d.since, d.until, d.lastSuccess = time.Time{}, time.Time{}, s.now()
	if d.most *= 2; d.most == 0 || d.most > maxPDUs+maxEDUs { // else what it refused may still come
		d.most, d.refused = 0, 0
	}
}

// done moves the cursors over what a transaction held, and tells whether nothing waits behind it.
func (s *Service) done(d *destination, t *transaction) (nothing bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d.pos = max(d.pos, t.pos)
	if t.edus > d.edus {
		d.edus, d.unsent = t.edus, true
	}
	switch {
	case t.catch == nil:
	case t.catch.ended:
		d.missed, d.catch = 0, nil
	default:
		d.catch = t.catch
	}
	s.change()
	if t.last && !d.again && len(d.said) == 0 {
		d.waits = false
		return true
	}
	return false
}

// takeBack keeps what a transaction held of what is said, unless something newer was said.
func (s *Service) takeBack(d *destination, t *transaction) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, content := range t.said {
		if _, newer := d.said[key]; !newer {
			d.say(key, content)
		}
	}
}

// postpone waits for a destination that is left alone because it did not answer another request.
func (s *Service) postpone(d *destination, t *transaction, p *remote.Pause) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d.until, d.away, d.catch = p.Until, true, nil
	if d.since.IsZero() {
		d.since = p.Since
	}
	clear(d.said)
	d.waits = d.waits && (t.durable || !t.last || d.missed > 0)
}

// failed waits before the next attempt, and gives up keeping what waits where that has lasted.
func (s *Service) failed(ctx context.Context, d *destination, t *transaction, err error) {
	waiting, counted := s.countWaiting(ctx, d)
	if counted != nil {
		s.Log.Warn().Err(counted).Str("server", d.Name).Msg("what waits for a server was not counted")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if d.failed == 0 {
		s.Log.Warn().Err(err).Str("server", d.Name).Msg("a server does not take what waits for it")
	}
	if d.since.IsZero() {
		d.since = now
	}
	d.until = now.Add(remote.Backoff(d.failed, now.Sub(d.since), s.LongestPause))
	if pause, paused := s.Client.Paused(d.Name); paused {
		d.away, d.until = true, pause.Until
	}
	d.failed++
	d.lastError, d.catch = words(err), nil
	clear(d.said)
	d.waits = d.waits && (t.durable || !t.last || d.missed > 0)
	lost := errors.Is(err, remote.ErrRefused) || now.Sub(d.since) > longOutage || waiting > longQueue
	if d.waits && lost && d.missed == 0 {
		d.missed = max(d.pos, 1)
		s.Log.Warn().Str("server", d.Name).Int("waiting", waiting).Msg("a server is away for long: it will be told the newest of each room, and ask for the rest")
	}
	if s.isDead(d) {
		d.until = now.Add(probe)
	}
}

// isDead tells whether a destination has been away for so long that it is hardly tried any more.
func (s *Service) isDead(d *destination) bool {
	return !d.since.IsZero() && s.now().Sub(d.since) > dead
}

// poisonous tells of an answer whether it is about what the transaction holds, and not about the server: one that refuses everything does not take things
// one by one either.
func (s *Service) poisonous(d *destination, t *transaction, status int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	most := 1
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		most = mostLeftOut
	case http.StatusInternalServerError:
		d.refused++
		if d.refused < refusedOften || t.items == 1 && d.refused < 2*refusedOften {
			return false
		}
	default:
		return false
	}
	return t.items > 1 || d.left < most
}

// split sends half of a transaction that a server refuses, and leaves out what it refuses alone.
func (s *Service) split(d *destination, t *transaction, err error) {
	if t.items > 1 {
		s.takeBack(d, t)
		s.mu.Lock()
		defer s.mu.Unlock()
		d.most = max(t.items/2, 1)
		return
	}
	s.Log.Error().Err(err).Str("server", d.Name).Str("item", t.what).Msg("a server refuses this: it is left out")
	s.done(d, t)
	s.mu.Lock()
	defer s.mu.Unlock()
	d.dropped++
	d.left++
	d.lastError = words(err)
}
