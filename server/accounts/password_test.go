package accounts

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"beffroi/server/merr"
)

func TestPasswords(t *testing.T) {
	p := newPasswords(Cost{MemoryKiB: 8, Iterations: 1, Threads: 1}, rand.Reader)
	const secret = "pâte à crêpes 🥞"
	hash, err := p.hash(t.Context(), secret)
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=8,t=1,p=1$") {
		t.Fatal(hash, err)
	}
	again, err := p.hash(t.Context(), secret)
	if err != nil || again == hash {
		t.Fatal("two hashes of one password are equal", err)
	}
	dearer := newPasswords(Cost{MemoryKiB: 16, Iterations: 1, Threads: 1}, rand.Reader)
	for _, c := range []struct {
		by              *passwords
		hash, password  string
		right, outdated bool
	}{
		{p, hash, secret, true, false},
		{p, again, secret, true, false},
		{p, hash, secret + " ", false, false},
		{p, hash, "", false, false},
		{p, hash, strings.Repeat("x", maxPasswordBytes+1), false, false},
		{p, "", "", false, false},
		{p, "", secret, false, false},
		{dearer, hash, secret, true, true},
	} {
		right, outdated, err := c.by.verify(c.hash, c.password)
		if right != c.right || outdated != c.outdated || err != nil {
			t.Errorf("%q for %q: %v, %v, %v", c.password, c.hash, right, outdated, err)
		}
	}
}

// The published test vector of argon2id with these parameters, from the reference implementation's test.c.
func TestReferenceVector(t *testing.T) {
	const hash = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	p := newPasswords(Cost{MemoryKiB: 256, Iterations: 2, Threads: 1}, rand.Reader)
	if right, outdated, err := p.verify(hash, "password"); !right || outdated || err != nil {
		t.Fatal(right, outdated, err)
	}
}

func TestPasswordsThatAreRefused(t *testing.T) {
	p := newPasswords(Cost{MemoryKiB: 8, Iterations: 1, Threads: 1}, rand.Reader)
	if _, err := p.hash(t.Context(), ""); !merr.Is(err, "M_MISSING_PARAM") {
		t.Error(err)
	}
	if _, err := p.hash(t.Context(), strings.Repeat("x", maxPasswordBytes+1)); !merr.Is(err, "M_INVALID_PARAM") {
		t.Error(err)
	}
}

func TestHashesThatAreNone(t *testing.T) {
	for _, text := range []string{
		"x", "$argon2id$v=18$m=8,t=1,p=1$c2FsdA$a2V5", "$argon2i$v=19$m=8,t=1,p=1$c2FsdA$a2V5", "$argon2id$v=19$m=8,t=0,p=1$c2FsdA$a2V5",
		"$argon2id$v=19$m=8,t=1,p=0$c2FsdA$a2V5", "$argon2id$v=19$m=8,t=1,p=1$c2FsdA$", "$argon2id$v=19$m=8,t=1,p=1$!$a2V5", "$argon2id$v=19$m=8$c2FsdA$a2V5",
	} {
		if p, err := parsePHC(text); err == nil {
			t.Errorf("%q is read as %v", text, p)
		}
	}
}

func FuzzPHC(f *testing.F) {
	f.Add("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePHC(text)
		if err != nil {
			return
		}
		again, err := parsePHC(p.String())
		if err != nil || again.String() != p.String() {
			t.Fatalf("%q became %q, %v", text, p, err)
		}
	})
}

// A third hash waits for a slot, and stops waiting when its request ends.
func TestTwoHashesAtOnce(t *testing.T) {
	p := newPasswords(Cost{MemoryKiB: 8, Iterations: 1, Threads: 1}, rand.Reader)
	for range hashesAtOnce {
		if err := p.slots.Hold(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	if _, err := p.hash(ctx, "secret"); err == nil {
		t.Fatal("a third hash is computed at the same time")
	}
	p.slots.Release()
	if _, err := p.hash(t.Context(), "secret"); err != nil {
		t.Fatal(err)
	}
}
