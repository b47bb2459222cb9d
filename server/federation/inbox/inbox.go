// Package inbox takes what other servers send: events of rooms, and what is said beside them. Each item is judged alone; what one server sends takes
// nothing from the others.
package inbox

import (
	"context"
	"net/http"
	"sync"
	"time"

	"beffroi/server/e2ee"
	"beffroi/server/ephemeral"
	"beffroi/server/merr"
	"beffroi/server/rooms"
	"beffroi/server/store"

	"github.com/rs/zerolog"
)

// Rooms is the room core.
type Rooms interface {
	// Receive takes events that a server sent, in their order, and waits until they are durable.
	Receive(ctx context.Context, origin string, pdus ...[]byte) []rooms.Outcome
	// Admits finds a room that this server takes part in: 403 M_FORBIDDEN where it doesn't, or where the room's ACL refuses the other server.
	Admits(ctx context.Context, roomID, server string) (store.Room, error)
}

// DeviceLists is told what other servers say of the devices and keys of their users. It checks that the origin owns the user.
type DeviceLists interface {
	// Source: server-server API, "m.device_list_update".
	RemoteDeviceListUpdate(ctx context.Context, origin string, content []byte) error
	// Source: server-server API, "m.signing_key_update".
	RemoteSigningKeyUpdate(ctx context.Context, origin string, content []byte) error
}

// Config is what the inbox works with.
type Config struct {
	Rooms     Rooms
	Ephemeral *ephemeral.Service
	E2EE      *e2ee.Service
	Lists     DeviceLists // nil: nobody listens
	Hold      time.Duration
	Log       zerolog.Logger
}

const (
	// hold is how long a transaction is answered at the latest. Other servers wait for a minute, and back off for ten when nothing comes.
	hold = 20 * time.Second
	// patience is how long the events of one room in one transaction may be worked on: what is missing before them is asked for.
	patience = 5 * time.Minute
	// maxTransactions is how many transactions of one server are worked on at a time. Servers send one after another.
	maxTransactions = 4
	// maxLanes is in how many rooms events of one server are worked on at a time.
	maxLanes = 16
)

// Service takes transactions.
type Service struct {
	Config
	db *store.DB

	living  context.Context //nolint:containedctx // work outlives the request that brought it; this is what ends it
	end     context.CancelFunc
	running sync.WaitGroup
	answers *answers

	mu      sync.Mutex
	origins map[string]*origin
	bytes   int // of all events in lanes
}

// New makes the inbox. Who calls it calls Close.
func New(db *store.DB, c Config) *Service {
	if c.Hold == 0 {
		c.Hold = hold
	}
	s := &Service{Config: c, db: db, answers: newAnswers(), origins: map[string]*origin{}}
	s.living, s.end = context.WithCancel(context.Background())
	return s
}

// Close ends what is being worked on, and waits for it.
func (s *Service) Close() {
	s.end()
	s.running.Wait()
}

func stopping() error {
	return merr.New(http.StatusServiceUnavailable, "M_UNKNOWN", "This server is stopping")
}

// Answer is what became of a transaction: of each event nothing, or an error for people.
type Answer struct {
	PDUs map[string]Result `json:"pdus"`
}

// Result is what became of one event.
type Result struct {
	Error string `json:"error,omitempty"`
}

// Take takes a transaction that a server signed. It answers when everything in it is judged, or after some seconds, when what is not is
// kept to be judged later; one that it saw before gets the same
// answer. items is how much it was to work on. 429 M_LIMIT_EXCEEDED where too many of the same server are being worked on.
//
// Source: server-server API, "PUT /_matrix/federation/v1/send/{txnId}".
func (s *Service) Take(ctx context.Context, server, txnID string, body []byte) (answer Answer, items int, err error) {
	if len(txnID) > maxTxnID {
		return Answer{}, 0, merr.InvalidParam("A transaction id has %d bytes at most", maxTxnID)
	}
	key := keyOf(server, txnID, body)
	if a, ok := s.answers.find(key); ok {
		return a, 0, nil
	}
	t, err := parse(server, body)
	if err != nil {
		return Answer{}, 0, err
	}
	f, err := s.board(server, key, t)
	if err != nil {
		return Answer{}, 0, err
	}
	select {
	case <-f.answered:
		return f.answer, t.items(), f.err
	case <-ctx.Done():
		return Answer{}, t.items(), ctx.Err()
	case <-s.living.Done():
		return Answer{}, 0, stopping()
	}
}

const maxTxnID = 255
