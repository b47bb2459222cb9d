package limits

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// What wrong secrets cost. A right one costs nothing: a town hall has one address, and everybody logs in at nine.
const (
	freeWrong    = 5               // of one secret from one address; then each makes the next wait, twice as long as the one before
	firstPause   = time.Second     //
	longestPause = 5 * time.Minute //
	remembered   = time.Hour       // how long wrong ones of one secret from one address count together
	suspectAt    = 5               // wrong ones of an address or of a secret, after which those that come wait behind all others
	knownFor     = 90 * 24 * time.Hour
)

// wrong is how often secrets may be wrong.
type wrong struct{ address, secret, all Rate }

func wrongs() wrong {
	return wrong{
		address: Rate{60, 20 * time.Second}, // whatever is guessed at
		secret:  Rate{50, 2 * time.Minute},  // wherever it is guessed, but where it is known
		all:     Rate{1000, time.Second},
	}
}

// Guesses slows those that guess at secrets. Who has proven a secret at an address before is held there by nothing but their own wrong ones: an account that is attacked
// from everywhere stays open to whom it belongs.
type Guesses struct {
	now   func() time.Time
	wrong wrong

	mu    sync.Mutex
	owed  *table
	known *table // secrets that were proven, with the address
}

// NewGuesses makes it with the default rates.
func NewGuesses(now func() time.Time) *Guesses {
	return &Guesses{now: now, wrong: wrongs(), owed: newTable(limiterSets), known: newTable(limiterSets / 4)}
}

// Attempt is somebody who tries a secret. Unknown secrets are tried like others, so that nobody learns which there are.
type Attempt struct {
	// Secret names what is tried, such as a user id. Empty: the secret is too long to be guessed from many addresses, and only addresses are held.
	Secret string
	// Addr is where it is tried; invalid: unknown, and only the secret is held.
	Addr netip.Addr
	// Known tells whether who knows the secret was at Addr before; nil: nobody can say. It is asked only of who would be refused or wait otherwise.
	Known func() bool
}

type clientKey struct{}

// WithClient tells whom Try and Admit get: where the secret is tried.
func WithClient(ctx context.Context, addr netip.Addr) context.Context {
	return context.WithValue(ctx, clientKey{}, addr)
}

// ClientOf gives the address of WithClient, the invalid one where there was none.
func ClientOf(ctx context.Context) netip.Addr {
	addr, _ := ctx.Value(clientKey{}).(netip.Addr)
	return addr
}

type guessKey struct {
	secret string
	addr   netip.Prefix
}

// Admit refuses with 429 M_LIMIT_EXCEEDED who has been wrong too often. Wrong or Right is told afterwards.
func (g *Guesses) Admit(a Attempt) error {
	if g == nil {
		return nil
	}
	pause, wait := g.waits(a)
	if pause == 0 && wait > 0 && g.isKnown(a) {
		return nil
	}
	if wait = max(pause, wait); wait > 0 {
		return Exceeded(wait)
	}
	return nil
}

// waits gives how long an attempt must wait because of the wrong ones of its secret and address together, and because of the others.
func (g *Guesses) waits(a Attempt) (pause, wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	pair, address, secret, all := g.keys(a)
	pause = pauseOf(g.owed.get(pair), now)
	for _, h := range []held{{g.wrong.address, address}, {g.wrong.secret, secret}, {g.wrong.all, all}} {
		if h.key != 0 {
			wait = max(wait, g.owed.wait(h.key, h.rate, now))
		}
	}
	return pause, wait
}

// pauseOf gives how long is left of the pause after the wrong ones of one secret from one address. The entry lasts until an hour after the last one.
func pauseOf(e entry, now time.Time) time.Duration {
	left := time.Duration(e.until - now.UnixNano())
	if left <= 0 || e.count <= freeWrong {
		return 0
	}
	pause := min(longestPause, firstPause<<min(e.count-freeWrong-1, 30))
	return max(0, pause-(remembered-left))
}

// keys gives what an attempt is counted by; 0: not.
func (g *Guesses) keys(a Attempt) (pair, address, secret, all uint64) {
	prefix := Prefix(a.Addr)
	if prefix.IsValid() {
		address = hash(g.owed, guessKey{addr: prefix})
		all = hash(g.owed, guessKey{})
	}
	if a.Secret != "" {
		pair = hash(g.owed, [2]guessKey{{a.Secret, prefix}})
		secret = hash(g.owed, guessKey{secret: a.Secret})
	}
	return pair, address, secret, all
}

// isKnown tells whether the secret was proven at the address before.
func (g *Guesses) isKnown(a Attempt) bool {
	if a.Secret == "" || !a.Addr.IsValid() {
		return false
	}
	g.mu.Lock()
	remembered := g.known.get(hash(g.known, guessKey{a.Secret, Prefix(a.Addr)})).until > g.now().UnixNano()
	g.mu.Unlock()
	return remembered || a.Known != nil && a.Known()
}

// suspect tells whether an attempt is likely to be a wrong one.
func (g *Guesses) suspect(a Attempt) bool {
	g.mu.Lock()
	now := g.now()
	_, address, secret, _ := g.keys(a)
	suspect := address != 0 && g.owed.owes(address, g.wrong.address, now) >= suspectAt || secret != 0 && g.owed.owes(secret, g.wrong.secret, now) >= suspectAt
	g.mu.Unlock()
	return suspect && !g.isKnown(a)
}

// Wrong notes that an attempt was.
func (g *Guesses) Wrong(a Attempt) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	pair, address, secret, all := g.keys(a)
	if address != 0 {
		g.owed.take(address, g.wrong.address, now)
		g.owed.take(all, g.wrong.all, now)
	}
	if secret != 0 {
		g.owed.take(secret, g.wrong.secret, now)
		e := g.owed.get(pair)
		if e.until <= now.UnixNano() {
			e.count = 0
		}
		e.count++
		e.until = now.Add(remembered).UnixNano()
		g.owed.put(e)
	}
}

// Right notes that an attempt was.
func (g *Guesses) Right(a Attempt) {
	if g == nil || a.Secret == "" {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	pair, _, _, _ := g.keys(a)
	if g.owed.get(pair).count > 0 {
		g.owed.put(entry{key: pair})
	}
	if a.Addr.IsValid() {
		g.known.put(entry{key: hash(g.known, guessKey{a.Secret, Prefix(a.Addr)}), until: g.now().Add(knownFor).UnixNano()})
	}
}

// Try is Admit, check and Wrong or Right, where a check costs so much that few run at once. What was admitted is looked at again when its turn has come, so
// that thousands that are sent at once are refused like those that come one after another.
func (g *Guesses) Try(ctx context.Context, slots *Slots, a Attempt, check func() (bool, error)) (bool, error) {
	if err := g.Admit(a); err != nil {
		return false, err
	}
	if err := slots.acquire(ctx, g.claim(a, slots)); err != nil {
		return false, err
	}
	defer slots.Release()
	if err := g.Admit(a); err != nil {
		return false, err
	}
	right, err := check()
	switch {
	case err != nil:
	case right:
		g.Right(a)
	default:
		g.Wrong(a)
	}
	return right, err
}

func (g *Guesses) claim(a Attempt, slots *Slots) claim {
	if g == nil {
		return claim{}
	}
	c := claim{suspect: g.suspect(a), addr: Prefix(a.Addr), secret: a.Secret}
	if slots.crowded(a.Secret) && g.isKnown(a) {
		c.secret = ""
	}
	return c
}
