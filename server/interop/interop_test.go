// Package interop has real clients talk through a real server: matrix-js-sdk with its Rust crypto, and mautrix-go. Both are
// child processes that take the same commands (js/driver.mjs, mautrix/main.go), so whatever one does, the other can do too.
package interop

import (
	"crypto/rand"
	"slices"
	"strings"
	"testing"

	"beffroi/server/servertest"
)

func TestTwoClientsTalkEncrypted(t *testing.T) {
	js, mx := javascript(t), mautrix(t)
	server := servertest.Start(t)
	for _, user := range []string{"alice", "bob"} {
		server.Register(t, user)
	}
	r := startRelay(t, server.URL)
	alice, bob := login(t, js, r, "alice"), login(t, mx, r, "bob")

	talks := []*talk{startSalon(t, alice, bob), startConversation(t, bob, alice)}
	for _, k := range talks {
		k.run(k.devices[0], k.devices[1])
	}
	restoreOnNewDevices(t, r, talks, []*device{alice, bob}, []implementation{js, mx})
	r.verify(t)
}

// A client that syncs by sliding sync talks with one that doesn't.
func TestSlidingClientTalksEncrypted(t *testing.T) {
	js, mx := javascript(t), mautrix(t)
	js.sliding = true
	server := servertest.Start(t)
	for _, user := range []string{"alice", "bob"} {
		server.Register(t, user)
	}
	r := startRelay(t, server.URL)
	alice, bob := login(t, js, r, "alice"), login(t, mx, r, "bob")
	for _, k := range []*talk{startSalon(t, alice, bob), startConversation(t, bob, alice)} {
		k.run(k.devices[0], k.devices[1])
	}
	r.verify(t)
}

func (k *talk) run(host, guest *device) {
	k.t.Helper()
	k.burst(10) // while nobody has a receipt
	k.inTurn(host, guest)
	k.burst(10)
}

// inTurn has both do all that there is, one after the other.
func (k *talk) inTurn(host, guest *device) {
	k.t.Helper()
	k.says(host, "Bonjour, c'est la mairie.")
	k.seen()
	k.says(guest, "Bonjour !")
	k.seen()
	k.annotate(host, guest)
	k.notices(host, guest)
	k.notices(guest, host)
	k.sendsFile(host, "délibération.pdf", random(200_000))
	k.sendsFile(guest, "plan.png", random(200_000))
}

// restoreOnNewDevices gives each user one more device of each implementation. With the recovery key it reads what was sent
// before it existed, and its user vouches for it; then it takes part.
func restoreOnNewDevices(t *testing.T, r *relay, talks []*talk, owners []*device, impls []implementation) {
	var added []*device
	for _, owner := range owners {
		user := owner.UserID[1:strings.IndexByte(owner.UserID, ':')]
		var keys struct {
			RecoveryKey string `json:"recovery_key"`
		}
		owner.must("bootstrap", map[string]any{"user": user, "password": user}, &keys)
		for _, impl := range impls {
			d := login(t, impl, r, user)
			added = append(added, d)
			for _, k := range talks {
				d.must("history", k.args(), nil)
				d.until(k.room, "what it can't read yet", func(v view) bool {
					return len(v.Messages) == len(k.expected) && slices.ContainsFunc(v.Messages, message.unreadable)
				})
			}
			d.must("restore", map[string]any{"recovery_key": keys.RecoveryKey}, nil)
			for _, k := range talks {
				k.seen(d)
			}
			for _, judge := range owners {
				judge.must("signed", map[string]any{"user": d.UserID, "device": d.DeviceID}, nil)
			}
		}
	}
	for _, k := range talks {
		k.devices = append(k.devices, added...)
		for _, d := range k.devices {
			k.says(d, "reçu sur "+d.name)
			k.seen()
		}
	}
}

func (m message) unreadable() bool { return m.Failure != "" }

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}
