package server_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"beffroi/server/config"
	"beffroi/server/servertest"
)

type deviceUpdate struct {
	UserID   string          `json:"user_id"`
	DeviceID string          `json:"device_id"`
	StreamID *int64          `json:"stream_id"`
	PrevID   []int64         `json:"prev_id"`
	Deleted  bool            `json:"deleted"`
	Keys     json.RawMessage `json:"keys"`
	Name     string          `json:"device_display_name"`
}

// deviceUpdates collects the m.device_list_update that a peer is sent, by user, and what was said.
type deviceUpdates struct {
	sync.Mutex
	of   map[string][]deviceUpdate
	said map[string]bool
}

func (d *deviceUpdates) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var txn struct {
		EDUs []struct {
			Type    string       `json:"edu_type"`
			Content deviceUpdate `json:"content"`
		} `json:"edus"`
		PDUs []struct{ Content struct{ Body string } } `json:"pdus"`
	}
	_ = json.NewDecoder(r.Body).Decode(&txn) // what is no device update need not fit
	d.Lock()
	defer d.Unlock()
	for _, e := range txn.EDUs {
		if e.Type == "m.device_list_update" {
			d.of[e.Content.UserID] = append(d.of[e.Content.UserID], e.Content)
		}
	}
	for _, e := range txn.PDUs {
		d.said[e.Content.Body] = true
	}
	_, _ = w.Write([]byte(`{"pdus":{}}`))
}

func (d *deviceUpdates) await(t *testing.T, text string) {
	t.Helper()
	eventually(t, text+" comes", func() bool { d.Lock(); defer d.Unlock(); return d.said[text] })
}

// A server that does not hear of somebody's devices yet is told of them when they join a room that it is in, with and without keys; one that does is not told again.
func TestWhoJoinsTellsOfTheirDevices(t *testing.T) {
	n := servertest.NewNetwork(t)
	home, there := n.Start(""), n.Peer().Reside("12")
	got := &deviceUpdates{of: map[string][]deviceUpdate{}, said: map[string]bool{}}
	there.Mux.Handle("PUT /_matrix/federation/v1/send/{txnId}", got)
	alice, bob := home.Register(t, "alice"), home.Register(t, "bob")
	bob.Must("POST", "/_matrix/client/v3/keys/upload", object{"device_keys": deviceKeys(bob)}, nil)
	for _, u := range []*servertest.User{alice, bob} {
		u.Must("POST", joinBy(there.Room.ID, there.Name), object{}, nil)
	}
	alice.SendText(there.Room.ID, "one")
	got.await(t, "one")
	eventually(t, "both are told of", func() bool { got.Lock(); defer got.Unlock(); return len(got.of) == 2 })
	second := alice.CreateRoom(object{"preset": "public_chat"})
	there.Enter(home, "join", second, there.User("host"))
	bob.Must("POST", joinBy(second), object{}, nil)
	bob.SendText(second, "two")
	got.await(t, "two")
	bob.SendText(second, "three")
	got.await(t, "three")
	got.Lock()
	defer got.Unlock()
	for _, c := range []struct {
		user *servertest.User
		keys bool
	}{{alice, false}, {bob, true}} {
		updates := got.of[c.user.UserID]
		if len(updates) != 1 {
			t.Errorf("%d updates of %s: %+v", len(updates), c.user.UserID, updates)
			continue
		}
		if u := updates[0]; u.DeviceID != c.user.DeviceID || u.Deleted || len(u.Keys) > 0 != c.keys || u.StreamID == nil || len(u.PrevID) != 1 || u.PrevID[0] != 0 {
			t.Errorf("%s: %+v", c.user.UserID, u)
		}
	}
}

// What somebody named their device goes to other servers where the town hall says so, and only there.
func TestNamesOfDevicesElsewhere(t *testing.T) {
	for _, told := range []bool{false, true} {
		n := servertest.NewNetwork(t)
		home := n.Start("", func(c *config.Config) { c.Federation.DeviceNames = told })
		there := n.Peer().Reside("12")
		got := &deviceUpdates{of: map[string][]deviceUpdate{}, said: map[string]bool{}}
		there.Mux.Handle("PUT /_matrix/federation/v1/send/{txnId}", got)
		alice := home.Register(t, "alice")
		alice.Must("POST", "/_matrix/client/v3/keys/upload", object{"device_keys": deviceKeys(alice)}, nil)
		alice.Must("POST", joinBy(there.Room.ID, there.Name), object{}, nil)
		alice.Must("PUT", "/_matrix/client/v3/devices/"+alice.DeviceID, object{"display_name": "Portable de la mairie"}, nil)
		alice.SendText(there.Room.ID, "one")
		got.await(t, "one")
		if told {
			eventually(t, "the name comes", func() bool {
				got.Lock()
				defer got.Unlock()
				updates := got.of[alice.UserID]
				return len(updates) > 0 && updates[len(updates)-1].Name == "Portable de la mairie"
			})
		}
		body := object{"device_keys": object{alice.UserID: []string{}}}
		for method, ask := range map[string]any{"POST user/keys/query": body, "GET user/devices/" + url.PathEscape(alice.UserID): nil} {
			verb, path, _ := strings.Cut(method, " ")
			status, answer := there.Do(home, verb, "/_matrix/federation/v1/"+path, ask)
			if status != http.StatusOK || strings.Contains(string(answer), "Portable") != told {
				t.Errorf("told %t: %s answers %d %s", told, method, status, answer)
			}
		}
		got.Lock()
		for _, u := range got.of[alice.UserID] {
			if u.Name != "" && !told {
				t.Errorf("%+v", u)
			}
		}
		got.Unlock()
	}
}
