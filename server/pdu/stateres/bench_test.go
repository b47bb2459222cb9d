package stateres

import (
	"testing"

	"beffroi/server/pdu/pdutest"
)

// BenchmarkResolve is a room of 10,000 state events and two forks of 1,000 state
// events each. The goal is 200 ms.
func BenchmarkResolve(b *testing.B) {
	for _, version := range []string{"11", "12"} {
		b.Run("v"+version, func(b *testing.B) {
			room, forks := pdutest.BigFork(b, version, 9_995, 1_000)
			src := memory{}
			for _, e := range room.Events {
				src.put(e)
			}
			states := []State{forks[0].State, forks[1].State}
			b.ReportMetric(float64(len(src)), "events")
			for b.Loop() {
				if _, err := Resolve(room.Rules, states, src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
