package limits

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"beffroi/server/merr"
)

// guess tries n wrong secrets, and tells how many were looked at.
func guess(g *Guesses, a Attempt, n int) (looked int) {
	for range n {
		if g.Admit(a) == nil {
			g.Wrong(a)
			looked++
		}
	}
	return looked
}

func wait(t *testing.T, err error) time.Duration {
	t.Helper()
	if err == nil {
		return 0
	}
	if !merr.Is(err, "M_LIMIT_EXCEEDED") {
		t.Fatal(err)
	}
	return time.Duration(merr.From(err).Extra["retry_after_ms"].(int64)) * time.Millisecond
}

// From one address at one account: five for nothing, then pauses that double up to five minutes, until an hour without.
func TestOneAddressAtOneAccount(t *testing.T) {
	c := newClock()
	g, a := NewGuesses(c.Now), Attempt{Secret: "@a:hs", Addr: addr(0), Known: func() bool { return true }}
	if n := guess(g, a, 100); n != 6 {
		t.Errorf("%d of 100 at once were looked at", n)
	}
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
		if got := wait(t, g.Admit(a)); got != want*time.Second {
			t.Fatalf("a pause of %v, want %d s", got, want)
		}
		c.now = c.now.Add(want * time.Second)
		if n := guess(g, a, 10); n != 1 {
			t.Fatalf("after the pause %d were looked at", n)
		}
	}
	if g.Admit(Attempt{Secret: "@b:hs", Addr: a.Addr}) != nil {
		t.Error("another account of the address pays for it")
	}
	if g.Admit(Attempt{Secret: a.Secret, Addr: addr(1 << 8)}) != nil {
		t.Error("another address pays for it")
	}
	c.now = c.now.Add(remembered)
	if n := guess(g, a, 10); n != 6 {
		t.Errorf("an hour later %d were looked at", n)
	}
	c.now = c.now.Add(longestPause)
	g.Right(a)
	if n := guess(g, a, 5); n != 5 {
		t.Errorf("after the right one %d were looked at", n)
	}
}

func TestOneAddressAtManyAccounts(t *testing.T) {
	c := newClock()
	g, looked := NewGuesses(c.Now), 0
	for n := range 500 {
		looked += guess(g, Attempt{Secret: fmt.Sprint("@", n, ":hs"), Addr: addr(n % 256)}, 1) // all of one /24
	}
	if looked != 60 {
		t.Errorf("%d of 500 were looked at", looked)
	}
	if got := wait(t, g.Admit(Attempt{Secret: "@new:hs", Addr: addr(7)})); got != 20*time.Second {
		t.Errorf("wait %v", got)
	}
	if g.Admit(Attempt{Addr: addr(9)}) == nil {
		t.Error("other secrets may be tried from there")
	}
	if g.Admit(Attempt{Secret: "@new:hs", Addr: addr(1 << 8)}) != nil {
		t.Error("another address pays for it")
	}
	known := Attempt{Secret: "@neighbour:hs", Addr: addr(3), Known: func() bool { return true }}
	if g.Admit(known) != nil {
		t.Error("a neighbour who was there before is shut out")
	}
}

func TestManyAddressesAtOneAccount(t *testing.T) {
	c := newClock()
	g, looked := NewGuesses(c.Now), 0
	home := Attempt{Secret: "@a:hs", Addr: netip.MustParseAddr("192.0.2.1")}
	g.Right(home)
	for n := range 500 {
		looked += guess(g, Attempt{Secret: home.Secret, Addr: addr(n << 8)}, 1)
	}
	if looked != 50 {
		t.Errorf("%d of 500 were looked at", looked)
	}
	if got := wait(t, g.Admit(Attempt{Secret: home.Secret, Addr: addr(1000 << 8)})); got != 2*time.Minute {
		t.Errorf("wait %v", got)
	}
	if g.Admit(home) != nil || g.suspect(home) {
		t.Error("whom it belongs to is shut out at home")
	}
	if g.Admit(Attempt{Secret: "@b:hs", Addr: addr(0)}) != nil {
		t.Error("another account pays for it")
	}
	c.now = c.now.Add(24 * time.Hour)
	looked = 0
	for n := range 5000 {
		looked += guess(g, Attempt{Secret: home.Secret, Addr: addr(n << 8)}, 1)
	}
	if looked > 50 {
		t.Errorf("on the next day %d were looked at", looked)
	}
}

