package bench

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	_ "modernc.org/sqlite" // the driver

	"beffroi/server/notify"
	"beffroi/server/pdu"
	"beffroi/server/push"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// world is a room core on a database of its own, in this process.
type world struct {
	testing.TB
	path string
	db   *store.DB
	*rooms.Service
	late atomic.Int64 // by how much the clock is ahead
}

// people are accounts that exist by being named.
type people struct{ db *store.DB }

func (p people) FindLocal(ctx context.Context, userID string) (user store.Atom, ok bool, err error) {
	err = p.db.Write(ctx, func(tx *store.Tx) error {
		user, err = tx.Atom(userID)
		return err
	})
	return user, true, err
}

func (people) MemberProfile(context.Context, store.Atom) (string, string, error) {
	return "Prénom Nom", "", nil
}

// newFile makes an empty database file of ours with a page size, which the store keeps.
func newFile(t testing.TB, path string, pageSize int) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, pragma := range []string{fmt.Sprint("page_size = ", pageSize), "application_id = 0x42465249", "journal_mode = WAL"} {
		if _, err := db.ExecContext(t.Context(), "PRAGMA "+pragma); err != nil {
			t.Fatal(err)
		}
	}
}

// open opens the world's database, again after close.
func (w *world) open() {
	w.Helper()
	db, err := store.Open(context.Background(), w.path, zerolog.Nop())
	w.ok(err)
	w.db = db
	signer := pdu.Signer{ServerName: "mairie.test", KeyID: "ed25519:1", Key: ed25519.NewKeyFromSeed(make([]byte, 32))}
	hub := notify.New()
	w.Service = rooms.New(db, hub, w.now, rooms.Config{ServerName: signer.ServerName, Signer: func() pdu.Signer { return signer }, People: people{db}, Counts: push.New(db, hub)})
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.late.Load())) }

func (w *world) close() {
	w.Helper()
	w.ok(w.db.Close())
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) user(i int) rooms.User {
	w.Helper()
	id := fmt.Sprintf("@agent%d:mairie.test", i)
	atom, _, err := people{w.db}.FindLocal(context.Background(), id)
	w.ok(err)
	return rooms.User{Atom: atom, ID: id, Device: int64(i + 1)}
}

// room makes a room of some members, agent 0 and up.
func (w *world) room(members int) string {
	w.Helper()
	id, err := w.Create(context.Background(), w.user(0), &rooms.CreateRequest{Preset: "public_chat", Name: "Conseil"})
	w.ok(err)
	for i := 1; i < members; i++ {
		w.ok(w.Join(context.Background(), w.user(i), id, ""))
	}
	return id
}

// kind is a kind of message.
type kind struct {
	name, eventType string
	size            int // of the whole event as it is stored, about
	content         map[string]any
	filler          string // the name of what is filled up
}

func plain() kind {
	return kind{"plain", "m.room.message", 730, map[string]any{"msgtype": "m.text"}, "body"}
}

func encrypted() kind {
	return kind{"encrypted", "m.room.encrypted", 1200, map[string]any{"algorithm": "m.megolm.v1.aes-sha2",
		"sender_key": strings.Repeat("k", 43), "device_id": "ABCDEFGHIJ", "session_id": strings.Repeat("s", 43)}, "ciphertext"}
}

// fill makes the content with which the event has its size in this room.
func (w *world) fill(k kind, roomID string) json.RawMessage {
	w.Helper()
	k.content[k.filler] = ""
	content, err := json.Marshal(k.content)
	w.ok(err)
	id, err := w.Send(context.Background(), w.user(0), roomID, k.eventType, "size", content)
	w.ok(err)
	empty, err := store.Get(context.Background(), w.db, func(r *store.Reader) (store.Event, error) {
		e, _, err := r.EventByID(id)
		return e, err
	})
	w.ok(err)
	k.content[k.filler] = strings.Repeat("m", max(1, k.size-len(empty.JSON)))
	content, err = json.Marshal(k.content)
	w.ok(err)
	return content
}

func size(t testing.TB, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
