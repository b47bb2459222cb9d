package clientapi

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"beffroi/server/e2ee"
	"beffroi/server/merr"
	"beffroi/server/store"
	"beffroi/server/synctoken"
)

func TestKeysAreUploadedAndFound(t *testing.T) {
	h := newHall(t)
	alice, phone, bob := h.login("alice", "LAPTOP"), h.login("alice", "PHONE"), h.login("bob", "B")
	embellished := alice.sign(alice.keys(), "@bob:hs", "ed25519:B", bob.key)
	embellished["unsigned"] = m{"device_display_name": "forged", "more": 1}
	alice.post("/keys/upload", m{"device_keys": embellished}).ok()
	phone.uploadKeys()
	h.login("carol", "C")

	all := bob.post("/keys/query", m{"device_keys": m{"@alice:hs": []string{}, "@carol:hs": []string{}, "@nobody:hs": []string{}, "@dan:elsewhere": []string{}}}).ok()
	want := alice.keys()
	want["unsigned"] = m{"device_display_name": "alice's LAPTOP"}
	if got := all.at("device_keys", "@alice:hs", "LAPTOP"); !reflect.DeepEqual(fmt.Sprint(got), fmt.Sprint(want)) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if all.at("device_keys", "@alice:hs", "PHONE") == nil {
		t.Error("the second device is missing")
	}
	all.is(`{}`, "device_keys", "@carol:hs")
	if all.at("device_keys", "@nobody:hs") != nil || all.at("failures", "elsewhere", "errcode") != "M_UNKNOWN" {
		t.Errorf("unknown users are absent, remote servers are failures: %s", all.body)
	}
	one := bob.post("/keys/query", m{"device_keys": m{"@alice:hs": []string{"PHONE", "GONE"}}}).ok()
	if got := one.at("device_keys", "@alice:hs").(m); len(got) != 1 || got["PHONE"] == nil {
		t.Errorf("asked for one device, got %v", got)
	}
}

