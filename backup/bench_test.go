package backup_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"beffroi/server/notify"
	"beffroi/server/pdu"
	"beffroi/server/push"
	"beffroi/server/rooms"
	"beffroi/server/servertest"
	"beffroi/server/store"
)

// The town of the benchmark: encrypted messages of usual size, in rooms of a few people, and media of a few sizes.
const (
	benchEvents = 50_000
	benchRooms  = 20
	benchMedia  = 40 << 20
)

type people struct{ db *store.DB }

func (p people) FindLocal(ctx context.Context, userID string) (user store.Atom, ok bool, err error) {
	err = p.db.Write(ctx, func(tx *store.Tx) error {
		user, err = tx.Atom(userID)
		return err
	})
	return user, true, err
}

func (people) MemberProfile(context.Context, store.Atom) (string, string, error) { return "", "", nil }

// fillTown writes the town's events through the room core.
func fillTown(b *testing.B, h house) {
	ctx := context.Background()
	db, err := store.Open(ctx, filepath.Join(h.dir, store.FileName), zerolog.Nop())
	must(b, err)
	defer db.Close()
	hub := notify.New()
	core := rooms.New(db, hub, time.Now, rooms.Config{ServerName: "petite.test", People: people{db}, Counts: push.New(db, hub), Log: zerolog.Nop(),
		Signer: func() pdu.Signer { return pdu.Signer{ServerName: "petite.test", KeyID: "ed25519:a", Key: testKey(1)} }})
	var all sync.WaitGroup
	for n := range benchRooms {
		all.Go(func() {
			id := fmt.Sprintf("@agent%d:petite.test", n)
			atom, _, err := people{db}.FindLocal(ctx, id)
			must(b, err)
			u := rooms.User{Atom: atom, ID: id, Device: int64(n + 1)}
			room, err := core.Create(ctx, u, &rooms.CreateRequest{Preset: "public_chat"})
			must(b, err)
			random, bytes := rand.NewChaCha8([32]byte{byte(n)}), make([]byte, 300)
			for i := range benchEvents / benchRooms {
				_, _ = random.Read(bytes)
				cipher := base64.StdEncoding.EncodeToString(bytes)
				content, _ := json.Marshal(m{"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": cipher, "device_id": "ABCDEFGHIJ",
					"sender_key": "wqO0hTo6B8zQ5TZ7lkPQsn0qJLcwqEY2pS0vwRDMfl0", "session_id": "9u4pJ2Hc0YhrgxLvQkUQ6RFHFh3lPrm3lCSAAyzOzLI"})
				_, err := core.Send(ctx, u, room, "m.room.encrypted", fmt.Sprint(i), content)
				must(b, err)
			}
		})
	}
	all.Wait()
}

// BenchmarkTown writes a backup of a town and restores it, with the binary, and tells sizes, times and the most memory that each took.
func BenchmarkTown(b *testing.B) {
	var files [][]byte
	for i := range 20 {
		files = append(files, noise(benchMedia/20, byte(i)))
	}
	h := newHouse(b, files...)
	fillTown(b, h)
	binary := servertest.Build(b)
	info, err := os.Stat(filepath.Join(h.dir, store.FileName))
	must(b, err)
	b.ReportMetric(float64(info.Size())/1e6, "database-MB")
	for b.Loop() {
		to, data := b.TempDir(), filepath.Join(b.TempDir(), "data")
		measured(b, "backup", binary, "backup", "--to", to, "--data", h.dir)
		file := archiveIn(b, to)
		info, err := os.Stat(file)
		must(b, err)
		b.ReportMetric(float64(info.Size()-benchMedia)/1e6, "archive-without-media-MB")
		measured(b, "restore", binary, "restore", "--from", file, "--identity", h.sheet.file, "--data", data)
		info, err = os.Stat(filepath.Join(data, store.FileName))
		must(b, err)
		b.ReportMetric(float64(info.Size())/1e6, "restored-MB")
	}
}

// measured runs the binary. The most memory it took is read from /proc while it runs: what wait tells counts the parent's before the exec.
func measured(b *testing.B, name, binary string, args ...string) {
	b.Helper()
	begin := time.Now()
	cmd := exec.CommandContext(context.Background(), binary, args...)
	must(b, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var most float64
	for running := true; running; {
		select {
		case err := <-ended:
			must(b, err)
			running = false
		case <-time.After(5 * time.Millisecond):
			most = max(most, highWater(cmd.Process.Pid))
		}
	}
	b.ReportMetric(time.Since(begin).Seconds(), name+"-s")
	b.ReportMetric(most, name+"-MiB")
	b.Logf("%s: %.1f MiB, %.1f s", name, most, time.Since(begin).Seconds())
	if most > 40 {
		b.Errorf("%s took %.1f MiB of memory", name, most)
	}
}

// highWater is the most memory that a process has had so far, in MiB; 0 where it is gone.
func highWater(pid int) (mib float64) {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	_, _ = fmt.Sscan(rest, &mib)
	return mib / 1024
}
