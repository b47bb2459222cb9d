package bench

import (
	"fmt"
	"io"
	"os"
	"testing"
	"text/tabwriter"
	"time"

	"beffroi/server/servertest"
)

// TestServer measures the binary as it is shipped, from outside.
func TestServer(t *testing.T) {
	slowly(t)
	s := &scene{t: t, scale: scale{members: 3, rooms: 2, watchers: 4, times: 3}}
	s.binary = servertest.Build(t)
	if *measure {
		s.binary = buildBinary(t)
		s.scale = scale{members: 20, rooms: 100, watchers: 50, times: 1000, quiet: 10 * time.Second}
	}
	starts := s.start()
	if *measure {
		s.server.Unchecked(t)
	}
	s.populate(max(s.watchers, 8))
	s.createRooms()
	s.chat()
	s.readAll()
	s.sendMessages()
	s.deliver(max(2, s.times/50))
	s.uploadKeys()
	after := s.lines[len(s.lines)-1].After
	again := s.restart()
	for _, l := range s.lines {
		if l.P50 <= 0 || l.CPU < 0 || l.After <= 0 {
			t.Errorf("%+v", l)
		}
	}
	if !*measure {
		return
	}
	fmt.Printf("\nbinary %.1f MB (goal 40 with web client)\n", float64(size(t, s.binary))/1e6)
	fmt.Printf("start: first %v, again %v, with data %v (goal 100, 40, 60 ms)\n", starts[0], starts[1], again)
	fmt.Printf("resident: idle %.0f MB, after the run %.0f MB (goal 30, 120)\n", float64(s.lines[0].Before)/1e6, float64(after)/1e6)
	s.print(os.Stdout)
}

// start starts the server for the first time and once more, and tells how long it took until it listened.
func (s *scene) start() (took [2]time.Duration) {
	begin := time.Now()
	s.server = servertest.StartProcess(s.t, s.binary)
	took[0] = time.Since(begin)
	took[1] = s.restart()
	return took
}

func (s *scene) restart() time.Duration {
	s.t.Helper()
	if err := s.server.Stop(); err != nil {
		s.t.Fatal(err)
	}
	begin := time.Now()
	s.server.Start()
	return time.Since(begin)
}

func (s *scene) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	defer w.Flush()
	fmt.Fprintln(w, "what, per operation\tn\tclients\tp50 ms\tp95 ms\tper s\tCPU ms\tKB\tsyncs\tMB after\tgoal (time, CPU, KB, syncs)")
	for _, l := range s.lines {
		n := float64(l.N)
		syncs := "?"
		if l.Syncs >= 0 {
			syncs = fmt.Sprintf("%.2f", float64(l.Syncs)/n)
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%.1f\t%.1f\t%.0f\t%.2f\t%.1f\t%s\t%.0f\t%s\n", l.Name, l.N, l.clients, ms(l.P50), ms(l.P95),
			n/l.Wall.Seconds(), ms(l.CPU)/n, float64(l.Written)/n/1e3, syncs, float64(l.After)/1e6, l.goal)
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
