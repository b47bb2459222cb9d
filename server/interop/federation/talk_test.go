//go:build interop

package federation

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"beffroi/server/servertest"
)

// named finds the event that gives a room its name.
func named(name string) func(*event.Event) bool {
	return func(e *event.Event) bool { return e.Type.Type == "m.room.name" && e.Content.Raw["name"] == name }
}

func (s *scene) redacts(u *servertest.User, room, eventID string) {
	u.Must("PUT", at(room, "/redact/"+url.PathEscape(eventID)+"/"+rand.Text()), object{"reason": "Erreur"}, nil)
}

func (s *scene) redacted(u *servertest.User, room, eventID string) bool {
	var e struct{ Content object }
	u.Must("GET", at(room, "/event/"+url.PathEscape(eventID)), nil, &e)
	return len(e.Content) == 0
}

func (s *scene) talks() {
	room := s.shared(public("11"))
	a, b := newReader(s, s.alice), newReader(s, s.bob)
	for _, turn := range []struct {
		author, other *servertest.User
		reader        *reader
	}{{s.alice, s.bob, b}, {s.bob, s.alice, a}} {
		said := turn.author.SendText(room, "Réunion à 18 h")
		turn.reader.sees(room, said)
		edit := turn.author.Send(room, "m.room.message", object{"msgtype": "m.text", "body": "* Réunion à 19 h",
			"m.new_content": object{"msgtype": "m.text", "body": "Réunion à 19 h"}, "m.relates_to": object{"rel_type": "m.replace", "event_id": said}})
		turn.reader.sees(room, edit)
		if raw := s.raw(turn.other, room, said); !strings.Contains(raw, "19 h") {
			s.Errorf("%s does not see the edit: %s", turn.other.UserID, raw)
		}
		reaction := turn.other.Send(room, "m.reaction", object{"m.relates_to": object{"rel_type": "m.annotation", "event_id": said, "key": "👍"}})
		map[*servertest.User]*reader{s.alice: a, s.bob: b}[turn.author].sees(room, reaction)
		s.redacts(turn.author, room, said)
		turn.reader.until("the redaction", func() bool { return s.redacted(turn.other, room, said) })
	}
}

func (s *scene) raw(u *servertest.User, room, eventID string) string {
	_, raw := u.Raw("GET", at(room, "/event/"+url.PathEscape(eventID)), nil)
	return string(raw)
}

func (s *scene) notices() {
	room := s.shared(public("11"))
	a, b := newReader(s, s.alice), newReader(s, s.bob)
	for _, turn := range []struct {
		author, other *servertest.User
		reader        *reader
	}{{s.alice, s.bob, b}, {s.bob, s.alice, a}} {
		for _, typing := range []bool{true, false} {
			turn.author.Must("PUT", at(room, "/typing/"+url.PathEscape(turn.author.UserID)), object{"typing": typing, "timeout": 30000}, nil)
			turn.reader.until("typing", func() bool {
				return slices.Contains(turn.reader.room(room).typing, id.UserID(turn.author.UserID)) == typing
			})
		}
		said := turn.other.SendText(room, "Lu ?")
		map[*servertest.User]*reader{s.alice: a, s.bob: b}[turn.author].sees(room, said)
		turn.author.Must("POST", at(room, "/receipt/m.read/"+url.PathEscape(said)), object{}, nil)
		turn.reader.until("the receipt", func() bool { return turn.reader.room(room).read[id.UserID(turn.author.UserID)] == id.EventID(said) })
		turn.author.Must("PUT", clientAPI+"/presence/"+url.PathEscape(turn.author.UserID)+"/status", object{"presence": "online"}, nil)
		turn.reader.until("presence", func() bool { return turn.reader.here[turn.author.UserID] == "online" })
	}
}

func (s *scene) media() {
	for _, turn := range []struct {
		owner, reader *servertest.User
		of, at        *Node
	}{{s.alice, s.bob, s.host, s.guest}, {s.bob, s.alice, s.guest, s.host}} {
		data := []byte("%PDF " + rand.Text())
		file := upload(s, turn.owner, turn.of, data)
		got, header := download(s, turn.reader, turn.at, "download", file)
		if !bytes.Equal(got, data) || !strings.Contains(header.Get("Content-Disposition"), "avis.pdf") {
			s.Errorf("%q with %v", got, header)
		}
		picture := upload(s, turn.owner, turn.of, image())
		if small, header := download(s, turn.reader, turn.at, "thumbnail", picture+"?width=32&height=32&method=scale"); !strings.HasPrefix(header.Get("Content-Type"), "image/") || len(small) == 0 {
			s.Errorf("%d bytes with %v", len(small), header)
		}
		absent := turn.of.ServerName + "/" + strings.Repeat("a", 24)
		if status := turn.reader.Do("GET", "/_matrix/client/v1/media/download/"+absent, nil, nil); status != http.StatusNotFound {
			s.Errorf("what is not there: %d", status)
		}
	}
}

// upload uploads a file and gives what stands behind mxc://.
func upload(s *scene, u *servertest.User, n *Node, data []byte) string {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), "POST", n.URL+"/_matrix/media/v3/upload?filename=avis.pdf", bytes.NewReader(data))
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Content-Type", http.DetectContentType(data))
	answer, _ := send(s, u, req)
	var uploaded struct {
		URI string `json:"content_uri"`
	}
	if err := json.Unmarshal(answer, &uploaded); err != nil {
		s.Fatal(err)
	}
	return strings.TrimPrefix(uploaded.URI, "mxc://")
}

func download(s *scene, u *servertest.User, n *Node, what, file string) ([]byte, http.Header) {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), "GET", n.URL+"/_matrix/client/v1/media/"+what+"/"+file, nil)
	if err != nil {
		s.Fatal(err)
	}
	return send(s, u, req)
}

// send sends a request of a user's that is no JSON.
func send(s *scene, u *servertest.User, req *http.Request) ([]byte, http.Header) {
	s.Helper()
	req.Header.Set("Authorization", "Bearer "+u.AccessToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		s.Fatalf("%s %s: %d %.300s %v", req.Method, req.URL, resp.StatusCode, body, err)
	}
	return body, resp.Header
}
