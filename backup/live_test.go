package backup_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"maunium.net/go/mautrix/id"

	"beffroi/backup/archive"
	"beffroi/backup/snapshot"
	"beffroi/server/servertest"
	"beffroi/server/store"
)

type m = map[string]any

// town is a server in use.
type town struct {
	t          *testing.T
	binary     string
	sheet      sheet
	p          *servertest.Process
	alice, bob *servertest.User
	room       string
	media      map[string][]byte // by URI
	lock       sync.Mutex
	sent       []string // events that were acknowledged
	token      string   // alice's, of /sync
	bobToken   string
}

func newTown(t *testing.T) *town {
	w := &town{t: t, binary: servertest.Build(t), sheet: newSheet(t), media: map[string][]byte{}}
	w.p = servertest.StartProcess(t, w.binary, "BEFFROI_LOG_LEVEL=info")
	w.alice, w.bob = w.p.Register(t, "alice"), w.p.Register(t, "bob")
	w.room = w.alice.CreateRoom(m{"name": "Conseil", "initial_state": []m{{"type": "m.room.encryption", "state_key": "",
		"content": m{"algorithm": "m.megolm.v1.aes-sha2"}}}})
	w.alice.Invite(w.room, w.bob)
	w.bob.Join(w.room)
	for range 20 {
		w.send(w.alice)
	}
	noise := make([]byte, 300_000)
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
	for _, content := range [][]byte{noise, []byte("un petit fichier"), {}} {
		w.media[upload(t, w.p.URL, w.alice, content)] = content
	}
	w.keys()
	return w
}

// send sends an event as clients that encrypt do.
func (w *town) send(u *servertest.User) {
	id := u.Send(w.room, "m.room.encrypted", m{"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": strings.Repeat("AwgAEn", 60), "session_id": "s"})
	w.lock.Lock()
	w.sent = append(w.sent, id)
	w.lock.Unlock()
}

func (w *town) acknowledged() []string {
	w.lock.Lock()
	defer w.lock.Unlock()
	return slices.Clone(w.sent)
}

// keys leaves one of everything that end-to-end encryption keeps on the server.
func (w *town) keys() {
	w.alice.Must("POST", "/_matrix/client/v3/keys/upload", m{"one_time_keys": m{"curve25519:A": "a", "curve25519:B": "b"},
		"fallback_keys": m{"curve25519:F": "f"}}, nil)
	w.alice.Must("POST", "/_matrix/client/v3/room_keys/version", m{"algorithm": "m.megolm_backup.v1.curve25519-aes-sha2",
		"auth_data": m{"public_key": "abc"}}, nil)
	w.alice.Must("PUT", "/_matrix/client/v3/room_keys/keys/"+url.PathEscape(w.room)+"/session?version=1", m{"first_message_index": 0,
		"forwarded_count": 0, "is_verified": true, "session_data": m{"ciphertext": "x"}}, nil)
	w.token = w.alice.Sync("", "").NextBatch
	w.bobToken = w.bob.Sync("", "").NextBatch
	w.bob.Must("PUT", "/_matrix/client/v3/sendToDevice/m.room.encrypted/t1", m{"messages": m{w.alice.UserID: m{w.alice.DeviceID: m{"algorithm": "x"}}}}, nil)
}

// backup backs the town up while both write without pause, and gives the archive and what was acknowledged before it began.
func (w *town) backup() (file string, before []string) {
	w.t.Helper()
	to := w.t.TempDir()
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for _, u := range []*servertest.User{w.alice, w.bob} {
		writers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					w.send(u)
				}
			}
		})
	}
	before = w.acknowledged()
	out := runs(w.t, w.binary, "backup", "--to", to, "--data", w.p.DataDir, "--recipient", w.sheet.recipient)
	during := len(w.acknowledged()) - len(before)
	close(stop)
	writers.Wait()
	if !strings.Contains(out, "Sauvegarde écrite") || !strings.Contains(out, "Serveur beffroi.test") {
		w.t.Error(out)
	}
	if during == 0 {
		w.t.Error("nobody could write while the backup ran")
	}
	return archiveIn(w.t, to), before
}

