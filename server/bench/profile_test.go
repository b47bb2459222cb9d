package bench

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"testing"

	"beffroi/server/servertest"
)

// These run in one process, for profiles: go test ./server/bench -run '^$' -bench Send -cpuprofile cpu.out

func BenchmarkSend(b *testing.B) {
	w := &world{TB: b, path: filepath.Join(folder(b), "beffroi.db")}
	w.open()
	defer w.close()
	id := w.room(20)
	k := plain()
	content := w.fill(k, id)
	b.ResetTimer()
	for i := range b.N {
		if _, err := w.Send(context.Background(), w.user(1), id, k.eventType, fmt.Sprint(i), content); err != nil {
			b.Fatal(err)
		}
	}
}

// inProcess starts a server in this process with a person in some rooms of 20.
func inProcess(b *testing.B, rooms int) (people []*servertest.User, ids []string) {
	b.Helper()
	s := servertest.Start(b)
	for i := range 20 {
		people = append(people, s.Register(b, fmt.Sprint("agent", i)))
	}
	for range rooms {
		id := people[0].CreateRoom(map[string]any{"preset": "public_chat"})
		for _, u := range people[1:] {
			u.Join(id)
		}
		people[1].SendText(id, "bonjour")
		ids = append(ids, id)
	}
	return people, ids
}

func BenchmarkInitialSync(b *testing.B) {
	people, _ := inProcess(b, 50)
	b.ResetTimer()
	for range b.N {
		people[0].Sync("", "")
	}
}

func BenchmarkMessageAndSync(b *testing.B) {
	people, ids := inProcess(b, 50)
	var since [20]string
	for i, u := range people {
		since[i] = u.Sync("", "").NextBatch
	}
	b.ResetTimer()
	for range b.N {
		people[0].SendText(ids[0], "bonjour")
		for i, u := range people {
			var news struct {
				NextBatch string `json:"next_batch"`
			}
			u.Must("GET", api+"/sync?timeout=30000&since="+url.QueryEscape(since[i]), nil, &news)
			since[i] = news.NextBatch
		}
	}
}

// inThreads gives a room, among 100 plain messages, some threads, edits and reactions.
func inThreads(u *servertest.User, id string) {
	for i := range 10 {
		root := u.SendText(id, "bonjour")
		relate := func(eventType, relType string, key any) {
			u.Send(id, eventType, map[string]any{"msgtype": "m.text", "body": "réponse", "m.new_content": map[string]any{"body": "réponse"},
				"m.relates_to": map[string]any{"rel_type": relType, "event_id": root, "key": key}})
		}
		for n := range 5 {
			relate("m.room.message", "m.thread", nil)
			relate("m.reaction", "m.annotation", fmt.Sprint(i, n))
		}
		relate("m.room.message", "m.replace", nil)
	}
}

func BenchmarkMessages(b *testing.B) {
	for _, related := range []bool{false, true} {
		b.Run(fmt.Sprint("related=", related), func(b *testing.B) {
			people, ids := inProcess(b, 1)
			for range 150 {
				people[1].SendText(ids[0], "bonjour")
			}
			if related {
				inThreads(people[1], ids[0])
			}
			b.ResetTimer()
			for range b.N {
				people[0].Must("GET", roomPath(ids[0], "/messages?dir=b&limit=100"), nil, nil)
			}
		})
	}
}
