//go:build interop

package interop

import (
	"testing"

	"beffroi/server/interop/federation"
)

// Two clients on two servers talk in encrypted rooms: all that clients of one server do with each other. Then both get new devices while the other's server is
// away, whose device lists have to catch up.
func TestFederatedClientsTalkEncrypted(t *testing.T) {
	mx := mautrix(t)
	lab := federation.NewLab(t)
	one, other := lab.StartBeffroi("Beffroi"), lab.StartBeffroi("Beffroi2")
	for _, guest := range []*federation.Node{lab.StartSynapse("Synapse"), other} {
		t.Run(guest.Label, func(t *testing.T) {
			a, b := startRelay(t, one.URL), startRelay(t, guest.URL)
			one.Register(t, "alice"+guest.Label)
			guest.Register(t, "bob")
			alice, bob := login(t, mx, a, "alice"+guest.Label), login(t, mx, b, "bob")
			for _, k := range []*talk{startSalon(t, alice, bob), startSalon(t, bob, alice), startConversation(t, alice, bob), startConversation(t, bob, alice)} {
				k.inTurn(k.devices[0], k.devices[1]) // what is said at once has an order of its own on each server
			}
			s := meeting{t, mx, alice, bob}
			s.newDevice(a, "alice"+guest.Label, guest)
			s.newDevice(b, "bob", one)
			a.verify(t)
		})
	}
}

// A meeting is two people of two servers.
type meeting struct {
	t          *testing.T
	mx         implementation
	alice, bob *device
}

// newDevice gives one of them a new device while the other's server is away: it can read what is said afterwards.
func (m *meeting) newDevice(r *relay, user string, away *federation.Node) {
	m.t.Helper()
	k := startConversation(m.t, m.alice, m.bob)
	away.Stop()
	d := login(m.t, m.mx, r, user)
	away.Start()
	for _, other := range k.devices {
		if other.UserID != d.UserID {
			other.must("knows", map[string]any{"user": d.UserID, "device": d.DeviceID}, nil)
		}
	}
	k.devices = append(k.devices, d)
	for _, speaker := range k.devices {
		k.says(speaker, "reçu sur "+speaker.name)
		k.seen()
	}
}
