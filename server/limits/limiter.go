// Package limits bounds what strangers, accounts and all together may ask of a server, and slows those that guess at passwords. It lives in memory
// that does not grow; a restart forgets what was owed.
package limits

import (
	"net/http"
	"net/netip"
	"sync"
	"time"

	"beffroi/server/merr"
)

// Caller is who makes a request.
type Caller struct {
	Account   string     // user id, or server name; empty: nobody is logged in
	Addr      netip.Addr // invalid: unknown, which has no limit
	Allowance Allowance  // of the account
}

// How many requests may be open at once. A client has a connection or two that wait and some that load.
const (
	openWaiting = 100 // of one account, in class Sync: one for each device and connection
	openOther   = 100 // of one account
	openCrowd   = 4000
	openAll     = 20000
)

// Limiter holds callers to the rules of classes. A nil Limiter has no limits.
type Limiter struct {
	now   func() time.Time
	rules [classes]rule

	mu   sync.Mutex
	owed *table
	open map[uint64]int // how many requests are open, by key
	all  int
}

const limiterSets = 1 << 14 // 65,536 places, 1.5 MiB

// New makes a limiter with the default rules.
func New(now func() time.Time) *Limiter {
	return &Limiter{now: now, rules: rules(), owed: newTable(limiterSets), open: map[uint64]int{}}
}

// Admission is a request that was let in. It must be left.
type Admission struct {
	limiter *Limiter
	keys    [2]uint64
}

type scope struct {
	class Class
	kind  byte
	name  string
	addr  netip.Prefix
}

// The kinds of scopes.
const (
	perAccount byte = iota
	perStranger
	perCrowd
	perServer
	openByAccount
	openByAddress
)

// Admit lets a request in, or refuses it with 429 M_LIMIT_EXCEEDED and retry_after_ms. What is refused costs nothing.
// Source: client-server API, "Rate limiting".
func (l *Limiter) Admit(c Class, who Caller) (Admission, error) {
	if l == nil || who.Allowance.Unlimited {
		return Admission{}, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now, held := l.now(), l.held(c, who)
	for _, h := range held {
		if wait := l.owed.wait(h.key, h.rate, now); wait > 0 {
			return Admission{}, Exceeded(wait)
		}
	}
	a, err := l.enter(c, who)
	if err != nil {
		return a, err
	}
	for _, h := range held {
		l.owed.take(h.key, h.rate, now)
	}
	return a, nil
}

// Weigh counts a request that moved n bytes beside its answer as more than one, after the fact: each 64 KiB is one.
func (l *Limiter) Weigh(c Class, who Caller, n int) {
	if l == nil || who.Allowance.Unlimited || n < Weight {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	for _, h := range l.held(c, who) {
		for range min(n/Weight, maxWeight) {
			l.owed.take(h.key, h.rate, now)
		}
	}
}

const (
	// Weight is how many bytes count as one request.
	Weight    = 64 << 10
	maxWeight = 1024
)

// held gives what a request is counted by.
func (l *Limiter) held(c Class, who Caller) [3]held {
	r, prefix := l.rules[c], Prefix(who.Addr)
	h := [3]held{{rate: r.all, key: hash(l.owed, scope{class: c, kind: perServer})}}
	if who.Account == "" {
		h[1] = held{rate: r.stranger, key: hash(l.owed, scope{class: c, kind: perStranger, addr: prefix})}
	} else {
		h[1] = held{rate: r.crowd, key: hash(l.owed, scope{class: c, kind: perCrowd, addr: prefix})}
		h[2] = held{rate: r.account, key: hash(l.owed, scope{class: c, kind: perAccount, name: who.Account})}
		if c == Send && who.Allowance.Send != (Rate{}) {
			h[2].rate = who.Allowance.Send
		}
	}
	if !prefix.IsValid() {
		h[1].rate = Rate{}
	}
	return h
}

type held struct {
	rate Rate
	key  uint64
}

// enter counts a request as open, where there are not too many.
func (l *Limiter) enter(c Class, who Caller) (Admission, error) {
	a := Admission{limiter: l}
	most := [2]int{openOther, openCrowd}
	if c == Sync {
		most[0] = openWaiting
	}
	if who.Account != "" {
		a.keys[0] = hash(l.owed, scope{class: waiting(c), kind: openByAccount, name: who.Account})
	}
	if prefix := Prefix(who.Addr); prefix.IsValid() {
		a.keys[1] = hash(l.owed, scope{kind: openByAddress, addr: prefix})
	}
	for i, key := range a.keys {
		if key != 0 && l.open[key] >= most[i] {
			return Admission{}, Exceeded(time.Second)
		}
	}
	if l.all >= openAll {
		return Admission{}, Exceeded(time.Second)
	}
	l.all++
	for _, key := range a.keys {
		if key != 0 {
			l.open[key]++
		}
	}
	return a, nil
}

func waiting(c Class) Class {
	if c == Sync {
		return Sync
	}
	return General
}

// Leave ends the request.
func (a Admission) Leave() {
	l := a.limiter
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all--
	for _, key := range a.keys {
		if key == 0 {
			continue
		}
		if l.open[key]--; l.open[key] == 0 {
			delete(l.open, key)
		}
	}
}

// Exceeded is 429 M_LIMIT_EXCEEDED: the client may try again after wait.
func Exceeded(wait time.Duration) *merr.Error {
	e := merr.New(http.StatusTooManyRequests, "M_LIMIT_EXCEEDED", "Too many requests: wait, and try again")
	return e.With("retry_after_ms", max(1, wait.Milliseconds()))
}