func TestAServerInUseComesBack(t *testing.T) {
	w := newTown(t)
	file, before := w.backup()
	w.send(w.bob) // lost with the machine
	lostToken := w.alice.Sync(w.token, "").NextBatch
	lostEvents := w.acknowledged()
	w.alice.Must("POST", "/_matrix/client/v3/room_keys/version", m{"algorithm": "m.megolm_backup.v1.curve25519-aes-sha2",
		"auth_data": m{"public_key": "made in the lost interval"}}, nil)
	lostOrds := ords(t, w.p.DataDir)
	w.p.Kill()

	data := filepath.Join(t.TempDir(), "retour")
	out := runs(t, w.binary, "restore", "--from", file, "--identity", w.sheet.file, "--data", data)
	if !strings.Contains(out, "Serveur beffroi.test, état du ") || !strings.Contains(out, "fichiers : 3") {
		t.Error(out)
	}
	compare(t, file, w.sheet.file, data)
	restoredOrds := ords(t, data)

	p := servertest.StartProcess(t, w.binary)
	p.Kill()
	p.DataDir = data
	p.Start()
	if p.URL == w.p.URL {
		t.Error("it starts on another port")
	}
	alice, bob := as(t, &p.Client, w.alice), as(t, &p.Client, w.bob)
	seen := messages(alice, w.room)
	for i, id := range before {
		if !slices.Contains(seen, id) {
			t.Fatalf("event %d of %d, acknowledged before the backup began, is lost", i, len(before))
		}
	}
	for uri, content := range w.media {
		if got := download(t, p.URL, alice, uri); !bytes.Equal(got, content) {
			t.Errorf("%s has %d bytes, not %d", uri, len(got), len(content))
		}
	}
	checkSync(t, w, alice, lostToken)
	checkKeyBackup(t, w, alice)

	// life goes on
	bob.SendText(w.room, "nous revoilà")
	alice.SendText(w.room, "oui")
	now := messages(bob, w.room)
	if len(now) != len(seen)+2 {
		t.Errorf("%d events after %d and two new ones", len(now), len(seen))
	}
	news := alice.Sync(alice.Sync(lostToken, "").NextBatch, "")
	if len(news.Rooms.Join) != 0 {
		t.Error("after the full answer there is no news:", news.Rooms.Join)
	}
	newOrds := ords(t, data)
	for ord := range newOrds {
		if !restoredOrds[ord] && lostOrds[ord] {
			t.Errorf("place %d was given before and again after the restore", ord)
		}
	}
	if len(newOrds) != len(restoredOrds)+2 || len(lostEvents) <= len(before) {
		t.Error(len(newOrds), len(restoredOrds), len(lostEvents))
	}
}

// checkSync looks at the first answer to a token of the lost interval.
func checkSync(t *testing.T, w *town, alice *servertest.User, token string) {
	t.Helper()
	if kept := alice.Sync(w.token, ""); len(kept.ToDevice.Events) != 1 {
		t.Error("to-device messages that a device had not got:", kept.ToDevice.Events)
	}
	answer := alice.Sync(token, "")
	room := answer.Rooms.Join[roomID(w.room)]
	if room == nil || len(room.State.Events)+len(room.Timeline.Events) < 8 || !room.Timeline.Limited {
		t.Errorf("a token from before the restore gets everything: %+v", room)
	}
	if !slices.Contains(userIDs(answer.DeviceLists.Changed), w.bob.UserID) {
		t.Error("changed device lists:", answer.DeviceLists.Changed)
	}
	if !answer.DeviceOTKCount.IsZero() || len(answer.FallbackKeys) != 0 {
		t.Error("one-time keys are left, which may have been used:", answer.DeviceOTKCount, answer.FallbackKeys)
	}
	if len(answer.ToDevice.Events) != 0 {
		t.Error("what the token says was delivered came again:", answer.ToDevice.Events)
	}
}

