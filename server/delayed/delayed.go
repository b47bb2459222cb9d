// Package delayed keeps events that their senders schedule, and sends them through the room core when their time has come: as what they are
// then, normal events that the rules of that moment judge. What became of an event is kept for a week.
//
// Source: MSC4140, cancellable delayed events.
package delayed

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"hash/fnv"
	"net/http"
	"sync"
	"time"

	"beffroi/server/accounts"
	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/rooms"
	"beffroi/server/store"

	"github.com/rs/zerolog"
)

// The bounds of what users may schedule.
const (
	MaxDelay     = 31 * 24 * time.Hour
	MaxScheduled = 100 // of a user
)

const (
	keptFor      = 7 * 24 * time.Hour // after it was sent, cancelled or failed
	keptFor1User = 200                // finalised events
)

// Sender sends what is due, judged by the rules of now. The same delay id gives the same event.
type Sender interface {
	SendDelayed(ctx context.Context, u rooms.User, roomID, eventType string, stateKey *string, delayID string, content json.RawMessage) (eventID string, err error)
}

// Service schedules events.
type Service struct {
	db     *store.DB
	sender Sender
	now    func() time.Time
	log    zerolog.Logger
	sooner chan struct{} // something is due earlier than Run knows

	locks [32]sync.Mutex // by delay id: what is done to an event is done after what was begun before
}

// New makes the service. Run sends what is due.
func New(db *store.DB, sender Sender, now func() time.Time, log zerolog.Logger) *Service {
	return &Service{db: db, sender: sender, now: now, log: log, sooner: make(chan struct{}, 1)}
}

// Request is what a client wants to be sent later.
type Request struct {
	RoomID, Type string
	StateKey     *string // nil: not a state event
	Content      json.RawMessage
	Delay        time.Duration
	Txn          string // names the request among those of the device; "": nothing does
}

// Schedule keeps an event and gives its delay id. The same transaction of the same device gives the same one.
// Errors: 403 M_FORBIDDEN for a delay above MaxDelay, 429 M_LIMIT_EXCEEDED where MaxScheduled wait.
// Source: MSC4140, "Scheduling a delayed event".
func (s *Service) Schedule(ctx context.Context, session *accounts.Session, q *Request) (delayID string, err error) {
	if err := q.check(); err != nil {
		return "", err
	}
	e := store.DelayedEvent{ID: rand.Text(), User: session.User, Device: session.Device, Txn: q.Txn, RoomID: q.RoomID, Type: q.Type,
		StateKey: q.StateKey, Content: q.Content, Delay: q.Delay.Milliseconds(), Since: store.Millis(s.now())}
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		if q.Txn != "" {
			known, found, err := tx.DelayedByTxn(session.Device, q.Txn)
			if err != nil || found {
				e.ID = known.ID
				return err
			}
		}
		if err := s.hasRoom(tx, session.User); err != nil {
			return err
		}
		return tx.AddDelayed(&e)
	})
	s.soon()
	return e.ID, err
}

func (q *Request) check() error {
	switch {
	case q.Delay <= 0:
		return merr.InvalidParam("The delay must be a positive number of milliseconds")
	case q.Delay > MaxDelay:
		return merr.Forbidden("The delay is longer than %d milliseconds", MaxDelay.Milliseconds())
	case q.RoomID == "" || len(q.RoomID) > 255 || q.RoomID[0] != '!':
		return merr.InvalidParam("%.300q is not a room id", q.RoomID)
	case q.Type == "" || len(q.Type) > 255 || q.StateKey != nil && len(*q.StateKey) > 255:
		return merr.InvalidParam("Event types have 1 to 255 bytes, state keys 255 at most")
	}
	if _, err := pdu.ParseObject(q.Content); err != nil {
		return merr.BadJSON("The content is not a canonical JSON object").Because(err)
	}
	return nil
}

// hasRoom refuses one more event where too many wait, until the first of them is sent.
func (s *Service) hasRoom(tx *store.Tx, user store.Atom) error {
	waiting, err := tx.DelayedOf(user)
	if err != nil || len(waiting) < MaxScheduled {
		return err
	}
	return merr.New(http.StatusTooManyRequests, "M_LIMIT_EXCEEDED", "The maximum number of delayed events has been reached").
		With("retry_after_ms", max(waiting[0].Due()-store.Millis(s.now()), 1))
}

// Get gives one of the user's events, scheduled or finalised: 404 M_NOT_FOUND for those of others.
// Source: MSC4140, "Getting a single delayed event".
func (s *Service) Get(ctx context.Context, session *accounts.Session, delayID string) (store.DelayedEvent, error) {
	return store.Get(ctx, s.db, func(r *store.Reader) (store.DelayedEvent, error) {
		e, found, err := r.DelayedEvent(delayID)
		if err == nil && (!found || e.User != session.User) {
			err = merr.NotFound("There is no such delayed event")
		}
		return e, err
	})
}

// Scheduled gives the user's scheduled events in the order in which they will be sent.
// Source: MSC4140, "Getting a list of delayed events".
func (s *Service) Scheduled(ctx context.Context, session *accounts.Session) ([]store.DelayedEvent, error) {
	return store.Get(ctx, s.db, func(r *store.Reader) ([]store.DelayedEvent, error) { return r.DelayedOf(session.User) })
}

func (s *Service) lock(delayID string) *sync.Mutex {
	h := fnv.New32a()
	_, _ = h.Write([]byte(delayID))
	return &s.locks[h.Sum32()%uint32(len(s.locks))]
}

func (s *Service) soon() {
	select {
	case s.sooner <- struct{}{}:
	default: // it is told already
	}
}
