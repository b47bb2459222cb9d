package scrub_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"beffroi/server/config"
	"beffroi/server/scrub"
	"beffroi/server/servertest"
	"beffroi/server/store"
)

// again starts a server on a data folder that was used.
func again(t *testing.T, dir string) *servertest.Server {
	t.Helper()
	name := query[string](t, dir, `SELECT value FROM meta WHERE name = 'server_name'`)
	return servertest.Start(t, func(c *config.Config) { c.DataDir, c.ServerName = dir, name })
}

// A server with a spoiled page answers everything that does not lie on it, however often somebody asks for what does.
func TestAServerWithASpoiledPageAnswersTheRest(t *testing.T) {
	dir := used(t)
	list := pages(t, dir, "event", "leaf")
	s := again(t, dir)
	spoil(t, dir, list[len(list)/2], false) // under the server: at a start the whole of a small file is looked at
	claire := s.Login(t, "claire")
	messages := func(room string) int {
		return claire.Do("GET", v3+"/rooms/"+url.PathEscape(room)+"/messages?dir=b&limit=1000", nil, nil)
	}
	other := claire.CreateRoom(object{"name": "Autre"})
	for range 20 {
		if status := messages(scene.room); status != 500 {
			t.Fatalf("the room with the spoiled page: %d", status)
		}
		claire.SendText(other, "tout va bien")
		if status := messages(other); status != 200 {
			t.Fatalf("another room: %d", status)
		}
	}
	claire.SendText(scene.room, "la suite")
	f := found(t, look(t, dir), scrub.EventUnreadable, "event")
	says(t, f, "Conseil municipal")
}

// Beside a server in use nothing is found that isn't there.
func TestBesideAServerInUse(t *testing.T) {
	dir := used(t)
	s := again(t, dir)
	claire := s.Login(t, "claire")
	stop, ended := make(chan struct{}), sync.WaitGroup{}
	for range 2 {
		ended.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				id := claire.SendText(scene.room, fmt.Sprint("message ", i))
				claire.Must("POST", v3+"/rooms/"+scene.room+"/receipt/m.read/"+id, object{}, nil)
				claire.Must("PUT", v3+"/rooms/"+scene.room+"/state/m.room.topic", object{"topic": id}, nil)
				claire.Must("PUT", v3+"/rooms/"+scene.room+"/redact/"+id+"/r"+id[1:], object{}, nil)
			}
		})
	}
	for range 5 {
		if r := look(t, dir); len(r.Findings) > 0 {
			t.Error(sentences(r))
		}
	}
	close(stop)
	ended.Wait()
}

// A kill leaves nothing to find, before the server runs again and after it.
func TestAfterAKill(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the binary")
	}
	p := servertest.StartProcess(t, servertest.Build(t))
	claire := p.Register(t, "claire")
	room := claire.CreateRoom(object{"name": "Conseil"})
	for kill := range 4 {
		for i := range 40 {
			claire.SendText(room, fmt.Sprint("message ", i))
		}
		p.Kill()
		if r := look(t, p.DataDir); len(r.Findings) > 0 {
			t.Errorf("kill %d: %s", kill, sentences(r))
		}
		p.Start()
	}
	if r := look(t, p.DataDir); len(r.Findings) > 0 {
		t.Error(sentences(r))
	}
}

// The end of the log is lost: the scrub tells, before any server starts, and the server that starts tells and goes on.
func TestALostEndIsTold(t *testing.T) {
	dir := used(t)
	before := query[int64](t, dir, `SELECT count(*) FROM event`)
	change(t, dir, `DELETE FROM event WHERE nid > (SELECT nid FROM event ORDER BY nid DESC LIMIT 1 OFFSET 7)`)
	f := found(t, look(t, dir), scrub.Missing, "")
	says(t, f, "Environ 7 messages acceptés entre le ", "manquent")
	if f.Count != 7 || before < 100 {
		t.Errorf("%+v", f)
	}
	db, err := store.Open(context.Background(), file(dir), zerologNop())
	if err != nil {
		t.Fatal(err)
	}
	missing, lacks := db.Missing()
	if err := db.Close(); err != nil || !lacks || missing.Events != 7 {
		t.Error(missing, lacks, err)
	}
	for _, f := range look(t, dir).Findings {
		if f.Kind == scrub.Missing {
			t.Error("told again after the server took note: ", f.Sentence())
		}
	}
}

// What is damaged is asked of other servers, where somebody can be asked.
func TestDamagedEventsAreFetched(t *testing.T) {
	dir := used(t)
	change(t, dir, `UPDATE event SET json = x'7b7d' WHERE nid IN (SELECT nid FROM event WHERE state_key IS NULL ORDER BY nid DESC LIMIT 3)`)
	var asked []string
	r, err := scrub.Run(context.Background(), scrub.Config{DataDir: dir, Fetch: func(_ context.Context, roomID, eventID string) error {
		asked = append(asked, roomID+" "+eventID)
		if len(asked) == 2 {
			return errors.New("nobody has it")
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	f := found(t, r, scrub.EventAltered, "event")
	says(t, f, "3 messages", "redonné 2")
	if len(asked) != 3 || !strings.HasPrefix(asked[0], f.RoomID+" $") {
		t.Error(asked)
	}
}

func TestWhatIsNoDatabaseOfOurs(t *testing.T) {
	for name, b := range map[string]string{"no file": "", "a text": strings.Repeat("ceci n'est pas une base ", 100)} {
		dir := t.TempDir()
		if b != "" {
			if err := os.WriteFile(filepath.Join(dir, store.FileName), []byte(b), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		r, err := run(dir)
		if b == "" && !errors.Is(err, scrub.ErrUnusable) || b != "" && (err != nil || r.Findings[0].Kind != scrub.Unreadable) {
			t.Errorf("%s: %+v %v", name, r, err)
		}
	}
}
