package scrub_test

import (
	"testing"
)

func TestAUsedServerIsWhole(t *testing.T) {
	dir := used(t)
	r := look(t, dir)
	if len(r.Findings) > 0 {
		t.Error(sentences(r))
	}
	t.Logf("%d rows, %d events, %d files in %v", r.Rows, r.Events, r.Files, r.Took)
	if r.Events < 200 || r.Files < 20 {
		t.Error("it saw little")
	}
}

// slowly skips what takes minutes with the race detector and gains nothing by it: the same code runs under it elsewhere, and "make test" runs
// this package without it as well.
func slowly(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("with -short: it is run without the race detector")
	}
}
