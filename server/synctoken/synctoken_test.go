package synctoken

import (
	"math"
	"net/url"
	"strings"
	"testing"

	"beffroi/server/merr"
)

func TestTokensSurviveTheWay(t *testing.T) {
	for _, s := range []Sync{{}, {1, 4711, 12, Boot{1, 2, 3, 4}, 9}, {math.MaxInt64, math.MaxInt64, math.MaxInt64, Boot{255, 255, 255, 255}, math.MaxInt64}} {
		got, err := ParseSync(s.String())
		if err != nil || got != s || url.QueryEscape(s.String()) != s.String() {
			t.Errorf("%v became %q, then %v, %v", s, s, got, err)
		}
	}
	for _, p := range []Threads{{}, {7}, {math.MaxInt64}} {
		if got, err := ParseThreads(p.String()); err != nil || got != p || url.QueryEscape(p.String()) != p.String() {
			t.Errorf("%v became %q, then %v, %v", p, p, got, err)
		}
	}
	for _, p := range []Place{{}, {3, 12}, {1, -7}, {1, math.MinInt64}} {
		got, err := ParsePlace(p.String())
		if err != nil || got != p || url.QueryEscape(p.String()) != p.String() || !IsPlace(p.String()) {
			t.Errorf("%v became %q, then %v, %v", p, p, got, err)
		}
	}
}

func TestOtherTokensAreRefused(t *testing.T) {
	for _, token := range []string{
		"", "s", "s1", "s2", "s1.0.0.0.AAAAAAA", "s1.0.0.0.AAAAAAA.0.0", "s1.00.0.0.AAAAAAA.0", "s1.0.+1.0.AAAAAAA.0", "s1.0.-1.0.AAAAAAA.0",
		"s1.0.0.0.aaaaaaa.0", "s1.0.0.0.AAAAAAB.0", "s1.0.0.0.AAAAAAA=.0", "s1.0.9223372036854775808.0.AAAAAAA.0", "s72594_4483_1934",
		"s1.0.0.0.AAAAAAA.0 ", "s0.0", "s-2.0", "s02.0", "s1.0.0.AAAAAAA.0",
		"p1.0", "p1.0.-0", "p1.-1.0", "p1.0.1.2", "p2.0.1", "p1.0.", "t1", "t1.", "t1.-1", "t1.01", "t1.1.1", "t2.1",
	} {
		if _, err := ParseSync(token); !merr.Is(err, "M_INVALID_PARAM") {
			t.Errorf("sync token %q: %v", token, err)
		}
		if _, err := ParsePlace(token); !merr.Is(err, "M_INVALID_PARAM") {
			t.Errorf("place token %q: %v", token, err)
		}
		if _, err := ParseThreads(strings.Replace(token, "s1", "t1", 1)); !merr.Is(err, "M_INVALID_PARAM") {
			t.Errorf("threads token %q: %v", token, err)
		}
	}
}

func TestATokenOfAnotherVersionIsOfAnotherEpoch(t *testing.T) {
	s, err := ParseSync("s2.0.whatever.comes")
	if err != nil || s != (Sync{Epoch: UnknownVersion}) {
		t.Fatalf("%v, %v", s, err)
	}
}

// One token has one spelling, so a token that is read is the one that was written.
func FuzzParse(f *testing.F) {
	f.Add(Sync{1, 2, 3, Boot{3}, 4}.String())
	f.Add(Place{1, -2}.String())
	f.Add("s1...")
	f.Fuzz(func(t *testing.T, token string) {
		if s, err := ParseSync(token); err == nil && s.Epoch != UnknownVersion && s.String() != token {
			t.Errorf("%q is read as %q", token, s)
		}
		if p, err := ParseThreads(token); err == nil && p.String() != token {
			t.Errorf("%q is read as %q", token, p)
		}
		if p, err := ParsePlace(token); err == nil && p.String() != token {
			t.Errorf("%q is read as %q", token, p)
		}
	})
}
