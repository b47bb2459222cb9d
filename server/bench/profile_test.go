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
