package limits

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"beffroi/server/merr"
)

// clock is a time that stands still until it is told.
type clock struct{ now time.Time }

func newClock() *clock { return &clock{time.Unix(1_800_000_000, 0)} }

func (c *clock) Now() time.Time { return c.now }

func addr(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
}

func agent(name string) Caller { return Caller{Account: name, Addr: addr(0)} }

// ask asks n times and tells how often it was let in, and what the last refusal said.
func ask(l *Limiter, c Class, who Caller, n int) (in int, wait int64) {
	for range n {
		a, err := l.Admit(c, who)
		if err != nil {
			wait = merr.From(err).Extra["retry_after_ms"].(int64)
			continue
		}
		in++
		a.Leave()
	}
	return in, wait
}

func TestAnAccountIsHeldToItsRate(t *testing.T) {
	c := newClock()
	l := New(c.Now)
	if in, wait := ask(l, Send, agent("@a:hs"), 150); in != 100 || wait != 200 {
		t.Errorf("%d of 150 events passed, then wait %d ms", in, wait)
	}
	if in, _ := ask(l, Send, agent("@b:hs"), 10); in != 10 {
		t.Error("another account pays for it")
	}
	if in, _ := ask(l, Settings, agent("@a:hs"), 10); in != 10 {
		t.Error("another class pays for it")
	}
	c.now = c.now.Add(time.Second)
	if in, wait := ask(l, Send, agent("@a:hs"), 10); in != 5 || wait != 200 {
		t.Errorf("after a second %d passed, then wait %d ms", in, wait)
	}
	c.now = c.now.Add(time.Hour)
	if in, _ := ask(l, Send, agent("@a:hs"), 150); in != 100 {
		t.Errorf("after an hour %d passed", in)
	}
}

// Who is not logged in is held by the address, and neighbours share it: a /24, a /64.
func TestStrangersAreHeldByTheirAddress(t *testing.T) {
	for _, c := range []struct{ first, neighbour, other string }{
		{"192.0.2.1", "192.0.2.200", "192.0.3.1"},
		{"2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"},
	} {
		l := New(newClock().Now)
		ask(l, Mail, Caller{Addr: netip.MustParseAddr(c.first)}, 30)
		if in, wait := ask(l, Mail, Caller{Addr: netip.MustParseAddr(c.neighbour)}, 1); in != 0 || wait != 20_000 {
			t.Errorf("%s: %d passed, wait %d", c.neighbour, in, wait)
		}
		if in, _ := ask(l, Mail, Caller{Addr: netip.MustParseAddr(c.other)}, 1); in != 1 {
			t.Errorf("%s is refused", c.other)
		}
	}
}

// At nine, a hundred people come through one address, and each client does what Element does at a first log-in, twice as much of it.
func TestNoClientMeetsTheLimits(t *testing.T) {
	l := New(newClock().Now) // nothing is ever given back
	morning := map[Class]int{General: 200, Sync: 20, Keys: 60, Lookup: 60, Settings: 60, Download: 200, Ephemeral: 60, Send: 10, Join: 30, Search: 2, Account: 2}
	for person := range 100 {
		stranger := Caller{Addr: addr(0)}
		for class, n := range map[Class]int{General: 20, Login: 5, Register: 2} {
			if in, _ := ask(l, class, stranger, n); in != n {
				t.Fatalf("person %d, before the log-in: class %d passed %d of %d", person, class, in, n)
			}
		}
		for class, n := range morning {
			if in, _ := ask(l, class, agent(fmt.Sprintf("@p%d:hs", person)), n); in != n {
				t.Fatalf("person %d: class %d passed %d of %d", person, class, in, n)
			}
		}
	}
}

func TestAllTogetherAreHeld(t *testing.T) {
	l, in := New(newClock().Now), 0
	for n := range 300 {
		some, _ := ask(l, Mail, Caller{Addr: addr(n << 8)}, 1)
		in += some
	}
	if in != 200 {
		t.Errorf("%d mails in one moment", in)
	}
}

