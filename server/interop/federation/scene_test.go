//go:build interop

package federation

import (
	"flag"
	"fmt"
	"testing"

	"beffroi/server/servertest"
)

// control has Synapse speak with Synapse too: what fails there is the scene's fault or Synapse's.
var control = flag.Bool("control", false, "play the scenes between Synapse and Synapse, too")

// A scene is something that users of two servers do together. Alice is on the host, bob on the guest.
type scene struct {
	*testing.T
	lab         *lab
	host, guest *node
	alice, bob  *servertest.User
}

func TestBeffroiWithSynapse(t *testing.T) {
	l := newLab(t)
	l.plays(l.startBeffroi("Beffroi"), l.startSynapse("Synapse"))
}

func TestBeffroiWithBeffroi(t *testing.T) {
	l := newLab(t)
	l.plays(l.startBeffroi("Beffroi1"), l.startBeffroi("Beffroi2"))
}

func TestSynapseWithSynapse(t *testing.T) {
	if !*control {
		return
	}
	l := newLab(t)
	l.plays(l.startSynapse("Synapse1"), l.startSynapse("Synapse2"))
}

// plays has two servers play every scene, each of them once as its host.
func (l *lab) plays(a, b *node) {
	for _, pair := range [][2]*node{{a, b}, {b, a}} {
		l.Run(pair[0].label+" hosts", func(t *testing.T) {
			for i, s := range scenes() {
				t.Run(s.name, func(t *testing.T) {
					host, guest := pair[0], pair[1]
					n := fmt.Sprintf("%d%s", i, host.label[len(host.label)-1:])
					sc := &scene{T: t, lab: l, host: host, guest: guest, alice: host.Register(t, "alice"+n), bob: guest.Register(t, "bob"+n)}
					defer l.account.tell(t)
					s.play(sc)
				})
			}
		})
	}
}

type play struct {
	name string
	play func(*scene)
}

func scenes() []play {
	return []play{
		{"joins", (*scene).joins},
		{"invitations", (*scene).invitations},
		{"talk", (*scene).talks},
		{"typing, receipts, presence", (*scene).notices},
		{"media", (*scene).media},
		{"directory and profiles", (*scene).finds},
		{"knocks", (*scene).knocks},
		{"restricted rooms", (*scene).restricted},
		{"bans", (*scene).bans},
		{"room versions", (*scene).versions},
		{"upgrades", (*scene).upgrades},
		{"backfill of 500 messages", (*scene).backfills},
		{"a server is away", (*scene).outage},
		{"a partition", (*scene).partition},
	}
}
