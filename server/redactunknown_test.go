package server_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"beffroi/server/servertest"
)

// taken collects the events of a kind that a peer is sent.
func taken(p *servertest.Residence, kind string) func() []json.RawMessage {
	var mu sync.Mutex
	var events []json.RawMessage
	p.Mux.HandleFunc("PUT /_matrix/federation/v1/send/{txnId}", func(w http.ResponseWriter, r *http.Request) {
		var txn struct{ PDUs []json.RawMessage }
		_ = json.NewDecoder(r.Body).Decode(&txn)
		mu.Lock()
		defer mu.Unlock()
		for _, e := range txn.PDUs {
			if strings.Contains(string(e), `"type":"`+kind+`"`) {
				events = append(events, e)
			}
		}
		_, _ = w.Write([]byte(`{"pdus":{}}`))
	})
	return func() []json.RawMessage {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(events)
	}
}

// Who may delete everybody's messages deletes one that only another server has: that one is told, and here the message is empty when it comes.
func TestARedactionOfAnEventThatIsNotHereYet(t *testing.T) {
	for _, version := range []string{"10", "12"} {
		t.Run(version, func(t *testing.T) {
			n := servertest.NewNetwork(t)
			home, there := n.Start(""), n.Peer().Reside(version)
			told := taken(there, "m.room.redaction")
			alice, bob := home.Register(t, "alice"), home.Register(t, "bob")
			levels := object{"users": object{there.User("host"): 100, alice.UserID: 50}}
			if version == "12" {
				levels = object{"users": object{alice.UserID: 50}}
			}
			there.Set("m.room.power_levels", "", there.User("host"), levels)
			for _, u := range []*servertest.User{alice, bob} {
				u.Must("POST", joinBy(there.Room.ID, there.Name), object{}, nil)
			}
			secret := there.Say(there.User("host"), "secret")
			redact := roomPath(there.Room.ID) + "/redact/" + url.PathEscape(secret.ID()) + "/1"
			bob.MustFail(http.StatusForbidden, "M_FORBIDDEN", "PUT", redact, object{})
			alice.MustFail(http.StatusNotFound, "M_NOT_FOUND", "PUT", roomPath(there.Room.ID)+"/redact/none/1", object{})
			alice.Must("PUT", redact, object{"reason": "x"}, nil)
			eventually(t, "the other server is told", func() bool { return len(told()) > 0 })
			if e := string(told()[0]); !strings.Contains(e, `"redacts":"`+secret.ID()+`"`) {
				t.Error(e)
			}
			there.Deliver(home, secret)
			var read struct {
				Content object `json:"content"`
			}
			bob.Must("GET", roomPath(there.Room.ID)+"/event/"+url.PathEscape(secret.ID()), nil, &read)
			if len(read.Content) > 0 {
				t.Errorf("bob reads %v", read.Content)
			}
		})
	}
}

// In a room that no other server is in there is nothing to redact but what is here.
func TestARedactionOfNothing(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	alice.MustFail(http.StatusNotFound, "M_NOT_FOUND", "PUT", roomPath(alice.CreateRoom(object{}))+"/redact/$none/1", object{})
}
