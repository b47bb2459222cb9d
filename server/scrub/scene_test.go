package scrub_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"beffroi/server/config"
	"beffroi/server/scrub"
	"beffroi/server/servertest"
	"beffroi/server/store"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if scene.dir != "" {
		_ = os.RemoveAll(scene.dir)
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

type object = map[string]any

// scene is the data folder of a town hall that has used everything, made once.
var scene struct {
	once sync.Once
	dir  string
	room string // its id
	last string // the id of its last message
}

// used gives a copy of the data folder.
func used(t *testing.T) (dir string) {
	t.Helper()
	scene.once.Do(func() {
		var err error
		if scene.dir, err = os.MkdirTemp("", "scrub"); err != nil {
			t.Fatal(err)
		}
		if !t.Run("use", use) {
			t.Fatal("no scene")
		}
	})
	dir = t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(scene.dir)); err != nil {
		t.Fatal(err)
	}
	return dir
}

const v3 = "/_matrix/client/v3"

func use(t *testing.T) {
	s := servertest.Start(t, func(c *config.Config) { c.DataDir = scene.dir })
	claire, karim := s.Register(t, "claire"), s.Register(t, "karim")
	scene.room = claire.CreateRoom(object{"name": "Conseil municipal", "preset": "public_chat", "topic": "Les délibérations"})
	karim.Join(scene.room)
	inRoom := v3 + "/rooms/" + scene.room
	for i := range 150 {
		scene.last = claire.SendText(scene.room, fmt.Sprint("délibération ", i, strings.Repeat(" et la suite", i%40)))
		if i%10 == 0 {
			claire.Must("PUT", fmt.Sprint(inRoom, "/redact/", scene.last, "/r", i), object{"reason": "erreur"}, nil)
		}
		if i%15 == 0 {
			claire.Must("PUT", inRoom+"/state/m.room.topic", object{"topic": fmt.Sprint("sujet ", i)}, nil)
			karim.Must("POST", inRoom+"/receipt/m.read/"+scene.last, object{}, nil)
		}
		if i%30 == 0 {
			karim.Send(scene.room, "m.room.message", object{"msgtype": "m.text", "body": "réponse",
				"m.relates_to": object{"rel_type": "m.thread", "event_id": scene.last}})
		}
	}
	for i := range 12 {
		claire.CreateRoom(object{"name": fmt.Sprint("Commission ", i)})
	}
	karim.Must("POST", inRoom+"/leave", object{}, nil)
	karim.Join(scene.room)
	keep(t, claire, karim)
}

// keep uses what is no room.
func keep(t *testing.T, claire, karim *servertest.User) {
	for i := range 20 {
		claire.Must("POST", "/_matrix/media/v3/upload?filename="+fmt.Sprint("plan", i, ".txt"), []byte(strings.Repeat(fmt.Sprint(i), 3000)), nil)
		claire.Must("PUT", v3+"/user/"+claire.UserID+"/account_data/fr.mairie."+fmt.Sprint(i), object{"a": strings.Repeat("b", 30*i)}, nil)
		claire.Must("PUT", fmt.Sprint(v3, "/sendToDevice/fr.mairie.note/", i), object{"messages": object{karim.UserID: object{"*": object{"n": i}}}}, nil)
	}
	var backup struct{ Version string }
	claire.Must("POST", v3+"/room_keys/version", object{"algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "auth_data": object{"public_key": "abc"}}, &backup)
	sessions := object{}
	for i := range 60 {
		sessions[fmt.Sprint("session", i)] = object{"first_message_index": i, "forwarded_count": 0, "is_verified": true,
			"session_data": object{"ciphertext": strings.Repeat("c", 200)}}
	}
	claire.Must("PUT", v3+"/room_keys/keys?version="+backup.Version, object{"rooms": object{scene.room: object{"sessions": sessions}}}, nil)
	claire.Must("PUT", v3+"/profile/"+claire.UserID+"/displayname", object{"displayname": "Claire Fontaine"}, nil)
}

// look scrubs a data folder.
func look(t testing.TB, dir string) scrub.Report {
	t.Helper()
	report, err := scrub.Run(context.Background(), scrub.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// sentences are what a report says to people.
func sentences(r scrub.Report) string {
	var text strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintln(&text, f.Kind, f.Table, f.Sentence(), f.EventIDs, f.Details)
	}
	return text.String()
}

func zerologNop() zerolog.Logger { return zerolog.Nop() }

func file(dir string) string { return filepath.Join(dir, store.FileName) }

// query reads one value of a database.
func query[T any](t testing.TB, dir, sql string, args ...any) (v T) {
	t.Helper()
	use1(t, dir, func(db *sqlDB) {
		if err := db.QueryRow(sql, args...).Scan(&v); err != nil {
			t.Fatal(sql, err)
		}
	})
	return v
}

// change changes a database behind the server's back.
func change(t testing.TB, dir, sql string, args ...any) {
	t.Helper()
	use1(t, dir, func(db *sqlDB) {
		if _, err := db.Exec(sql, args...); err != nil {
			t.Fatal(sql, err)
		}
	})
}

type sqlDB = sql.DB

func use1(t testing.TB, dir string, fn func(*sqlDB)) {
	t.Helper()
	db, err := sql.Open("sqlite", file(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	fn(db)
}

// patch changes bytes of the database's file.
func patch(t testing.TB, dir string, fn func(b []byte)) {
	t.Helper()
	b, err := os.ReadFile(file(dir))
	if err != nil {
		t.Fatal(err)
	}
	old := bytes.Clone(b)
	fn(b)
	f, err := os.OpenFile(file(dir), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i := range b { // what is the same is left alone: a server may be writing
		if b[i] != old[i] {
			if _, err := f.WriteAt(b[i:i+1], int64(i)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func run(dir string) (scrub.Report, error) {
	return scrub.Run(context.Background(), scrub.Config{DataDir: dir})
}

// structural tells what SQLite finds itself.
func structural(f scrub.Finding) bool {
	return f.Kind == scrub.Structure || f.Kind == scrub.Unreadable
}