func TestManyAddressesAtManyAccounts(t *testing.T) {
	g, looked := NewGuesses(newClock().Now), 0
	for n := range 5000 {
		looked += guess(g, Attempt{Secret: fmt.Sprint("@", n, ":hs"), Addr: addr(n << 8)}, 1)
	}
	if looked != 1000 {
		t.Errorf("%d of 5000 were looked at", looked)
	}
}

// A session that is stolen is held for itself: its owner's log-in is not.
func TestSecretsWithoutAddress(t *testing.T) {
	g := NewGuesses(newClock().Now)
	if n := guess(g, Attempt{Secret: "@a:hs DEVICE"}, 100); n != 6 {
		t.Errorf("%d were looked at", n)
	}
	if g.Admit(Attempt{Secret: "@a:hs", Addr: addr(0)}) != nil {
		t.Error("the log-in pays for it")
	}
}

func TestGuessesOfAMillionAddressesTakeNoMemory(t *testing.T) {
	g := NewGuesses(newClock().Now)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for n := range 1_000_000 {
		g.Wrong(Attempt{Secret: "@a:hs", Addr: netip.AddrFrom4([4]byte{byte(n >> 16), byte(n >> 8), byte(n), 1})})
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<10 {
		t.Errorf("%d bytes more", grown)
	}
	if g.Admit(Attempt{Secret: "@a:hs", Addr: addr(5)}) == nil {
		t.Error("the account's wrong ones are forgotten")
	}
}

// What is sent all at once is refused like what comes one after another: nobody has been wrong yet when the first wait.
func TestGuessesSentAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, slots, looked := NewGuesses(time.Now), NewSlots(2), make(chan bool, 1000)
		for n := range 150 {
			go func() {
				_, _ = g.Try(t.Context(), slots, Attempt{Secret: fmt.Sprint("@", n, ":hs"), Addr: addr(0)}, func() (bool, error) {
					time.Sleep(24 * time.Millisecond)
					looked <- true
					return false, nil
				})
			}()
		}
		synctest.Wait()
		time.Sleep(3 * time.Second)
		if n := len(looked); n < 60 || n > 62 {
			t.Errorf("%d of 150 were looked at", n)
		}
	})
}

// A hundred people come at nine, through one address, and all get in.
func TestAHundredPeopleAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, slots, in := NewGuesses(time.Now), NewSlots(2), make(chan error, 1000)
		begun := time.Now()
		for n := range 100 {
			go func() {
				_, err := g.Try(t.Context(), slots, Attempt{Secret: fmt.Sprint("@", n, ":hs"), Addr: addr(0)}, func() (bool, error) {
					time.Sleep(24 * time.Millisecond)
					return true, nil
				})
				in <- err
			}()
		}
		for range 100 {
			if err := <-in; err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(begun); took > 1300*time.Millisecond {
			t.Errorf("it took %v", took)
		}
	})
}

// Who is suspect waits behind everybody, and never has both slots.
func TestSuspectsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := NewSlots(2)
		order := make(chan string, 10)
		work := func(name string, c claim) {
			go func() {
				if err := slots.acquire(t.Context(), c); err != nil {
					order <- err.Error()
					return
				}
				order <- name
				time.Sleep(time.Second)
				slots.Release()
			}()
			synctest.Wait()
		}
		for _, name := range []string{"s1", "s2", "s3"} {
			work(name, claim{suspect: true})
		}
		if len(order) != 1 {
			t.Fatalf("%d suspects hold slots", len(order))
		}
		work("h1", claim{})
		work("h2", claim{})
		time.Sleep(10 * time.Second)
		synctest.Wait()
		var got string
		for range 5 {
			got += <-order + " "
		}
		if got != "s1 h1 h2 s2 s3 " {
			t.Error(got)
		}
		if slots.free != 2 || len(slots.waiting) != 0 {
			t.Errorf("%d slots are free, %d wait", slots.free, len(slots.waiting))
		}
	})
}

// The queue is bounded: for one secret, for one address, for suspects, and in all.
func TestTheQueueIsBounded(t *testing.T) {
	for name, c := range map[string]struct {
		of   func(n int) claim
		most int
	}{
		"secret":   {func(n int) claim { return claim{secret: "@a:hs", addr: Prefix(addr(n << 8))} }, waitingSecret},
		"address":  {func(n int) claim { return claim{secret: fmt.Sprint(n), addr: Prefix(addr(0))} }, waitingAddress},
		"suspects": {func(n int) claim { return claim{suspect: true} }, maxWaiting / 2},
		"all":      {func(n int) claim { return claim{} }, maxWaiting},
	} {
		slots := NewSlots(2)
		_, _ = slots.Hold(t.Context()), slots.Hold(t.Context())
		waiting := 0
		for n := range 1000 {
			if _, err := slots.enqueue(c.of(n)); err == nil {
				waiting++
			} else if wait(t, err) != 5*time.Second {
				t.Error(err)
			}
		}
		if waiting != c.most {
			t.Errorf("%s: %d wait", name, waiting)
		}
	}
}

