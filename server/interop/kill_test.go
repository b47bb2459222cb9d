package interop

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"maunium.net/go/mautrix/id"

	"beffroi/server/servertest"
)

const clientAPI = "/_matrix/client/v3"

// A sender sends numbered messages into one room, each under a transaction id of its own, and remembers what was acknowledged.
type sender struct {
	t    *testing.T
	http *http.Client
	user *servertest.User
	room string // the URL of its /send/m.room.message
	sent []transaction
}

// A transaction is a message and, once it was acknowledged, its event.
type transaction struct {
	text  string // the body and the transaction id
	event string
}

// Fifty times the server is killed in the middle of the sends of four clients, and started again on what it left. What it
// has acknowledged is there, once and in order; what it has not can be sent again, and is there once as well; one who syncs
// on misses nothing and sees nothing twice.
func TestNothingAcknowledgedIsLostByKill(t *testing.T) {
	const kills, clients = 50, 4
	server := servertest.StartProcess(t, servertest.Build(t))
	reader := server.Register(t, "reader")
	room := reader.CreateRoom(map[string]any{"preset": "public_chat"})
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	t.Cleanup(transport.CloseIdleConnections)
	senders := make([]*sender, clients)
	for i := range senders {
		user := server.Register(t, fmt.Sprint("sender", i))
		user.Join(room)
		path := server.URL + clientAPI + "/rooms/" + url.PathEscape(room) + "/send/m.room.message/"
		senders[i] = &sender{t: t, http: &http.Client{Transport: transport}, user: user, room: path}
	}
	since := reader.Sync("", "").NextBatch
	var synced []string
	for range kills {
		killDuringSends(server, senders)
		transport.CloseIdleConnections()
		server.Start()
		for _, s := range senders {
			s.retry()
		}
		since = readOn(t, reader, room, since, &synced)
	}
	paged := page(t, reader, room)
	checkAllOnce(t, "sync", synced, senders)
	checkAllOnce(t, "messages", paged, senders)
	if strings.Join(paged, "\n") != strings.Join(synced, "\n") {
		t.Error("sync and /messages tell different orders")
	}
	for _, s := range senders {
		s.fetchAll(room)
	}
	t.Logf("%d events after %d kills", len(paged), kills)
}

// killDuringSends has all send at full speed, and kills the server after a random number of answers.
func killDuringSends(server *servertest.Process, senders []*sender) {
	var answers atomic.Int32
	enough := 1 + rand.Int32N(40)
	var running sync.WaitGroup
	for _, s := range senders {
		running.Go(func() {
			for s.next() {
				if answers.Add(1) == enough {
					server.Kill()
				}
			}
		})
	}
	running.Wait()
	server.Kill() // when senders gave up for another reason, which they have told
}

// next sends one more message and tells whether it was acknowledged.
func (s *sender) next() bool {
	text := fmt.Sprintf("%s-%d", s.user.Localpart, len(s.sent))
	s.sent = append(s.sent, transaction{text: text})
	event, err := s.put(text)
	if err != nil {
		return false // killed
	}
	s.sent[len(s.sent)-1].event = event
	return event != ""
}

// retry sends again what was not acknowledged, and what was acknowledged last: that must give the same event.
func (s *sender) retry() {
	s.t.Helper()
	for i := max(0, len(s.sent)-2); i < len(s.sent); i++ {
		transaction := &s.sent[i]
		event, err := s.put(transaction.text)
		switch {
		case err != nil || event == "":
			s.t.Errorf("%s, sent again after the crash: %v", transaction.text, err)
		case transaction.event == "":
			transaction.event = event
		case transaction.event != event:
			s.t.Errorf("%s is %s, after the crash it is %s", transaction.text, transaction.event, event)
		}
	}
}

// put gives the event's id, or an error when the server is gone. Another answer than 200 fails the test.
func (s *sender) put(text string) (string, error) {
	body := strings.NewReader(fmt.Sprintf(`{"msgtype":"m.text","body":%q}`, text))
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPut, s.room+text, body)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+s.user.AccessToken)
	resp, err := s.http.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	var sent struct {
		EventID string `json:"event_id"`
	}
	if err := json.Unmarshal(answer, &sent); err != nil || resp.StatusCode != http.StatusOK || sent.EventID == "" {
		s.t.Errorf("%s: %d %s", text, resp.StatusCode, answer)
	}
	return sent.EventID, nil
}

// fetchAll has each event answered for by itself.
func (s *sender) fetchAll(room string) {
	s.t.Helper()
	for _, transaction := range s.sent {
		var event struct {
			EventID id.EventID `json:"event_id"`
			Content struct{ Body string }
		}
		path := clientAPI + "/rooms/" + url.PathEscape(room) + "/event/" + url.PathEscape(transaction.event)
		s.user.Must("GET", path, nil, &event)
		if string(event.EventID) != transaction.event || event.Content.Body != transaction.text {
			s.t.Errorf("%s is %q, not %s", transaction.event, event.Content.Body, transaction.text)
		}
	}
}

// readOn syncs from a token, adds the messages ("EVENT BODY") and gives the next token.
func readOn(t *testing.T, reader *servertest.User, room, since string, messages *[]string) string {
	t.Helper()
	filter := url.QueryEscape(`{"room":{"timeline":{"limit":100}}}`)
	for {
		resp := reader.Sync(since, "filter="+filter)
		joined, ok := resp.Rooms.Join[id.RoomID(room)]
		if !ok {
			return resp.NextBatch
		}
		if joined.Timeline.Limited {
			t.Fatal("a sync of one crash's messages is limited")
		}
		for _, event := range joined.Timeline.Events {
			if event.Type.Type == "m.room.message" {
				*messages = append(*messages, fmt.Sprint(event.ID, " ", event.Content.Raw["body"]))
			}
		}
		since = resp.NextBatch
	}
}

// page reads all messages of a room, page by page from the first on.
func page(t *testing.T, reader *servertest.User, room string) []string {
	t.Helper()
	var messages []string
	for from := ""; ; {
		var page struct {
			End   string
			Chunk []struct {
				EventID string `json:"event_id"`
				Type    string
				Content struct{ Body string }
			}
		}
		query := url.Values{"dir": {"f"}, "limit": {"50"}}
		if from != "" {
			query.Set("from", from)
		}
		reader.Must("GET", clientAPI+"/rooms/"+url.PathEscape(room)+"/messages?"+query.Encode(), nil, &page)
		for _, event := range page.Chunk {
			if event.Type == "m.room.message" {
				messages = append(messages, event.EventID+" "+event.Content.Body)
			}
		}
		if page.End == "" || page.End == from {
			return messages
		}
		from = page.End
	}
}

// checkAllOnce checks that messages ("EVENT BODY") has what was sent, once, each sender's in its order, and nothing else.
func checkAllOnce(t *testing.T, where string, messages []string, senders []*sender) {
	t.Helper()
	place := map[string]int{}
	for i, m := range messages {
		if _, twice := place[m]; twice {
			t.Errorf("%s: %s is there twice", where, m)
		}
		place[m] = i
	}
	total := 0
	for _, s := range senders {
		total += len(s.sent)
		last := -1
		for _, transaction := range s.sent {
			i, ok := place[transaction.event+" "+transaction.text]
			switch {
			case !ok:
				t.Errorf("%s: %s %s was acknowledged and is lost", where, transaction.event, transaction.text)
			case i < last:
				t.Errorf("%s: %s is before what its sender sent earlier", where, transaction.text)
			default:
				last = i
			}
		}
	}
	if len(messages) != total {
		t.Errorf("%s: %d messages, %d were sent", where, len(messages), total)
	}
}
