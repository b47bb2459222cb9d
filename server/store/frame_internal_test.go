package store

import (
	"bytes"
	"strings"
	"testing"

	"beffroi/server/pdu"
)

const message = `{"auth_events":["$BPWgqOa-gRfBaOB-udnvtQ_bVKnzv7lkEA2okbSQY2Y"],"content":{"body":"bonjour \"à\" tous","msgtype":"m.text"},"depth":32,` +
	`"hashes":{"sha256":"KigXVYGRdmqRw27ORaBUzzHQ5aV+eHZu4LCqwS3Nu3I"},"origin_server_ts":1795448283025,"prev_events":["$09eMDS18Xs-Xck7xga02b8xSgSeKJsOnbzVkpaW48_U"],` +
	`"room_id":"!p0Tb-NgVp6VSKsaUxW3KVpREVdBXCIjxUPfVNyGgfS0","sender":"@agent4:mairie.test",` +
	`"signatures":{"mairie.test":{"ed25519:1":"92JOLL3GaeEvKPjJrDQOoMbhrtN5viL5NtPMI++p/Tac3C58tr47KhdpZ2YYJthc51/PCa7BGrsChWAjE78nCA"}},"type":"m.room.message"}`

func TestFrameHoldsWhatMessagesHaveInCommon(t *testing.T) {
	frame, body, ok := cutFrame([]byte(message))
	if !ok || len(body) > len(message)/2 {
		t.Fatalf("cutFrame: %t, %d of %d bytes are left", ok, len(body), len(message))
	}
	other := strings.NewReplacer("bonjour", "bonsoir", "32", "33", "KigX", "KigY").Replace(message)
	again, _, ok := cutFrame([]byte(other))
	if !ok || !bytes.Equal(frame, again) {
		t.Errorf("another message has another frame:\n%q\n%q", frame, again)
	}
}

func TestWhatIsNotFormedLikeAMessageIsWhole(t *testing.T) {
	for name, change := range map[string][2]string{
		"two prev events": {`"prev_events":["$`, `"prev_events":["$a","$`},
		"no prev event":   {`["$09eMDS18Xs-Xck7xga02b8xSgSeKJsOnbzVkpaW48_U"]`, `[]`},
		"a short hash":    {"KigX", "Kig"},
		"loose bits":      {"S3Nu3I", "S3Nu3J"},
		"two signatures":  {`{"ed25519:1":`, `{"ed25519:0":"abc","ed25519:1":`}, // the last one is cut, the first belongs to the frame
		"a long frame":    {`"type":"`, `"type":"` + strings.Repeat("x", maxFrameSize)},
		"hash and more":   {`{"sha256":`, `{"sha1":"x","sha256":`},
	} {
		event := strings.Replace(message, change[0], change[1], 1)
		frame, body, ok := cutFrame([]byte(event))
		if !ok {
			continue
		}
		whole, err := unframe(body, frame)
		if err != nil || string(whole) != event || name != "two signatures" {
			t.Errorf("%s: framed: %s, %v", name, whole, err)
		}
	}
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte(message))
	f.Add([]byte(strings.Replace(message, `"type"`, `"ty\u0001pe"`, 1)))
	f.Fuzz(func(t *testing.T, event []byte) {
		canonical, err := pdu.Canonical(event)
		if err != nil || !bytes.HasPrefix(canonical, []byte{'{'}) {
			return
		}
		frame, body, ok := cutFrame(canonical)
		if !ok {
			return
		}
		whole, err := unframe(body, frame)
		if err != nil || !bytes.Equal(whole, canonical) {
			t.Errorf("%q became %q, %v", canonical, whole, err)
		}
	})
}

func FuzzUnframe(f *testing.F) {
	frame, body, _ := cutFrame([]byte(message))
	f.Add(body, frame)
	f.Fuzz(func(_ *testing.T, body, frame []byte) { _, _ = unframe(body, frame) }) // damaged rows don't panic
}
