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
