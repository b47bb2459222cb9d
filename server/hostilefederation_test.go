package server_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"beffroi/server/pdu"
	"beffroi/server/servertest"
)

// hostile is a server that attacks another one, in whose public room it has a member.
type hostile struct {
	*servertest.Peer
	t      *testing.T
	on     *servertest.Server
	room   *servertest.PeerRoom
	bob    string
	victim *servertest.Peer // a third server, for which it passes itself off
	liar   *servertest.Peer // says that the victim's keys are its own

	mu    sync.Mutex
	tally map[string]int // answers, by attack and status
}

func (h *hostile) note(attack string, status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tally[fmt.Sprintf("%s %d", attack, status)]++
}

// repeat makes an attack by so many at a time until the time is over.
func (h *hostile) repeat(ctx context.Context, all *sync.WaitGroup, many int, attack func()) {
	for range many {
		all.Go(func() {
			for ctx.Err() == nil {
				attack()
				select {
				case <-time.After(20 * time.Millisecond): // the attacker's own work is on this machine, too
				case <-ctx.Done():
				}
			}
		})
	}
}

// send makes a signed transaction of a body that need not be one.
func (h *hostile) send(attack string, body []byte) {
	h.signed(attack, h.Peer, "/_matrix/federation/v1/send/"+attack, body)
}

func (h *hostile) signed(attack string, by *servertest.Peer, uri string, body []byte) {
	key := by.Own.Signer() // signs what no server would
	text := fmt.Sprintf(`{"content":%s,"destination":%q,"method":"PUT","origin":%q,"uri":%q}`, body, h.on.ServerName, by.Name, uri)
	header := fmt.Sprintf(`X-Matrix origin=%q,destination=%q,key=%q,sig=%q`, by.Name, h.on.ServerName, key.KeyID, pdu.EncodeBase64(ed25519.Sign(key.Key, []byte(text))))
	status, _ := h.Send(h.on, "PUT", uri, body, header)
	h.note(attack, status)
}

// wire writes a request by hand, and what comes after its head until the server has enough or the time is over.
func (h *hostile) wire(ctx context.Context, attack, head string, body io.Reader) {
	conn := h.Wire(h.on)
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if _, err := io.WriteString(conn, head); err != nil {
		return
	}
	n, err := io.Copy(conn, body)
	if err != nil && ctx.Err() == nil {
		h.note(fmt.Sprintf("%s, cut off within %d MiB", attack, n>>20+1), 0)
	}
}

// withoutEnd is a body without an end.
type withoutEnd struct{ piece string }

func (e withoutEnd) Read(b []byte) (n int, err error) {
	for n < len(b) {
		n += copy(b[n:], e.piece)
	}
	return n, nil
}

// slow is a body of which nothing comes any more.
type slow struct{ ctx context.Context }

func (s slow) Read([]byte) (int, error) {
	<-s.ctx.Done()
	return 0, io.EOF
}

// answerWithoutEnd lets the server's questions for what is missing never come to an end.
func (h *hostile) answerWithoutEnd() {
	endlessly := func(begin, piece string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, begin)
			_, _ = io.Copy(w, withoutEnd{piece})
		}
	}
	h.Mux.HandleFunc("POST /_matrix/federation/v1/get_missing_events/", endlessly(`{"events":[`, `{"type":"m.room.message"},`))
	h.Mux.HandleFunc("GET /_matrix/federation/v1/state_ids/", endlessly(`{"auth_chain_ids":[],"pdu_ids":[`, `"$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",`))
	var bomb bytes.Buffer
	zip := gzip.NewWriter(&bomb)
	for range 256 {
		_, _ = zip.Write(bytes.Repeat([]byte(" "), 1<<20))
	}
	_ = zip.Close()
	h.Mux.HandleFunc("GET /_matrix/federation/v1/event_auth/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb.Bytes())
	})
}

// unknown is an event that follows others, or is allowed by others, that nobody has.
func (h *hostile) unknown(n int, auth bool) *pdu.Event {
	b := h.room.Fork()
	missing := "$" + pdu.EncodeBase64(fmt.Appendf(nil, "%32d", n))
	missing = strings.NewReplacer("+", "-", "/", "_").Replace(missing)
	if auth {
		for key := range b.State {
			if key.Type == "m.room.power_levels" {
				b.State[key] = missing
			}
		}
	} else {
		b.Tips = []string{missing}
	}
	return b.Build("m.room.message", nil, h.bob, map[string]string{"body": "forged"})
}

