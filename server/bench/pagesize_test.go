package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"text/tabwriter"
	"time"

	"beffroi/server/store"
)

// crowd is who sends into which rooms of 20 members.
type crowd struct {
	name           string
	rooms, senders int
}

// TestPageSize compares page sizes of the real schema by what a message costs in the room core. The last checkpoint counts.
func TestPageSize(t *testing.T) {
	slowly(t)
	sizes, crowds, n := []int{1024, 2048, 4096}, []crowd{{"alone", 1, 1}, {"8 in 8 rooms", 8, 8}, {"8 in one room", 1, 8}}, 4000
	if !*measure {
		sizes, crowds, n = []int{store.PageSize, 4096}, crowds[2:], 16
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	if *measure {
		fmt.Fprintln(w, "page\tmessages\tsenders\twritten B/msg\tsyncs/msg\tdatabase KB/1000\tCPU µs/msg\tmsg/s\tp50 µs\tread µs/room\t")
		defer w.Flush()
	}
	for _, c := range crowds {
		for _, k := range []kind{plain(), encrypted()} {
			for _, pageSize := range sizes {
				m := measurePageSize(t, pageSize, c, k, n)
				if m.Written < int64(n)*int64(k.size) || m.Growth < int64(n)*int64(k.size)/2 {
					t.Errorf("%d messages of %d bytes: %+v", n, k.size, m)
				}
				if *measure {
					m.row(w, pageSize, c, k)
				}
			}
		}
	}
}

// messages is what sending cost.
type messages struct {
	Result
	Growth int64         // of the database file, in bytes
	Read   time.Duration // of one room as an initial sync reads it
}

func (m messages) row(w *tabwriter.Writer, pageSize int, c crowd, k kind) {
	n := float64(m.N)
	fmt.Fprintf(w, "%d\t%s\t%s\t%.0f\t%.3f\t%.0f\t%.0f\t%.0f\t%d\t%d\t\n", pageSize, k.name, c.name, float64(m.Written)/n,
		float64(m.Syncs)/n, float64(m.Growth)/n, float64(m.CPU.Microseconds())/n, n/m.Wall.Seconds(), m.P50.Microseconds(), m.Read.Microseconds())
}

func measurePageSize(t *testing.T, pageSize int, c crowd, k kind, n int) (m messages) {
	w := &world{TB: t, path: filepath.Join(folder(t), "beffroi.db")}
	newFile(t, w.path, pageSize)
	w.open()
	ids := make([]string, c.rooms)
	for i := range ids {
		ids[i] = w.room(20)
	}
	content := w.fill(k, ids[0])
	w.close()
	before := size(t, w.path)
	w.open()
	var err error
	load := Load{Name: c.name, PID: os.Getpid(), N: n, Clients: c.senders, Settle: w.db.Close} // which ends with a checkpoint
	m.Result, err = load.Run(func(client, i int) error {
		_, err := w.Send(context.Background(), w.user(client), ids[client%c.rooms], k.eventType, fmt.Sprint(i), content)
		return err
	})
	w.ok(err)
	m.Growth = size(t, w.path) - before
	w.open()
	defer w.close()
	m.Read = w.readLikeInitialSync(ids)
	return m
}

// readLikeInitialSync reads the last 20 messages and the whole state of each room, and gives the time for one.
func (w *world) readLikeInitialSync(ids []string) time.Duration {
	const rounds = 50
	begin := time.Now()
	for range rounds {
		w.ok(w.db.Read(context.Background(), func(r *store.Reader) error {
			for _, id := range ids {
				room, _, err := r.FindRoom(id)
				if err != nil {
					return err
				}
				if _, err := r.EventsBackward(room.Ref, store.OrdMax, store.OrdMin, 20); err != nil {
					return err
				}
				if _, err := r.CurrentEvents(room.Ref); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	return time.Since(begin) / time.Duration(rounds*len(ids))
}
