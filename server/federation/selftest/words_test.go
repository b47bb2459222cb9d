package selftest

import (
	"testing"

	"beffroi/server/look/looktest"
)

func TestWordsAreComplete(t *testing.T) {
	looktest.Complete(t, embedded, "messages", []string{"fr", "en"})
}