func TestWhatIsRefusedCostsNothing(t *testing.T) {
	c := newClock()
	l := New(c.Now)
	ask(l, Mail, agent("@a:hs"), 1000) // its own limit is 5, that of all 200
	if in, _ := ask(l, Mail, agent("@b:hs"), 1); in != 1 {
		t.Error("refused requests count for everybody")
	}
	c.now = c.now.Add(time.Minute)
	if in, _ := ask(l, Mail, agent("@a:hs"), 1); in != 1 {
		t.Error("refused requests are waited for")
	}
}

func TestAllowances(t *testing.T) {
	l := New(newClock().Now)
	if in, _ := ask(l, Send, Caller{Account: "@bridge:hs", Addr: addr(0), Allowance: Allowance{Unlimited: true}}, 100_000); in != 100_000 {
		t.Errorf("without limits %d passed", in)
	}
	less := Caller{Account: "@noisy:hs", Addr: addr(0), Allowance: Allowance{Send: Rate{Burst: 2, Every: time.Second}}}
	if in, wait := ask(l, Send, less, 5); in != 2 || wait != 1000 {
		t.Errorf("with less %d passed, then wait %d ms", in, wait)
	}
	if in, _ := ask(l, Settings, less, 5); in != 5 {
		t.Error("it is about sending")
	}
	var off *Limiter
	if in, _ := ask(off, Mail, agent("@a:hs"), 1000); in != 1000 {
		t.Error("switched off it holds somebody")
	}
}

// Requests that are open at once are counted: those that wait for news beside the others.
func TestOpenRequests(t *testing.T) {
	l := New(newClock().Now)
	a := agent("@a:hs")
	var open []Admission
	for range openWaiting {
		admission, err := l.Admit(Sync, a)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, admission)
	}
	if in, wait := ask(l, Sync, a, 1); in != 0 || wait != 1000 {
		t.Errorf("one more waits (%d)", wait)
	}
	if in, _ := ask(l, General, a, 1); in != 1 {
		t.Error("who waits much can't do anything else")
	}
	for _, admission := range open {
		admission.Leave()
	}
	if in, _ := ask(l, Sync, a, 1); in != 1 || len(l.open) != 0 || l.all != 0 {
		t.Errorf("%d passed, %d are counted as open, %d in all", in, len(l.open), l.all)
	}
}

func TestOpenRequestsOfAnAddress(t *testing.T) {
	l := New(newClock().Now)
	for n := range openCrowd {
		if _, err := l.Admit(Sync, agent(fmt.Sprint("@", n/50, ":hs"))); err != nil {
			t.Fatal(n, err)
		}
	}
	if _, err := l.Admit(Sync, agent("@late:hs")); !merr.Is(err, "M_LIMIT_EXCEEDED") {
		t.Error("one more was let in:", err)
	}
	if _, err := l.Admit(Sync, Caller{Account: "@late:hs", Addr: addr(1 << 8)}); err != nil {
		t.Error("another address pays for it:", err)
	}
}

// A million addresses take no memory, and whoever is held stays so.
func TestAMillionAddresses(t *testing.T) {
	l := New(newClock().Now)
	held := Caller{Addr: netip.MustParseAddr("192.0.2.1")}
	ask(l, Mail, held, 30)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for n := range 1_000_000 {
		a, _ := l.Admit(Lookup, Caller{Addr: netip.AddrFrom4([4]byte{byte(n >> 16), byte(n >> 8), byte(n), 1})})
		a.Leave()
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<10 {
		t.Errorf("%d bytes more", grown)
	}
	if in, _ := ask(l, Mail, held, 1); in != 0 {
		t.Error("who was held is forgotten")
	}
}

// Every class holds accounts, strangers, crowds and all.
func TestEveryClassHasARule(t *testing.T) {
	for class, r := range rules() {
		for _, rate := range []Rate{r.account, r.stranger, r.all} {
			if rate.Burst < 1 || rate.Every < 1 {
				t.Errorf("class %d has %+v", class, r)
			}
		}
	}
}
