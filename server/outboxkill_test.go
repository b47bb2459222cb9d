package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"beffroi/server/servertest"
)

// taker is a peer that notes which messages come, in their order, each once, whatever is sent again.
type taker struct {
	mu    sync.Mutex
	seen  map[string]bool
	texts []string
	again int // how much came twice
}

func (k *taker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body struct {
		PDUs []json.RawMessage `json:"pdus"`
	}
	if json.NewDecoder(r.Body).Decode(&body) != nil {
		w.WriteHeader(http.StatusBadRequest) // it was killed while it sent
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, raw := range body.PDUs {
		var e struct{ Content struct{ Body string } }
		if json.Unmarshal(raw, &e) != nil || e.Content.Body == "" {
			continue
		}
		if k.seen[string(raw)] {
			k.again++
			continue
		}
		k.seen[string(raw)] = true
		k.texts = append(k.texts, e.Content.Body)
	}
	_, _ = w.Write([]byte(`{"pdus":{}}`))
}

func (k *taker) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.texts)
}

// A server that is killed while it sends loses nothing that it acknowledged, and keeps the order.
func TestNothingIsLostWhereAServerIsKilled(t *testing.T) {
	n := servertest.NewNetwork(t)
	peer := n.Peer().Reside("12")
	k := &taker{seen: map[string]bool{}}
	peer.Mux.Handle("PUT /_matrix/federation/v1/send/{txnId}", k)
	home := n.StartProcess(servertest.Build(t))
	alice := home.Register(t, "alice")
	alice.Must(http.MethodPost, joinBy(peer.Room.ID, peer.Name), object{}, nil)
	const rounds, each = 4, 40
	for round := range rounds {
		for i := range each {
			alice.SendText(peer.Room.ID, fmt.Sprint(round*each+i))
		}
		home.Kill()
		home.Start()
	}
	for until := time.Now().Add(time.Minute); k.count() < rounds*each && time.Now().Before(until); {
		alice.Sync("", "") // as long as it works
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.texts) != rounds*each {
		t.Errorf("%d came, %d were sent", len(k.texts), rounds*each)
	}
	for i, text := range k.texts {
		if text != fmt.Sprint(i) {
			t.Fatalf("%s came in the place of %d", text, i)
		}
	}
	t.Logf("%d came twice, after %d kills", k.again, rounds)
}