func TestUploadRefusesWhatIsNotTheDevices(t *testing.T) {
	h := newHall(t)
	alice := h.login("alice", "A")
	with := func(change func(keys m)) m {
		keys := alice.keys()
		change(keys)
		return m{"device_keys": keys}
	}
	for name, c := range map[string]struct {
		body any
		code string
	}{
		"other user":           {with(func(k m) { k["user_id"] = "@bob:hs" }), "M_INVALID_PARAM"},
		"other device":         {with(func(k m) { k["device_id"] = "B" }), "M_INVALID_PARAM"},
		"no algorithms":        {with(func(k m) { delete(k, "algorithms") }), "M_BAD_JSON"},
		"no keys":              {with(func(k m) { delete(k, "keys") }), "M_BAD_JSON"},
		"key not text":         {with(func(k m) { k["keys"] = m{"ed25519:A": 1} }), "M_BAD_JSON"},
		"signature not text":   {with(func(k m) { k["signatures"] = m{"@alice:hs": m{"ed25519:A": 1}} }), "M_BAD_JSON"},
		"fraction":             {with(func(k m) { k["x"] = 1.5 }), "M_BAD_JSON"},
		"device_keys a list":   {m{"device_keys": []int{}}, "M_BAD_JSON"},
		"not JSON":             {"{", "M_NOT_JSON"},
		"a list":               {"[]", "M_BAD_JSON"},
		"one_time_keys a text": {m{"one_time_keys": "x"}, "M_BAD_JSON"},
		"no algorithm":         {m{"one_time_keys": m{"AAAA": "x"}}, "M_INVALID_PARAM"},
		"no key id":            {m{"one_time_keys": m{"curve25519:": "x"}}, "M_INVALID_PARAM"},
		"key a number":         {m{"one_time_keys": m{"curve25519:A": 1}}, "M_BAD_JSON"},
		"key without key":      {m{"one_time_keys": m{"signed_curve25519:A": m{"signatures": m{}}}}, "M_BAD_JSON"},
		"key not signed":       {m{"one_time_keys": m{"signed_curve25519:A": m{"key": "x"}}}, "M_BAD_JSON"},
		"two fallback keys":    {m{"fallback_keys": m{"signed_curve25519:A": alice.oneTimeKey("1"), "signed_curve25519:B": alice.oneTimeKey("2")}}, "M_INVALID_PARAM"},
	} {
		if a := alice.post("/keys/upload", c.body); a.status != 400 || a.at("errcode") != any(c.code) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	alice.post("/keys/upload", m{"one_time_keys": m{"signed_curve25519:A": alice.oneTimeKey(strings.Repeat("x", 5000))}}).fails(413, "M_TOO_LARGE")
	alice.post("/keys/query", m{"device_keys": m{"@alice:hs": []string{}}}).ok().is(`{}`, "device_keys", "@alice:hs")
}

func TestQueryAndClaimCheckTheirShape(t *testing.T) {
	alice := newHall(t).login("alice", "A")
	alice.post("/keys/query", m{"device_keys": m{"@bob:hs": m{"B": true}}}).fails(400, "M_BAD_JSON")
	alice.post("/keys/query", m{}).fails(400, "M_BAD_JSON")
	alice.post("/keys/query", m{"device_keys": m{"bob": []string{}}}).fails(400, "M_INVALID_PARAM")
	alice.post("/keys/query", m{"device_keys": m{}, "timeout": "x"}).fails(400, "M_BAD_JSON")
	alice.post("/keys/claim", m{"one_time_keys": m{"@bob:hs": []string{"B"}}}).fails(400, "M_BAD_JSON")
	alice.post("/keys/claim", m{}).fails(400, "M_BAD_JSON")
}

// Spec: client-server API, POST /keys/claim: in the order of upload, then the fallback key.
func TestKeysAreClaimedInTheOrderOfUpload(t *testing.T) {
	h := newHall(t)
	alice, bob := h.login("alice", "A"), h.login("bob", "B")
	for i, name := range []string{"Z", "M", "A"} {
		a := alice.post("/keys/upload", m{"one_time_keys": m{"signed_curve25519:" + name: alice.oneTimeKey(name)}}).ok()
		a.is(fmt.Sprintf(`{"signed_curve25519": %d}`, i+1), "one_time_key_counts")
	}
	alice.post("/keys/upload", m{"fallback_keys": m{"signed_curve25519:FB": alice.oneTimeKey("FB")}}).ok()
	unused := func() []string {
		return read(h, func(r *store.Reader) ([]string, error) { return r.UnusedFallbackTypes(alice.Device) })
	}
	claim := m{"one_time_keys": m{"@alice:hs": m{"A": "signed_curve25519", "GONE": "signed_curve25519"}, "@nobody:hs": m{"X": "y"}, "@dan:elsewhere": m{"X": "y"}}}
	for _, name := range []string{"Z", "M", "A"} {
		a := bob.post("/keys/claim", claim).ok()
		if got := a.at("one_time_keys"); fmt.Sprint(got) != fmt.Sprint(m{"@alice:hs": m{"A": m{"signed_curve25519:" + name: alice.oneTimeKey(name)}}}) {
			t.Errorf("want key %s, got %v", name, got)
		}
	}
	if got := unused(); len(got) != 1 {
		t.Errorf("the fallback key is used before its time: %v", got)
	}
	for range 2 {
		if a := bob.post("/keys/claim", claim).ok(); a.at("one_time_keys", "@alice:hs", "A", "signed_curve25519:FB") == nil {
			t.Errorf("no fallback key: %s", a.body)
		}
	}
	alice.post("/keys/upload", m{"fallback_keys": m{"signed_curve25519:FB": alice.oneTimeKey("FB")}}).ok()
	if got := unused(); len(got) != 0 {
		t.Errorf("a used fallback key that is uploaded again stays used: %v", got)
	}
	alice.post("/keys/upload", m{"fallback_keys": m{"signed_curve25519:FC": alice.oneTimeKey("FC")}}).ok()
	if got := unused(); fmt.Sprint(got) != "[signed_curve25519]" {
		t.Errorf("a new fallback key is unused: %v", got)
	}
	bob.post("/keys/claim", m{"one_time_keys": m{"@alice:hs": m{"A": "other"}}}).ok().is(`{}`, "one_time_keys")
}

func TestNoKeyIsClaimedTwice(t *testing.T) {
	h := newHall(t)
	alice := h.login("alice", "A")
	keys := m{}
	for i := range 20 {
		keys[fmt.Sprintf("signed_curve25519:%d", i)] = alice.oneTimeKey(fmt.Sprint(i))
	}
	alice.post("/keys/upload", m{"one_time_keys": keys}).ok()
	var mu sync.Mutex
	claimed := map[string]int{}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 5 {
				answer, err := h.api.E2EE.Claim(context.Background(), map[string]map[string]string{"@alice:hs": {"A": "signed_curve25519"}}, 0)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for name := range answer.OneTimeKeys["@alice:hs"]["A"] {
					claimed[name]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for name, n := range claimed {
		if n != 1 {
			t.Errorf("%s was claimed %d times", name, n)
		}
	}
	if len(claimed) != 20 {
		t.Errorf("%d keys of 20 were claimed", len(claimed))
	}
}

func TestOneTimeKeysAreKeptAsTheyWere(t *testing.T) {
	h := newHall(t)
	alice := h.login("alice", "A")
	upload := func(content m) answer {
		return alice.post("/keys/upload", m{"one_time_keys": m{"signed_curve25519:K": content, "curve25519:K": "plain"}})
	}
	for range 2 {
		upload(alice.oneTimeKey("one")).ok().is(`{"signed_curve25519": 1, "curve25519": 1}`, "one_time_key_counts")
	}
	signedAnew := alice.oneTimeKey("one")
	signedAnew["signatures"] = m{"@alice:hs": m{"ed25519:A": "another"}}
	upload(signedAnew).ok()
	if a := upload(alice.oneTimeKey("two")).fails(400, "M_UNKNOWN"); !strings.Contains(string(a.body), "already exists") {
		t.Errorf("clients look for the words: %s", a.body)
	}
	bob := h.login("bob", "B")
	got := bob.post("/keys/claim", m{"one_time_keys": m{"@alice:hs": m{"A": "signed_curve25519"}}}).ok()
	if key := got.at("one_time_keys", "@alice:hs", "A", "signed_curve25519:K"); fmt.Sprint(key) != fmt.Sprint(alice.oneTimeKey("one")) {
		t.Errorf("claimed %v", key)
	}
	bob.post("/keys/claim", m{"one_time_keys": m{"@alice:hs": m{"A": "curve25519"}}}).ok().is(`{"curve25519:K": "plain"}`, "one_time_keys", "@alice:hs", "A")
	alice.post("/keys/upload", m{}).ok().is(`{}`, "one_time_key_counts")
}

func TestKeysHeldAreLimited(t *testing.T) {
	alice := newHall(t).login("alice", "A")
	keys := m{}
	for i := range 201 {
		keys[fmt.Sprintf("curve25519:%d", i)] = "x"
	}
	alice.post("/keys/upload", m{"one_time_keys": keys}).fails(413, "M_TOO_LARGE")
	alice.post("/keys/upload", m{}).ok().is(`{}`, "one_time_key_counts")
	delete(keys, "curve25519:0")
	alice.post("/keys/upload", m{"one_time_keys": keys}).ok().is(`{"curve25519": 200}`, "one_time_key_counts")
}

func TestADeviceThatLeavesTakesItsKeysAlong(t *testing.T) {
	h := newHall(t)
	alice, bob := h.login("alice", "A").uploadKeys(), h.login("bob", "B")
	alice.post("/keys/upload", m{"one_time_keys": m{"curve25519:1": "x"}, "fallback_keys": m{"curve25519:2": "y"}}).ok()
	bob.put("/sendToDevice/m.test/1", m{"messages": m{"@alice:hs": m{"*": m{}}}}).ok()
	bob.join(alice.createRoom())
	before := h.db.Visible()
	w := h.hub.Wait(int64(bob.User))
	defer h.hub.Done(w)
	alice.post("/logout", m{}).ok()
	select {
	case <-w.C:
	default:
		t.Error("who shares a room is not woken")
	}

	bob.post("/keys/query", m{"device_keys": m{"@alice:hs": []string{}}}).ok().is(`{}`, "device_keys", "@alice:hs")
	bob.post("/keys/claim", m{"one_time_keys": m{"@alice:hs": m{"A": "curve25519"}}}).ok().is(`{}`, "one_time_keys")
	lists := read(h, func(r *store.Reader) (store.DeviceLists, error) {
		return r.DeviceListChanges(alice.User, before, h.db.Visible())
	})
	if fmt.Sprint(lists) != "{[@alice:hs] []}" {
		t.Errorf("the user's devices changed: %v", lists)
	}
	_, err := h.api.E2EE.Upload(context.Background(), &alice.Session, &e2ee.KeysUpload{})
	if !merr.Is(err, "M_UNKNOWN_TOKEN") {
		t.Errorf("a device that is gone uploads keys: %v", err)
	}
}

func TestChangesOfKeys(t *testing.T) {
	h := newHall(t)
	alice, bob, carol := h.login("alice", "A"), h.login("bob", "B"), h.login("carol", "C")
	room := alice.createRoom()
	token := func() string { return synctoken.Sync{Pos: h.db.Visible()}.String() }
	start := token()
	changes := func(d *device, from, want string) {
		t.Helper()
		d.get("/keys/changes?from=" + from + "&to=" + token()).ok().is(want)
	}

	bob.uploadKeys()
	changes(alice, start, `{"changed": [], "left": []}`)
	changes(bob, start, `{"changed": ["@bob:hs"], "left": []}`)
	beforeJoin := token()
	bob.join(room)
	changes(alice, beforeJoin, `{"changed": ["@bob:hs"], "left": []}`)
	changes(bob, beforeJoin, `{"changed": ["@alice:hs", "@bob:hs"], "left": []}`) // bob's other devices are in the room too
	joined := token()
	changes(alice, joined, `{"changed": [], "left": []}`)
	bob.uploadKeys() // the same keys again
	changes(alice, joined, `{"changed": [], "left": []}`)
	bob.key = newKey("another")
	bob.uploadKeys()
	changes(alice, joined, `{"changed": ["@bob:hs"], "left": []}`)
	changes(carol, start, `{"changed": [], "left": []}`)

	beforeLeave := token()
	bob.leave(room)
	changes(alice, beforeLeave, `{"changed": [], "left": ["@bob:hs"]}`)
	changes(bob, beforeLeave, `{"changed": [], "left": ["@alice:hs"]}`)
	changes(alice, joined, `{"changed": [], "left": ["@bob:hs"]}`)
	left := token()
	bob.key = newKey("a third")
	bob.uploadKeys()
	carol.join(room)
	changes(alice, left, `{"changed": ["@carol:hs"], "left": []}`)
	changes(bob, left, `{"changed": ["@bob:hs"], "left": []}`)
	changes(bob, beforeLeave, `{"changed": ["@bob:hs"], "left": ["@alice:hs"]}`)
	carol.leave(room)
	changes(bob, beforeLeave, `{"changed": ["@bob:hs"], "left": ["@alice:hs"]}`)
	changes(bob, left, `{"changed": ["@bob:hs"], "left": []}`)
	bob.join(room)
	changes(alice, left, `{"changed": ["@bob:hs"], "left": ["@carol:hs"]}`)

	alice.get("/keys/changes?from="+start).fails(400, "M_MISSING_PARAM")
	alice.get("/keys/changes?from=x&to="+start).fails(400, "M_INVALID_PARAM")
	alice.get("/keys/changes?to=x&from="+start).fails(400, "M_INVALID_PARAM")
	changes(alice, synctoken.Sync{Epoch: 7, Pos: h.db.Visible()}.String(), `{"changed": ["@alice:hs", "@bob:hs"], "left": []}`)
}

func TestWhoSharesAnotherRoomHasNotLeft(t *testing.T) {
	h := newHall(t)
	alice, bob := h.login("alice", "A"), h.login("bob", "B")
	one, two := alice.createRoom(), alice.createRoom()
	bob.join(one)
	bob.join(two)
	before := h.db.Visible()
	bob.leave(one)
	for _, d := range []*device{alice, bob} {
		lists := read(h, func(r *store.Reader) (store.DeviceLists, error) {
			return r.DeviceListChanges(d.User, before, h.db.Visible())
		})
		if fmt.Sprint(lists) != "{[] []}" {
			t.Errorf("%s: %v", d.UserID, lists)
		}
	}
	alice.put("/rooms/"+escape(two)+"/state/m.room.member/"+escape("@alice:hs"), m{"membership": "join", "displayname": "Alice II"}).ok()
	lists := read(h, func(r *store.Reader) (store.DeviceLists, error) {
		return r.DeviceListChanges(bob.User, before, h.db.Visible())
	})
	if fmt.Sprint(lists) != "{[] []}" {
		t.Errorf("a new display name is no change of devices: %v", lists)
	}
}

func TestAChangeOfKeysWakesWhoSharesARoom(t *testing.T) {
	h := newHall(t)
	alice, bob, carol := h.login("alice", "A"), h.login("bob", "B"), h.login("carol", "C")
	bob.join(alice.createRoom())
	waiters := map[*device]bool{alice: true, bob: true, carol: false}
	for d, woken := range waiters {
		w := h.hub.Wait(int64(d.User))
		defer h.hub.Done(w)
		defer func() {
			select {
			case <-w.C:
				if !woken {
					t.Errorf("%s was woken", d.UserID)
				}
			default:
				if woken {
					t.Errorf("%s was not woken", d.UserID)
				}
			}
		}()
	}
	bob.uploadKeys()
}