// checkKeyBackup looks at alice's key backup as her clients do.
func checkKeyBackup(t *testing.T, w *town, alice *servertest.User) {
	t.Helper()
	var version struct {
		Version  string         `json:"version"`
		AuthData map[string]any `json:"auth_data"`
		Count    int            `json:"count"`
	}
	alice.Must("GET", "/_matrix/client/v3/room_keys/version", nil, &version)
	if version.AuthData["public_key"] != "abc" || version.Count != 1 || len(version.Version) < 10 {
		t.Errorf("%+v", version)
	}
	session := "/_matrix/client/v3/room_keys/keys/" + url.PathEscape(w.room) + "/session?version="
	alice.Must("GET", session+version.Version, nil, nil)
	alice.Must("GET", session+"1", nil, nil)
	key := m{"first_message_index": 0, "forwarded_count": 0, "is_verified": true, "session_data": m{"ciphertext": "y"}}
	// What tells a client to store all its keys anew; and a version of the lost interval is not taken for the new one.
	alice.MustFail(403, "M_WRONG_ROOM_KEYS_VERSION", "PUT", session+"1", key)
	alice.MustFail(404, "M_NOT_FOUND", "PUT", session+"2", key)
}

// ords are the places of the one room's timeline.
func ords(t *testing.T, dataDir string) map[int64]bool {
	t.Helper()
	places := map[int64]bool{}
	eachRow(t, filepath.Join(dataDir, store.FileName), "timeline", func(row []any) { places[row[1].(int64)] = true })
	return places
}

func eachRow(t *testing.T, path, table string, each func([]any)) {
	t.Helper()
	s, err := snapshot.Open(context.Background(), path)
	must(t, err)
	defer s.Close()
	for _, known := range s.Tables() {
		if known.Name == table {
			must(t, s.Rows(context.Background(), known, func(row []any) error {
				each(row)
				return nil
			}))
		}
	}
}

// compare holds a restored database against the manifest: only what RESTORE.md names has changed.
func compare(t *testing.T, file, identity, data string) {
	t.Helper()
	f, err := os.Open(file)
	must(t, err)
	defer f.Close()
	manifest, err := manifestOf(f, identity)
	must(t, err)
	s, err := snapshot.Open(context.Background(), filepath.Join(data, store.FileName))
	must(t, err)
	defer s.Close()
	changes := map[string]string{"meta": "", "one_time_key": "", "fallback_key": "", "key_backup": "", "key_backup_session": ""}
	for i, table := range s.Tables() {
		d := archive.NewDigest(table.Name, table.Columns)
		must(t, s.Rows(context.Background(), table, d.Row))
		_, changed := changes[table.Name]
		if same := d.Table().Equal(manifest.Tables[i]); same == changed {
			t.Errorf("table %s: same is %v", table.Name, same)
		}
	}
	if len(s.Tables()) != len(manifest.Tables) {
		t.Error(len(s.Tables()), "tables of", len(manifest.Tables))
	}
}

// messages lists all events of a room that a user sees, the earliest first.
func messages(u *servertest.User, room string) (ids []string) {
	from := ""
	for {
		var page struct {
			Chunk []struct {
				EventID string `json:"event_id"`
			} `json:"chunk"`
			End string `json:"end"`
		}
		u.Must("GET", fmt.Sprintf("/_matrix/client/v3/rooms/%s/messages?dir=f&limit=500%s", url.PathEscape(room), from), nil, &page)
		for _, e := range page.Chunk {
			ids = append(ids, e.EventID)
		}
		if page.End == "" || len(page.Chunk) == 0 {
			return ids
		}
		from = "&from=" + url.QueryEscape(page.End)
	}
}

func roomID(text string) id.RoomID { return id.RoomID(text) }

func userIDs(list []id.UserID) (texts []string) {
	for _, u := range list {
		texts = append(texts, string(u))
	}
	return texts
}