// A crowd that waits for one account does not shut out whom it belongs to.
func TestTheOwnerIsNotCrowdedOut(t *testing.T) {
	g, slots := NewGuesses(newClock().Now), NewSlots(2)
	_, _ = slots.Hold(t.Context()), slots.Hold(t.Context())
	for n := range 100 {
		_, _ = slots.enqueue(g.claim(Attempt{Secret: "@a:hs", Addr: addr(n << 8)}, slots))
	}
	owner := Attempt{Secret: "@a:hs", Addr: netip.MustParseAddr("192.0.2.1")}
	if _, err := slots.enqueue(g.claim(owner, slots)); err == nil {
		t.Error("nobody crowds")
	}
	owner.Known = func() bool { return true }
	if _, err := slots.enqueue(g.claim(owner, slots)); err != nil {
		t.Error(err)
	}
}

// Who goes away leaves the queue; a slot that came just then goes to the next.
func TestWhoGoesAwayLeavesTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := NewSlots(2)
		_, _ = slots.Hold(t.Context()), slots.Hold(t.Context())
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() { gone <- slots.Hold(ctx) }()
		synctest.Wait()
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) || len(slots.waiting) != 0 {
			t.Error(err, len(slots.waiting))
		}
		w, _ := slots.enqueue(claim{})
		slots.Release()
		slots.leave(w)
		slots.Release()
		if slots.free != 2 {
			t.Errorf("%d slots are free", slots.free)
		}
	})
}

// Switched off, nothing is held but the slots.
func TestGuessesOff(t *testing.T) {
	var g *Guesses
	slots := NewSlots(2)
	for range 100 {
		if right, err := g.Try(t.Context(), slots, Attempt{Secret: "@a:hs", Addr: addr(0)}, func() (bool, error) { return false, nil }); right || err != nil {
			t.Fatal(right, err)
		}
	}
	if slots.free != 2 {
		t.Errorf("%d slots are free", slots.free)
	}
	if _, err := g.Try(t.Context(), slots, Attempt{}, func() (bool, error) { return false, errors.New("disk") }); err == nil {
		t.Error("an error is lost")
	}
}

// While two attacks go on (from one address at a hundred accounts, from a hundred addresses at one), a log-in takes less than twice its time, on a machine with two cores
// and nothing else to do: the attacks' first seconds, when they are not held yet, included.
func TestLoginsUnderAttack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const check = 24 * time.Millisecond
		g, slots := NewGuesses(time.Now), NewSlots(2)
		ctx, stop := context.WithCancel(t.Context())
		looked := 0
		attack := func(a func(n int) Attempt) {
			for n := 0; ctx.Err() == nil; n++ {
				go func() {
					_, _ = g.Try(ctx, slots, a(n), func() (bool, error) {
						time.Sleep(check)
						looked++
						return false, nil
					})
				}()
				time.Sleep(3 * time.Millisecond)
			}
		}
		go attack(func(n int) Attempt { return Attempt{Secret: fmt.Sprint("@", n%100, ":hs"), Addr: addr(0)} })
		go attack(func(n int) Attempt { return Attempt{Secret: "@mayor:hs", Addr: addr((n%100 + 1) << 8)} })
		slow := 0
		for n := range 200 {
			begun := time.Now()
			right, err := g.Try(ctx, slots, Attempt{Secret: fmt.Sprint("@citizen", n, ":hs"), Addr: netip.AddrFrom4([4]byte{192, 0, byte(n), 1})}, func() (bool, error) {
				time.Sleep(check)
				return true, nil
			})
			if !right || err != nil {
				t.Fatal(n, err)
			}
			if time.Since(begun) > 2*check {
				slow++
			}
			time.Sleep(10 * time.Millisecond)
		}
		stop()
		time.Sleep(time.Second) // until all of them have seen it
		if slow > 10 || looked < 20 || looked > 120 {
			t.Errorf("%d of 200 log-ins were slow, %d guesses were looked at", slow, looked)
		}
	})
}
