package keys

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"sync"
	"time"

	"beffroi/server/pdu"
	"beffroi/server/store"

	"github.com/rs/zerolog"
)

// Fetcher asks other servers for keys. What it gives is checked.
type Fetcher interface {
	// ServerKeys is what a server says of its own keys, MaxDocument bytes at most.
	// Source: server-server API, "GET /_matrix/key/v2/server".
	ServerKeys(ctx context.Context, server string) ([]byte, error)
	// QueryKeys is what a notary says of the keys that query names (the body of the request), MaxQuery bytes at most.
	// Source: server-server API, "POST /_matrix/key/v2/query".
	QueryKeys(ctx context.Context, notary string, query []byte) ([]byte, error)
}

var (
	// ErrNoKey is that a key could not be had: nobody gave it, or not for the time that is asked. It may be had later.
	ErrNoKey = errors.New("no such key")
	// ErrRefused is that this server does not speak with another one.
	ErrRefused = errors.New("this server does not speak with it")
)

// Config is what the ring works with.
type Config struct {
	Own      *Own
	Fetcher  Fetcher
	Notaries func() []string          // server names: asked in this order where a server does not answer itself, or may not be asked; nil: none
	Admits   func(server string) bool // whether this server speaks with another one; nil: with all
	// Pinned gives the keys with which a server signs, where that is known by another way: then nobody is asked, and no others count. nil: nothing is.
	Pinned func(server string) (byID map[string]store.ServerKey, ok bool)
	Heard  func(server string) // is told of servers whose request was verified; nil: nobody
	Log    zerolog.Logger
}

// Ring is the keys of other servers. Our own are found in it, too.
type Ring struct {
	Config
	db  *store.DB
	now func() time.Time

	slots   chan struct{}   // one for each fetch that runs
	heavy   chan struct{}   // held while a large body is verified
	living  context.Context //nolint:containedctx // a fetch outlives who began it; this is what ends it
	end     context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	known   map[string]map[string]store.ServerKey
	tries   map[string]*tries
	flights map[string]*flight
}

const (
	// fetchTime is how long the servers may take that are asked for one server's keys, all together.
	fetchTime = 30 * time.Second
	// maxFetches is how many servers are asked at a time.
	maxFetches = 32
	// maxRemembered is of how many servers keys and failures are in memory.
	maxRemembered = 2000
	// calm is how long a server is not asked again that has answered; and that hasn't, doubled for each failure up to maxCalm.
	calm, maxCalm = time.Minute, 10 * time.Minute
)

// NewRing makes the ring. Who calls it calls Close.
func NewRing(db *store.DB, now func() time.Time, c Config) *Ring {
	if c.Admits == nil {
		c.Admits = func(string) bool { return true }
	}
	if c.Notaries == nil {
		c.Notaries = func() []string { return nil }
	}
	if c.Pinned == nil {
		c.Pinned = func(string) (map[string]store.ServerKey, bool) { return nil, false }
	}
	if c.Heard == nil {
		c.Heard = func(string) {}
	}
	r := &Ring{Config: c, db: db, now: now, slots: make(chan struct{}, maxFetches), heavy: make(chan struct{}, 1),
		known: map[string]map[string]store.ServerKey{}, tries: map[string]*tries{}, flights: map[string]*flight{}}
	r.living, r.end = context.WithCancel(context.Background())
	return r
}

// Close ends the fetches that run, and waits for them.
func (r *Ring) Close() {
	r.end()
	r.running.Wait()
}

// need is what a key is needed for.
type need struct {
	server, keyID string
	at            int64 // milliseconds: when it signed
	always        bool  // in whichever time it signed
	request       bool  // a request: a key that is in use
}

func (n need) met(k store.ServerKey, ok bool) bool {
	return ok && (n.always || n.at <= k.Until) && !(n.request && k.Retired)
}

func (n need) Error() string { return fmt.Sprintf("%v: %s of %s", ErrNoKey, n.keyID, n.server) }

func (n need) Unwrap() error { return ErrNoKey }

