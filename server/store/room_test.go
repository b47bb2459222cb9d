package store

import (
	"strings"
	"testing"

	"beffroi/server/pdu"
)

// A hash may look like a text: '$' and a colon among its 32 bytes. A text may be as long as a hash.
func TestIDsComeBackAsTheyWere(t *testing.T) {
	var h pdu.Hash
	copy(h[:], "$looks:like.a.text.id")
	for _, id := range []string{h.EventID(), "$" + strings.Repeat("a", 27) + ":b.c", "$short:hs", ""} {
		if got := eventIDText(eventIDBytes(id)); got != id {
			t.Errorf("%q came back as %q", id, got)
		}
	}
	copy(h[:], "!looks:like.a.text.id")
	for _, id := range []string{h.RoomID(), "!" + strings.Repeat("a", 27) + ":b.c", "!short:hs"} {
		if got := roomIDText(roomIDBytes(id)); got != id {
			t.Errorf("%q came back as %q", id, got)
		}
	}
}