// forgeries are events that the server may not take for what they say.
func (h *hostile) forgeries(alice string) (all []json.RawMessage) {
	for _, sender := range []string{alice, "@carol:" + h.victim.Name, "@carol:" + h.liar.Name} { // with the key of h, in the name of the sender's server and in its own
		e := h.room.Build("m.room.message", nil, sender, map[string]string{"body": "forged"})
		all = append(all, e.JSON(), bytes.ReplaceAll(e.JSON(), []byte(`"signatures":{"`+pdu.ServerOf(sender)), []byte(`"signatures":{"`+h.Name)))
	}
	honest := h.room.Build("m.room.message", nil, h.bob, map[string]string{"body": "honest"}).JSON()
	return append(all, bytes.Replace(honest, []byte(`"depth":`), []byte(`"depth":1`), 1), bytes.Replace(honest, []byte(`"sender":"@bob`), []byte(`"sender":"@eve`), 1))
}

func (h *hostile) transaction(pdus, edus []json.RawMessage) []byte {
	edus = append([]json.RawMessage{}, edus...)
	body, err := json.Marshal(map[string]any{"origin": h.Name, "origin_server_ts": 1, "pdus": pdus, "edus": edus})
	if err != nil {
		h.t.Error(err)
	}
	return body
}

// attack makes all attacks at once until ctx ends.
func (h *hostile) attack(ctx context.Context, alice string) {
	var all sync.WaitGroup
	defer all.Wait()
	deep := []byte(`{"origin":"` + h.Name + `","origin_server_ts":1,"pdus":[` + strings.Repeat("[", 2<<20) + strings.Repeat("]", 2<<20) + `]}`)
	many := h.transaction(slices.Repeat([]json.RawMessage{json.RawMessage(`{"room_id":"` + h.room.ID + `"}`)}, 10_000), nil)
	forged := h.transaction(h.forgeries(alice), slices.Repeat([]json.RawMessage{json.RawMessage(`{"edu_type":"m.typing","content":{"room_id":"` + h.room.ID + `","user_id":"` + alice + `","typing":true}}`)}, 90))
	uri := "/_matrix/federation/v1/send/"
	head := "PUT " + uri + "x HTTP/1.1\r\nHost: x\r\nAuthorization: X-Matrix origin=\"" + h.Name + "\",key=\"" + h.Own.Signer().KeyID + "\",sig=\"" + pdu.EncodeBase64(make([]byte, 64)) + "\"\r\n"
	h.repeat(ctx, &all, 2, func() {
		h.wire(ctx, "endless body", head+"Transfer-Encoding: chunked\r\n\r\n", withoutEnd{"10\r\n0123456789abcdef\r\n"})
	})
	h.repeat(ctx, &all, 50, func() {
		h.wire(ctx, "slow body", head+"Content-Length: 9000000\r\n\r\n", io.MultiReader(io.LimitReader(withoutEnd{"x"}, 32<<10), slow{ctx}))
	})
	h.repeat(ctx, &all, 50, func() { h.wire(ctx, "slow headers", "PUT "+uri+"x HTTP/1.1\r\nHost: ", slow{ctx}) })
	h.repeat(ctx, &all, 1, func() { h.send("deep", deep) })
	h.repeat(ctx, &all, 1, func() { h.send("many", many) })
	h.repeat(ctx, &all, 1, func() { h.send("forged", forged) })
	h.repeat(ctx, &all, 1, func() {
		h.signed("liar", h.liar, uri+"liar", []byte(`{"origin":"`+h.liar.Name+`","origin_server_ts":1,"pdus":[]}`))
	})
	h.repeat(ctx, &all, 1, func() {
		header, _ := h.Own.Authorization("PUT", uri+"victim", h.on.ServerName, []byte(`{}`))
		status, _ := h.Send(h.on, "PUT", uri+"victim", []byte(`{}`), strings.ReplaceAll(header, h.Name, h.victim.Name))
		h.note("another's name", status)
	})
	n := 0
	h.repeat(ctx, &all, 1, func() {
		var events []json.RawMessage
		for range 25 {
			n++
			events = append(events, h.unknown(n, false).JSON(), h.unknown(n, true).JSON())
		}
		h.send("missing", h.transaction(events, nil))
	})
}

