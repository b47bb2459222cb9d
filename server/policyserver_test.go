package server_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"beffroi/server/pdu"
	"beffroi/server/servertest"
)

// censor is a policy server: it signs what does not speak of spam.
type censor struct {
	*servertest.Peer
	key ed25519.PrivateKey

	mu    sync.Mutex
	asked int
	mute  bool // it gives no signature
}

func newCensor(t *testing.T, n *servertest.Network, rules pdu.Rules) *censor {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &censor{Peer: n.Peer(), key: key}
	c.Mux.HandleFunc("POST /_matrix/policy/v1/sign", func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.asked++
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if strings.Contains(string(body), "spam") {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"errcode":"M_FORBIDDEN","error":"on dirait de la publicité"}`))
			return
		}
		rc, err := pdu.Receive(rules, body)
		if err != nil || c.mute || rc.Is("m.room.policy", "") {
			_, _ = w.Write([]byte(`{}`))
			return
		}
		signed, err := rc.Sign(pdu.Signer{ServerName: c.Name, KeyID: "ed25519:policy_server", Key: c.key})
		if err != nil {
			t.Error(err)
			return
		}
		signature, _ := pdu.StoredObject(signed.JSON()).Object("signatures").Object(c.Name).Text("ed25519:policy_server")
		_ = json.NewEncoder(w).Encode(map[string]map[string]string{c.Name: {"ed25519:policy_server": signature}})
	})
	return c
}

func (c *censor) times() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked
}

func (c *censor) policy() map[string]any {
	return map[string]any{"via": c.Name, "public_keys": map[string]string{"ed25519": pdu.EncodeBase64(c.key.Public().(ed25519.PublicKey))}}
}

func statePath(roomID, eventType, key string) string {
	return clientV3 + "/rooms/" + url.PathEscape(roomID) + "/state/" + eventType + "/" + url.PathEscape(key)
}

func TestPolicyServersAreAsked(t *testing.T) {
	n := servertest.NewNetwork(t)
	s := n.Start("")
	rules, _ := pdu.RulesFor("12")
	c := newCensor(t, n, rules)
	alice := s.Register(t, "alice")
	roomID := alice.CreateRoom(map[string]any{"preset": "public_chat", "room_version": "12"})
	send := func(txn, text string) (eventID string, status int, failure string) {
		var answer struct {
			EventID string `json:"event_id"`
			Error   string
		}
		status = alice.Do("PUT", clientV3+"/rooms/"+url.PathEscape(roomID)+"/send/m.room.message/"+txn, map[string]any{"msgtype": "m.text", "body": text}, &answer)
		return answer.EventID, status, answer.Error
	}
	alice.Must("PUT", statePath(roomID, "m.room.policy", ""), c.policy(), nil)
	if send("1", "bonjour"); c.times() != 0 {
		t.Error("a policy server that is not in the room was asked")
	}
	join, _ := c.Enter(s, "join", roomID, c.User("garde"))
	event, status, _ := send("2", "bonsoir")
	again, _, _ := send("2", "bonsoir")
	if status != http.StatusOK || event == "" || event != again || c.times() != 1 {
		t.Errorf("%d, %s and %s, asked %d times", status, event, again, c.times())
	}
	_, raw := c.Do(s, "GET", fed+"event/"+url.PathEscape(event), nil)
	if !strings.Contains(string(raw), "ed25519:policy_server") || !strings.Contains(string(raw), join.ID()) {
		t.Errorf("%s", raw)
	}
	if _, status, text := send("3", "du spam"); status != http.StatusBadRequest || !strings.Contains(text, "publicité") {
		t.Errorf("%d %s", status, text)
	}
	alice.Must("PUT", statePath(roomID, "m.room.topic", ""), map[string]any{"topic": "Ordre du jour"}, nil)
	alice.MustFail(400, "M_FORBIDDEN", "PUT", statePath(roomID, "m.room.topic", ""), map[string]any{"topic": "spam"})
	c.mu.Lock()
	c.mute = true
	c.mu.Unlock()
	if _, status, _ := send("4", "personne ne signe"); status != http.StatusBadGateway {
		t.Errorf("without a signature: %d", status)
	}
	asked := c.times()
	alice.Must("PUT", statePath(roomID, "m.room.policy", ""), map[string]any{}, nil)
	if _, status, _ := send("5", "plus personne"); status != http.StatusOK || c.times() != asked {
		t.Errorf("without a policy server: %d, asked %d times", status, c.times()-asked)
	}
	if status, answer := c.Do(s, "POST", "/_matrix/policy/v1/sign", json.RawMessage(join.JSON())); status != http.StatusNotFound || !strings.Contains(string(answer), "M_UNRECOGNIZED") {
		t.Errorf("this server as a policy server: %d %s", status, answer)
	}
}

// says makes a message of a peer's user who is in a room of ours.
func says(p *servertest.Peer, to *servertest.Server, roomID, userID, text string) *pdu.Event {
	rules, proto := p.Template(to, "leave", roomID, userID)
	proto.Type, proto.StateKey = "m.room.message", nil
	proto.Content, _ = json.Marshal(map[string]string{"msgtype": "m.text", "body": text})
	return p.Build(rules, proto)
}

func TestWhatPolicyServersDoNotRecommendIsNotShown(t *testing.T) {
	n := servertest.NewNetwork(t)
	s, p := n.Start(""), n.Peer()
	rules, _ := pdu.RulesFor("10")
	c := newCensor(t, n, rules)
	alice := s.Register(t, "alice")
	roomID := alice.CreateRoom(map[string]any{"preset": "public_chat", "room_version": "10"})
	carol := p.User("carol")
	c.Enter(s, "join", roomID, c.User("garde"))
	p.Enter(s, "join", roomID, carol)
	alice.Must("PUT", statePath(roomID, "m.room.policy", ""), c.policy(), nil)
	shown := func(e *pdu.Event) int {
		return alice.Do("GET", clientV3+"/rooms/"+url.PathEscape(roomID)+"/event/"+url.PathEscape(e.ID()), nil, nil)
	}
	for i, c := range []struct {
		text   string
		status int
	}{{"bonjour", 200}, {"du spam", 404}, {"au revoir", 200}} {
		e := says(p, s, roomID, carol, c.text)
		status, answer := p.Do(s, "PUT", fed+"send/"+string(rune('a'+i)), map[string]any{"origin": p.Name, "origin_server_ts": e.OriginServerTS(), "pdus": []json.RawMessage{e.JSON()}})
		if status != http.StatusOK || shown(e) != c.status {
			t.Errorf("%s: %d %s, shown %d", c.text, status, answer, shown(e))
		}
	}
	if c.times() < 3 {
		t.Errorf("asked %d times", c.times())
	}
	// Who joins with words that it refuses is refused.
	rules, proto := p.Template(s, "join", roomID, p.User("dora"))
	proto.Content = json.RawMessage(`{"membership":"join","displayname":"spam"}`)
	if status, answer := p.SendMember(s, "join", p.Build(rules, proto)); status != http.StatusForbidden {
		t.Errorf("%d %s", status, answer)
	}
}
