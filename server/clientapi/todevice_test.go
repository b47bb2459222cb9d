package clientapi

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"beffroi/server/store"
)

// waiting gives the messages that wait for a device, as texts.
func (d *device) waiting() []string {
	d.Helper()
	messages := read(d.hall, func(r *store.Reader) ([]store.ToDevice, error) {
		return r.ToDeviceMessages(d.Device, 0, d.db.Visible(), 100)
	})
	var texts []string
	for _, m := range messages {
		texts = append(texts, string(m.JSON))
	}
	return texts
}

func TestMessagesReachDevicesOnce(t *testing.T) {
	h := newHall(t)
	alice, laptop, phone, carol := h.login("alice", "A"), h.login("bob", "LAPTOP"), h.login("bob", "PHONE"), h.login("carol", "C")
	messages := m{"@bob:hs": m{"*": m{"n": 1}, "PHONE": m{"n": 2}, "GONE": m{"n": 3}}, "@nobody:hs": m{"*": m{}}, "@dan:elsewhere": m{"*": m{}}}
	for range 2 {
		alice.put("/sendToDevice/m.test/txn1", m{"messages": messages}).ok().is(`{}`)
	}
	for d, want := range map[*device]string{
		laptop: `[{"content":{"n":1},"sender":"@alice:hs","type":"m.test"}]`,
		phone:  `[{"content":{"n":2},"sender":"@alice:hs","type":"m.test"}]`,
		carol:  `[]`,
		alice:  `[]`,
	} {
		if got := fmt.Sprint(d.waiting()); got != want {
			t.Errorf("%s has %s, want %s", d.DeviceID, got, want)
		}
	}
	alice.put("/sendToDevice/m.other/txn1", m{"messages": m{"@bob:hs": m{"PHONE": m{}}}}).ok()
	laptop.put("/sendToDevice/m.test/txn1", m{"messages": m{"@bob:hs": m{"PHONE": m{}}}}).ok()
	if got := len(phone.waiting()); got != 3 {
		t.Errorf("a transaction id counts for one type and one device: %d messages, want 3", got)
	}
}

func TestDeliveredMessagesAreDeleted(t *testing.T) {
	h := newHall(t)
	alice, bob := h.login("alice", "A"), h.login("bob", "B")
	for i := range 5 {
		alice.put(fmt.Sprintf("/sendToDevice/m.test/%d", i), m{"messages": m{"@bob:hs": m{"B": m{"n": i}}, "@alice:hs": m{"A": m{}}}}).ok()
	}
	batch := func(after int64) []store.ToDevice {
		return read(h, func(r *store.Reader) ([]store.ToDevice, error) {
			return r.ToDeviceMessages(bob.Device, after, h.db.Visible(), 2)
		})
	}
	first := batch(0)
	if again := batch(first[0].Pos); again[0].Pos != first[1].Pos {
		t.Errorf("after %d comes %d, want %d", first[0].Pos, again[0].Pos, first[1].Pos)
	}
	var after int64
	seen := 0
	for got := batch(after); len(got) > 0; got = batch(after) {
		for _, msg := range got {
			if want := fmt.Sprintf(`{"content":{"n":%d},`, seen); !strings.HasPrefix(string(msg.JSON), want) {
				t.Errorf("message %d is %s", seen, msg.JSON)
			}
			seen++
		}
		after = got[len(got)-1].Pos
		h.ok(h.api.E2EE.Acknowledge(context.Background(), bob.Device, after))
		if n := read(h, func(r *store.Reader) (int64, error) { return r.ToDeviceWaiting(bob.Device) }); n != int64(5-seen) {
			t.Errorf("%d wait, want %d", n, 5-seen)
		}
	}
	if seen != 5 || len(alice.waiting()) != 5 {
		t.Errorf("%d messages were delivered; alice has %d", seen, len(alice.waiting()))
	}
	if read(h, func(r *store.Reader) (bool, error) { return r.HasToDeviceUpTo(bob.Device, after) }) {
		t.Error("nothing is left to acknowledge")
	}
}

// What /sync tells a device is read again only where its user was woken.
func TestWhatSyncTellsWakes(t *testing.T) {
	h := newHall(t)
	alice, bob := h.login("alice", "A"), h.login("bob", "B").uploadKeys()
	his := bob.made()
	bob.post("/keys/upload", m{"fallback_keys": m{"curve25519:2": "x"}}).ok()
	for name, act := range map[string]func(){
		"a message": func() { alice.put("/sendToDevice/m.test/1", m{"messages": m{"@bob:hs": m{"B": m{}}}}).ok() },
		"an upload": func() { bob.post("/keys/upload", m{"one_time_keys": m{"curve25519:1": "x"}}).ok() },
		"a claim": func() {
			alice.post("/keys/claim", m{"one_time_keys": m{"@bob:hs": m{"B": "curve25519"}}}).ok()
		},
		"a signature": func() {
			signed := bob.sign(bob.keys(), bob.UserID, "ed25519:"+public(his.selfSigning), his.selfSigning)
			bob.post("/keys/signatures/upload", m{"@bob:hs": m{"B": signed}}).ok()
		},
	} {
		w := h.hub.Wait(int64(bob.User))
		act()
		select {
		case <-w.C:
		default:
			t.Errorf("%s wakes nobody", name)
		}
		h.hub.Done(w)
	}
}

func TestMessagesToDevicesAreChecked(t *testing.T) {
	h := newHall(t)
	alice := h.login("alice", "A")
	for name, body := range map[string]any{
		"no messages": m{}, "messages a list": m{"messages": []int{}}, "devices a list": m{"messages": m{"@alice:hs": []int{}}},
		"content a text": m{"messages": m{"@alice:hs": m{"A": "x"}}}, "content null": m{"messages": m{"@alice:hs": m{"A": nil}}},
	} {
		if a := alice.put("/sendToDevice/m.test/1", body); a.status != 400 || a.at("errcode") != "M_BAD_JSON" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	alice.put("/sendToDevice/m.test/1", m{"messages": m{"@alice:hs": m{"A": m{"x": strings.Repeat("x", 65<<10)}}}}).fails(413, "M_TOO_LARGE")
	alice.put("/sendToDevice/m.test/"+strings.Repeat("x", 256), m{"messages": m{}}).fails(400, "M_INVALID_PARAM")
	if got := alice.waiting(); got != nil {
		t.Errorf("refused messages wait: %v", got)
	}
}

func TestAFullQueueStopsNobodyElse(t *testing.T) {
	h := newHall(t)
	alice, full, other := h.login("alice", "A"), h.login("bob", "FULL"), h.login("bob", "OTHER")
	h.exec(`INSERT INTO to_device (pos, device, seq, json) VALUES (-100000, ?, 1, '{}'), (-1, ?, 100000, '{}')`, full.Device, full.Device)
	alice.put("/sendToDevice/m.test/1", m{"messages": m{"@bob:hs": m{"*": m{}}}}).ok()
	if len(full.waiting()) != 0 || len(other.waiting()) != 1 {
		t.Errorf("full has %d new, other %d", len(full.waiting()), len(other.waiting()))
	}
	alice.put("/sendToDevice/m.test/2", m{"messages": m{"@bob:hs": m{"FULL": m{}}}}).fails(413, "M_TOO_LARGE")
	h.ok(h.api.E2EE.Acknowledge(context.Background(), full.Device, -100000))
	alice.put("/sendToDevice/m.test/2", m{"messages": m{"@bob:hs": m{"FULL": m{}}}}).ok()
	if len(full.waiting()) != 1 {
		t.Error("after a sync there is room again")
	}
}