// forRequest gives the key with which a server signs requests now. The error wraps ErrNoKey.
func (r *Ring) forRequest(ctx context.Context, server, keyID string) (ed25519.PublicKey, error) {
	return r.key(ctx, need{server: server, keyID: keyID, at: store.Millis(r.now()), request: true})
}

func (r *Ring) key(ctx context.Context, n need) (ed25519.PublicKey, error) {
	if n.server == r.Own.serverName {
		return r.own(n)
	}
	k, err := r.lookup(ctx, n)
	if err == nil || !errors.Is(err, ErrNoKey) {
		return k, err
	}
	if _, pinned := r.Pinned(n.server); pinned {
		return nil, n
	}
	refused := r.refresh(ctx, n)
	k, err = r.lookup(ctx, n) // also where nobody is asked again so soon: a fetch may have ended since
	if err != nil && refused != nil {
		return nil, errors.Join(n, refused)
	}
	return k, err
}

func (r *Ring) own(n need) (ed25519.PublicKey, error) {
	key, expired, ok := r.Own.find(n.keyID)
	if !ok || expired != 0 && !n.always && n.at > expired {
		return nil, n
	}
	return key, nil
}

// lookup finds a key among those that are known.
func (r *Ring) lookup(ctx context.Context, n need) (ed25519.PublicKey, error) {
	keys, err := r.keysOf(ctx, n.server)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	k, ok := keys[n.keyID]
	if !n.met(k, ok) {
		return nil, n
	}
	return k.Key, nil
}

// keysOf gives a server's keys: those that are pinned, or else what is in memory or the database.
func (r *Ring) keysOf(ctx context.Context, server string) (map[string]store.ServerKey, error) {
	if pinned, ok := r.Pinned(server); ok {
		return pinned, nil
	}
	r.mu.Lock()
	keys, ok := r.known[server]
	r.mu.Unlock()
	if ok {
		return keys, nil
	}
	rows, err := store.Get(ctx, r.db, func(rd *store.Reader) ([]store.ServerKey, error) { return rd.ServerKeys(server) })
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	keys = make(map[string]store.ServerKey, len(rows))
	for _, k := range rows {
		keys[k.ID] = k
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if now, ok := r.known[server]; ok { // a fetch was faster
		return now, nil
	}
	remember(r.known, server, keys)
	return keys, nil
}

// remember puts a server into a map, and another one out of it where it is full.
func remember[V any](m map[string]V, server string, v V) {
	if _, there := m[server]; !there && len(m) >= maxRemembered {
		for other := range m {
			delete(m, other)
			break
		}
	}
	m[server] = v
}

// Verify checks the signatures of an event as pdu.Received.Verify does, with the keys of those who must have signed it. The error wraps pdu.ErrSignature, or
// ErrNoKey where a key that is needed could not be had.
//
// Spec: server-server API, "Validating hashes and signatures on received events"; room versions 1 and 5, "Signing key validity period".
func (r *Ring) Verify(ctx context.Context, e *pdu.Received) (*pdu.Event, error) {
	var missing error
	event, err := e.Verify(r.keysFor(ctx, e, &missing))
	if err != nil && missing != nil {
		return nil, errors.Join(err, missing)
	}
	return event, err
}

// VerifySigner checks the signatures of one server on an event, whether it must have signed it or not.
func (r *Ring) VerifySigner(ctx context.Context, e *pdu.Received, server string) error {
	var missing error
	err := e.CheckSignature(server, r.keysFor(ctx, e, &missing))
	if err != nil {
		err = errors.Join(err, missing)
	}
	return err
}

// keysFor gives the keys with which an event may be signed, and notes the last one that could not be had.
func (r *Ring) keysFor(ctx context.Context, e *pdu.Received, missing *error) func(server, keyID string) (ed25519.PublicKey, bool) {
	return func(server, keyID string) (ed25519.PublicKey, bool) {
		key, err := r.key(ctx, need{server: server, keyID: keyID, at: e.OriginServerTS(), always: !e.Rules().SigningKeyValidity})
		if err != nil {
			*missing = err
		}
		return key, err == nil
	}
}
