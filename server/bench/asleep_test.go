package bench

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"beffroi/server/servertest"
)

// The bounds of what a request that waits may hold. Source: issue 5.
const (
	maxPerPoll = 6 << 10  // above a bare handler of net/http that waits
	maxGrowth  = 40 << 20 // of a thousand, in all
)

// This file's name makes it the first: what other tests leave in the process blurs what is weighed.

// TestWaiting weighs clients that wait for news: everything that the process holds for them, the devices' memory included.
func TestWaiting(t *testing.T) {
	slowly(t)
	n := 200
	if *measure {
		n = 1000
	}
	bare := weighBare(t, n)
	ours := weighSyncs(t, n)
	each := (ours - bare) / int64(n)
	fmt.Printf("%d waiting polls: %.1f KB each above a bare handler's %.1f KB; %.1f MB in all\n", n, float64(each)/1e3,
		float64(bare)/float64(n)/1e3, float64(ours)/1e6)
	if bound := int64(maxPerPoll); *measure && each > bound || each > 4*bound || ours*1000/int64(n) > maxGrowth {
		t.Errorf("a poll holds %d bytes above a bare handler, all of them %d", each, ours)
	}
}

// weighBare gives the bytes that n waiting requests take of a server that does nothing else.
func weighBare(t *testing.T, n int) int64 {
	t.Helper()
	var waiting atomic.Int64
	end := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		waiting.Add(1)
		<-end
	}))
	defer s.Close()
	defer close(end)
	before := held()
	for range n {
		poll(t, s.URL, "/", "none")
	}
	await(t, func() bool { return waiting.Load() == int64(n) })
	return held() - before
}

// weighSyncs gives the bytes that n devices take, from before their first sync until they wait for news.
func weighSyncs(t *testing.T, n int) int64 {
	t.Helper()
	s := servertest.Start(t)
	s.Unchecked(t)
	users := make([]*servertest.User, n+1)
	if _, err := spread(len(users), 8, func(_, i int) error {
		users[i] = s.Register(t, fmt.Sprint("agent", i))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	room := users[n].CreateRoom(map[string]any{"preset": "public_chat"})
	users[n].SendText(room, "bonjour")
	for _, u := range users[:n] {
		u.Join(room)
	}
	first := `/sync?filter={"room":{"timeline":{"limit":1},"state":{"lazy_load_members":true}}}`
	sync := func(u *servertest.User) string {
		var answer struct {
			NextBatch string `json:"next_batch"`
		}
		u.Must("GET", api+first, nil, &answer)
		return answer.NextBatch
	}
	sync(users[n]) // what everybody needs once is there
	before := held()
	for _, u := range users[:n] {
		poll(t, s.URL, api+"/sync?timeout=60000&since="+url.QueryEscape(sync(u)), u.AccessToken)
	}
	await(t, func() bool { return s.Waiting() == n })
	return held() - before
}

// poll sends a request and leaves its answer unread. Nothing on this side runs for it.
func poll(t *testing.T, server, path, token string) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(server, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	request := "GET " + path + " HTTP/1.1\r\nHost: beffroi.test\r\nAuthorization: Bearer " + token + "\r\n\r\n"
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
}

// held is what the process holds, once what is garbage is gone.
func held() int64 {
	for range 8 { // each time stacks shrink by half
		debug.FreeOSMemory()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

func await(t *testing.T, done func() bool) {
	t.Helper()
	for begin := time.Now(); !done(); runtime.Gosched() {
		if time.Since(begin) > time.Minute {
			t.Fatal("not everybody waits")
		}
	}
}