// sends measures how long it takes to send a message, one after another until ctx ends. They take turns, since nobody may send so many alone.
func sends(ctx context.Context, users []*servertest.User, roomID string) (times []time.Duration) {
	for i := 0; ctx.Err() == nil; i++ {
		begin := time.Now()
		users[i%len(users)].SendText(roomID, "Bonjour")
		times = append(times, time.Since(begin))
		select {
		case <-time.After(5 * time.Millisecond): // a client's pace, not a wait for anything
		case <-ctx.Done():
		}
	}
	slices.Sort(times)
	return times
}

func quantile(times []time.Duration, q float64) time.Duration {
	return times[min(len(times)-1, int(float64(len(times))*q))].Round(10 * time.Microsecond)
}

// One hostile server harms only itself: SECURITY.md, promise 4. CVE-2024-52805, CVE-2024-37302 (memory and amplification), CVE-2024-31208 and CVE-2023-45129 (unbounded
// work), CVE-2018-10657 (malformed values).
func TestAHostileServer(t *testing.T) {
	n := servertest.NewNetwork(t)
	s := n.Start("")
	alice := s.Register(t, "alice")
	h := &hostile{Peer: n.Peer(), t: t, on: s, victim: n.Peer(), liar: n.Peer(), tally: map[string]int{}}
	h.room = h.Room(s, alice.CreateRoom(map[string]any{"preset": "public_chat"}))
	h.bob = h.room.Join("bob")
	quiet := alice.CreateRoom(map[string]any{"preset": "public_chat"})
	users := []*servertest.User{alice}
	for i := range 20 {
		users = append(users, s.Register(t, fmt.Sprint("user", i)))
		users[i+1].Join(quiet)
	}
	h.liar.Document = h.victim.Own.Document
	h.answerWithoutEnd()
	child := n.Process(servertest.Build(t), s)

	measure := func(d time.Duration, beside func(ctx context.Context)) ([]time.Duration, int64) {
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		var all sync.WaitGroup
		child.Forget()
		all.Go(func() { beside(ctx) })
		times := sends(ctx, users, quiet)
		all.Wait()
		_, most := child.Resident()
		return times, most
	}
	measure(time.Second, func(context.Context) {}) // warm
	before, usual := measure(3*time.Second, func(context.Context) {})
	during, most := measure(8*time.Second, func(ctx context.Context) { h.attack(ctx, alice.UserID) })
	t.Logf("sending, alone: p50 %v, p95 %v of %d; attacked: p50 %v, p95 %v of %d", quantile(before, .5), quantile(before, .95), len(before), quantile(during, .5), quantile(during, .95), len(during))
	t.Logf("resident: %.1f MB at most before, %.1f MB under attack: %.1f more", mb(usual), mb(most), mb(most-usual))
	for what, count := range h.tally {
		t.Logf("%6d × %s", count, what)
	}
	if most-usual > 50_000_000 { // what is in use grows by less than half of that: Go's collector lets it double
		t.Errorf("resident memory grew by %.1f MB", mb(most-usual))
	}
	if usual, attacked := quantile(before, .95), quantile(during, .95); attacked > 2*usual+20*time.Millisecond { // other work on this machine comes and goes
		t.Errorf("p95 of others went from %v to %v", usual, attacked)
	}
	h.refused(alice)
}

// refused looks for anything that the attacks brought.
func (h *hostile) refused(alice *servertest.User) {
	h.t.Helper()
	for what := range h.tally {
		name, status, _ := strings.Cut(what, " ")
		if want := map[string]string{"liar": "401", "another's": "name 401", "many": "400", "deep": "200"}[name]; want != "" && status != want && status != "429" {
			h.t.Errorf("%s", what)
		}
	}
	for _, e := range alice.Sync("", "").Rooms.Join {
		for _, event := range e.Timeline.Events {
			if strings.Contains(string(event.Content.VeryRaw), "forged") {
				h.t.Errorf("a forgery was taken: %s %s", event.Sender, event.Content.VeryRaw)
			}
		}
		if len(e.Ephemeral.Events) > 0 {
			h.t.Errorf("%v", e.Ephemeral.Events)
		}
	}
}

func mb(n int64) float64 { return float64(n) / 1e6 }
