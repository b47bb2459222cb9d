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
	lab         *Lab
	host, guest *Node
	alice, bob  *servertest.User
}

func TestBeffroiWithSynapse(t *testing.T) {
	l := NewLab(t)
	l.plays(l.StartBeffroi("Beffroi"), l.StartSynapse("Synapse"))
}

func TestBeffroiWithBeffroi(t *testing.T) {
	l := NewLab(t)
	l.plays(l.StartBeffroi("Beffroi1"), l.StartBeffroi("Beffroi2"))
}

func TestSynapseWithSynapse(t *testing.T) {
	if !*control {
		return
	}
	l := NewLab(t)
	l.plays(l.StartSynapse("Synapse1"), l.StartSynapse("Synapse2"))
}

// plays has two servers play every scene, each of them once as its host.
func (l *Lab) plays(a, b *Node) {
	for _, pair := range [][2]*Node{{a, b}, {b, a}} {
		l.Run(pair[0].Label+" hosts", func(t *testing.T) {
			for i, s := range scenes() {
				t.Run(s.name, func(t *testing.T) {
					host, guest := pair[0], pair[1]
					n := fmt.Sprintf("%d%s", i, host.Label[len(host.Label)-1:])
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
