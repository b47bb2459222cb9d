package e2ee_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"beffroi/server/accounts"
	"beffroi/server/e2ee"
	"beffroi/server/merr"
	"beffroi/server/notify"
	"beffroi/server/pdu"
	"beffroi/server/store"
	"beffroi/server/store/storetest"
)

const bob = "@bob:far.test"

// far is another server, of which the test says what it answers.
type far struct {
	mu      sync.Mutex
	devices map[string]string // answers of user/devices, by user id
	query   string            // answer of user/keys/query
	claim   string
	down    bool
	asked   []string
	during  func() // what happens while it answers
}

func (f *far) answer(what, body string) ([]byte, error) {
	f.mu.Lock()
	f.asked = append(f.asked, what)
	down, during := f.down, f.during
	f.during = nil
	f.mu.Unlock()
	if during != nil {
		during()
	}
	switch {
	case down:
		return nil, errors.New("down")
	case body == "":
		return nil, merr.NotFound("no such user")
	}
	return []byte(body), nil
}

func (f *far) UserDevices(_ context.Context, server, userID string) ([]byte, error) {
	f.mu.Lock()
	body := f.devices[userID]
	f.mu.Unlock()
	return f.answer("devices "+server+" "+userID, body)
}

func (f *far) QueryKeys(_ context.Context, server string, body []byte) ([]byte, error) {
	return f.answer("query "+server+" "+string(body), f.query)
}

func (f *far) ClaimKeys(_ context.Context, server string, body []byte) ([]byte, error) {
	return f.answer("claim "+server+" "+string(body), f.claim)
}

// set says what user/devices answers.
func (f *far) set(userID, list string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.devices[userID] = list
}

func (f *far) switchOff(down bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = down
}

func (f *far) times() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.asked)
}

// border is a server with alice in a room, and another one.
type border struct {
	*testing.T
	*far
	db    *storetest.File
	hub   *notify.Hub
	keys  *e2ee.Service
	room  *storetest.Room
	alice *accounts.Session
}

func newBorder(t *testing.T) border {
	w := border{T: t, far: &far{devices: map[string]string{}}, db: storetest.Open(t), hub: notify.New()}
	w.keys = e2ee.New(w.db.DB, w.hub, time.Now, e2ee.Config{ServerName: "hs", Remote: w.far, Log: zerolog.Nop()})
	w.room = w.db.Room("r")
	w.alice = &accounts.Session{UserID: "@alice:hs", User: w.room.Join("@alice:hs", "Alice"), DeviceID: "A"}
	w.write(func(tx *store.Tx) error {
		_, err := tx.PutAccount(store.Account{User: w.alice.User})
		return err
	})
	return w
}

func (w border) write(fn func(tx *store.Tx) error) {
	w.Helper()
	if err := w.db.Write(w.Context(), fn); err != nil {
		w.Fatal(err)
	}
}

// leave ends bob's membership.
func (w border) leave(userID string) {
	w.Helper()
	w.write(func(tx *store.Tx) error {
		user, err := tx.Atom(userID)
		if err != nil {
			return err
		}
		return tx.PutMember(store.Member{Room: w.room.Ref, User: user, Membership: store.Leave, NID: 1, Pos: 1})
	})
}

// query asks for the users' keys, and gives the names of their devices and cross-signing keys, or what failed.
func (w border) query(users ...string) string {
	w.Helper()
	wanted := map[string][]string{}
	for _, u := range users {
		wanted[u] = nil
	}
	answer, err := w.keys.Query(w.Context(), w.alice, wanted, time.Second)
	if err != nil {
		w.Fatal(err)
	}
	var all []string
	for user, devices := range answer.DeviceKeys {
		for id, key := range devices {
			var named struct {
				UserID   string `json:"user_id"`
				Unsigned struct {
					Name string `json:"device_display_name"`
				}
			}
			if err := json.Unmarshal(key, &named); err != nil || named.UserID != user {
				w.Fatalf("%s: %v", key, err)
			}
			all = append(all, strings.TrimSuffix(id+" "+named.Unsigned.Name, " "))
		}
	}
	for user := range answer.MasterKeys {
		all = append(all, "master "+user)
	}
	for user := range answer.SelfSigningKeys {
		all = append(all, "self "+user)
	}
	for server := range answer.Failures {
		all = append(all, "failed "+server)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// pos is that of the last change of a user's list.
func (w border) pos(userID string) int64 {
	w.Helper()
	user := w.db.Atom(userID)
	pos, err := store.Get(w.Context(), w.db.DB, func(r *store.Reader) (int64, error) { return r.DeviceListPos(user) })
	if err != nil {
		w.Fatal(err)
	}
	return pos
}

func (w border) update(content string, args ...any) {
	w.Helper()
	if err := w.keys.RemoteDeviceListUpdate(w.Context(), "far.test", fmt.Appendf(nil, content, args...)); err != nil {
		w.Fatal(err)
	}
}

func (w border) want(what, got, wanted string) {
	w.Helper()
	if got != wanted {
		w.Errorf("%s: %q, want %q", what, got, wanted)
	}
}

// resync runs the loop until a user's list is as it should be.
func (w border) resync(userID, wanted string) {
	w.Helper()
	ctx, cancel := context.WithCancel(w.Context())
	done := make(chan error)
	go func() { done <- w.keys.Resync(ctx) }()
	user := w.db.Atom(userID)
	waiter := w.hub.Wait(int64(w.alice.User))
	defer w.hub.Done(waiter)
	for {
		l, err := store.Get(w.Context(), w.db.DB, func(r *store.Reader) (store.RemoteList, error) { return r.RemoteList(user) })
		if err != nil {
			w.Fatal(err)
		}
		if !l.Stale {
			break
		}
		select {
		case <-waiter.C:
		case <-time.After(10 * time.Millisecond): // a list that did not change wakes nobody
		}
	}
	cancel()
	if err := <-done; err != nil {
		w.Error(err)
	}
	before := w.times()
	w.want("after the resync", w.query(userID), wanted)
	if w.times() != before {
		w.Error("it is asked again")
	}
}

// deviceOf is a device as user/devices has it.
func deviceOf(userID, id string) string {
	return fmt.Sprintf(`{"device_id":%q,"device_display_name":"Poste %s","keys":%s}`, id, id, keysOf(userID, id))
}

func keysOf(userID, id string) string {
	return fmt.Sprintf(`{"user_id":%q,"device_id":%q,"algorithms":[],"keys":{"ed25519:%s":"k"}}`, userID, id, id)
}

func listOf(userID string, stream int, devices ...string) string {
	return fmt.Sprintf(`{"user_id":%q,"stream_id":%d,"devices":[%s]}`, userID, stream, strings.Join(devices, ","))
}

func TestDevicesOfOthersAreKeptWhileARoomIsShared(t *testing.T) {
	w := newBorder(t)
	w.far.query = `{"device_keys":{"` + bob + `":{"B":` + keysOf(bob, "B") + `,"C":` + keysOf(bob, "X") + `,"D":7},"@mallory:else":{"M":{}}},"master_keys":{}}`
	w.want("a stranger", w.query(bob), "B")
	w.want("a stranger again", w.query(bob), "B")
	if n := w.times(); n != 2 {
		t.Errorf("asked %d times", n)
	}
	w.room.Join(bob, "Bob")
	w.set(bob, listOf(bob, 3, deviceOf(bob, "B"), deviceOf(bob, "C")))
	w.want("a member", w.query(bob), "B Poste B, C Poste C")
	w.want("a member again", w.query(bob), "B Poste B, C Poste C")
	if n := w.times(); n != 3 {
		t.Errorf("asked %d times: %q", n, w.asked)
	}
	w.switchOff(true)
	w.want("their server is away", w.query(bob, "@carol:far.test"), "B Poste B, C Poste C, failed far.test")
	w.leave(bob)
	w.want("who left, and can't be asked for", w.query(bob), "B Poste B, C Poste C")
	w.switchOff(false)
	w.want("who left", w.query(bob), "B")
}

func TestUpdatesOfDevicesAreApplied(t *testing.T) {
	w := newBorder(t)
	w.room.Join(bob, "Bob")
	w.set(bob, listOf(bob, 3, deviceOf(bob, "B")))
	w.want("at first", w.query(bob), "B Poste B")
	waiter := w.hub.Wait(int64(w.alice.User))
	defer w.hub.Done(waiter)
	w.update(`{"user_id":%q,"device_id":"C","stream_id":4,"prev_id":[3],"keys":%s}`, bob, keysOf(bob, "C"))
	w.want("a new device", w.query(bob), "B Poste B, C")
	select {
	case <-waiter.C:
	default:
		t.Error("nobody is woken")
	}
	first := w.pos(bob)
	if first == 0 {
		t.Error("/sync will not tell of it")
	}
	w.update(`{"user_id":%q,"device_id":"C","stream_id":4,"prev_id":[3],"deleted":true}`, bob) // twice: the first one counts
	w.update(`{"user_id":%q,"device_id":"B","stream_id":9,"prev_id":[4],"deleted":true}`, bob)
	w.want("one is gone", w.query(bob), "C")
	w.update(`{"user_id":%q,"device_id":"C","stream_id":10,"prev_id":[9],"keys":%s}`, bob, keysOf("@eve:far.test", "C"))
	w.want("keys of another user are none", w.query(bob), "")
	if w.pos(bob) <= first || w.times() != 1 {
		t.Errorf("%d, %q", w.pos(bob), w.asked)
	}
}

func TestAMissedUpdateIsMadeGood(t *testing.T) {
	w := newBorder(t)
	w.room.Join(bob, "Bob")
	w.set(bob, listOf(bob, 3, deviceOf(bob, "B")))
	w.query(bob)
	w.set(bob, listOf(bob, 8, deviceOf(bob, "C")))
	w.update(`{"user_id":%q,"device_id":"C","stream_id":8,"prev_id":[7],"keys":%s}`, bob, keysOf(bob, "C"))
	w.switchOff(true)
	w.want("before", w.query(bob), "B Poste B") // better than nothing
	w.switchOff(false)
	w.resync(bob, "C Poste C")

	// What is told while a list is asked for may be younger than the answer.
	w.set("@carol:far.test", listOf("@carol:far.test", 1, deviceOf("@carol:far.test", "A")))
	w.room.Join("@carol:far.test", "Carol")
	w.mu.Lock()
	w.during = func() {
		w.update(`{"user_id":"@carol:far.test","device_id":"B","stream_id":2,"prev_id":[1],"keys":%s}`, keysOf("@carol:far.test", "B"))
		w.set("@carol:far.test", listOf("@carol:far.test", 2, deviceOf("@carol:far.test", "A"), deviceOf("@carol:far.test", "B")))
	}
	w.mu.Unlock()
	w.want("the old answer", w.query("@carol:far.test"), "A Poste A")
	w.resync("@carol:far.test", "A Poste A, B Poste B")
}

func TestManyUsersOfAServerAreAskedForTogether(t *testing.T) {
	w := newBorder(t)
	var users []string
	keys := map[string]map[string]json.RawMessage{}
	for i := range 15 {
		id := fmt.Sprintf("@u%d:far.test", i)
		users = append(users, id)
		w.room.Join(id, "U")
		w.set(id, listOf(id, 1, deviceOf(id, fmt.Sprintf("D%d", i))))
		keys[id] = map[string]json.RawMessage{fmt.Sprintf("D%d", i): json.RawMessage(keysOf(id, fmt.Sprintf("D%d", i)))}
	}
	raw, err := json.Marshal(map[string]any{"device_keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	w.far.query = string(raw)
	if got := w.query(users...); strings.Count(got, ", ") != 14 || strings.Contains(got, "failed") {
		t.Errorf("%q", got)
	}
	if n := w.times(); n != 11 {
		t.Errorf("%d requests", n)
	}
}

func TestWhatOthersSayOfTheirUsersIsChecked(t *testing.T) {
	many := make([]string, 1001)
	for i := range many {
		many[i] = deviceOf(bob, fmt.Sprintf("D%d", i))
	}
	for what, answer := range map[string]string{
		"another user": listOf("@eve:far.test", 1, deviceOf("@eve:far.test", "E")),
		"no stream":    `{"user_id":"` + bob + `","devices":[]}`,
		"too many":     listOf(bob, 1, many...),
		"no JSON":      `<html>`,
	} {
		t.Run(what, func(t *testing.T) {
			w := newBorder(t)
			w.room.Join(bob, "Bob")
			w.set(bob, answer)
			w.want(what, w.query(bob), "failed far.test")
		})
	}
	w := newBorder(t)
	w.room.Join(bob, "Bob")
	w.set(bob, listOf(bob, 1, deviceOf(bob, "B"), deviceOf(bob, "B"), `{"device_id":"C","keys":`+keysOf(bob, "X")+`}`, `{"device_id":"D"}`, `{"device_id":"E","keys":`+keysOf("@eve:far.test", "E")+`}`))
	w.want("what is right of it", w.query(bob), "B Poste B")
	for _, content := range []string{
		`{"user_id":"@alice:hs","device_id":"B","stream_id":2}`, `{"user_id":"@x:else.test","device_id":"B","stream_id":2}`,
		`{"user_id":"` + bob + `","stream_id":2}`, `{"user_id":"` + bob + `","device_id":"B"}`, `[]`,
	} {
		if err := w.keys.RemoteDeviceListUpdate(t.Context(), "far.test", []byte(content)); err == nil {
			t.Errorf("%s is taken", content)
		}
	}
	if err := w.keys.RemoteDeviceListUpdate(t.Context(), "far.test", []byte(`{"user_id":"@never:far.test","device_id":"B","stream_id":2}`)); err != nil {
		t.Error(err)
	}
	w.want("nothing happened", w.query(bob), "B Poste B")
}

// cross makes a master key and a self-signing key that it signed.
type cross struct {
	master      ed25519.PrivateKey
	publicKey   string
	selfSigning string
}

func newCross(t *testing.T, seed byte) cross {
	t.Helper()
	private := func(n byte) (ed25519.PrivateKey, string) {
		k := ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune('a'+n)), 32)))
		return k, pdu.EncodeBase64(k.Public().(ed25519.PublicKey))
	}
	var c cross
	c.master, c.publicKey = private(seed)
	_, self := private(seed + 1)
	bare := fmt.Sprintf(`{"keys":{"ed25519:%s":"%s"},"usage":["self_signing"],"user_id":%q}`, self, self, bob)
	signature := pdu.EncodeBase64(ed25519.Sign(c.master, []byte(bare)))
	c.selfSigning = strings.TrimSuffix(bare, "}") + fmt.Sprintf(`,"signatures":{%q:{"ed25519:%s":%q}}}`, bob, c.publicKey, signature)
	return c
}

func (c cross) masterKey() string {
	return fmt.Sprintf(`{"keys":{"ed25519:%s":"%s"},"usage":["master"],"user_id":%q}`, c.publicKey, c.publicKey, bob)
}

func TestCrossSigningKeysOfOthers(t *testing.T) {
	w := newBorder(t)
	w.room.Join(bob, "Bob")
	first, second := newCross(t, 0), newCross(t, 4)
	w.set(bob, `{"user_id":"`+bob+`","stream_id":1,"devices":[],"master_key":`+first.masterKey()+`,"self_signing_key":`+first.selfSigning+`}`)
	w.want("at first", w.query(bob), "master "+bob+", self "+bob)
	user := w.db.Atom(bob)
	signed := store.KeySignature{User: user, KeyID: first.publicKey, Signer: w.alice.User, SignerKey: "ed25519:a", Signature: "s"}
	w.write(func(tx *store.Tx) error {
		_, err := tx.PutKeySignature(signed, 1)
		return err
	})
	tell := func(master, selfSigning string) error {
		return w.keys.RemoteSigningKeyUpdate(t.Context(), "far.test", []byte(`{"user_id":"`+bob+`","master_key":`+master+`,"self_signing_key":`+selfSigning+`}`))
	}
	if err := tell(second.masterKey(), second.selfSigning); err != nil {
		t.Fatal(err)
	}
	answer, err := w.keys.Query(t.Context(), w.alice, map[string][]string{bob: nil}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if master := string(answer.MasterKeys[bob]); !strings.Contains(master, second.publicKey) || strings.Contains(master, `"s"`) || w.times() != 1 || w.pos(bob) == 0 {
		t.Errorf("%s after %q", master, w.asked)
	}
	// A self-signing key that the master key did not sign: the list is asked for anew.
	w.set(bob, `{"user_id":"`+bob+`","stream_id":2,"devices":[],"master_key":`+second.masterKey()+`,"self_signing_key":`+first.selfSigning+`}`)
	if err := tell(second.masterKey(), first.selfSigning); err != nil {
		t.Fatal(err)
	}
	w.resync(bob, "master "+bob)
	if err := w.keys.RemoteSigningKeyUpdate(t.Context(), "else.test", []byte(`{"user_id":"`+bob+`"}`)); err == nil {
		t.Error("another server tells of bob's keys")
	}
}

func TestKeysOfOthersAreClaimed(t *testing.T) {
	w := newBorder(t)
	w.far.claim = `{"one_time_keys":{"` + bob + `":{"B":{"curve25519:x":"no","signed_curve25519:AAAA":{"key":"k","signatures":{}}},"C":{"signed_curve25519:B":7}},"@alice:hs":{"A":{"signed_curve25519:C":"k"}}}}`
	wanted := map[string]map[string]string{bob: {"B": "signed_curve25519", "C": "signed_curve25519"}}
	got, err := w.keys.Claim(t.Context(), wanted, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	w.want("the keys", string(keys), `{"one_time_keys":{"`+bob+`":{"B":{"signed_curve25519:AAAA":{"key":"k","signatures":{}}}}},"failures":{}}`)
	w.want("the request", w.asked[0], `claim far.test {"one_time_keys":{"`+bob+`":{"B":"signed_curve25519","C":"signed_curve25519"}}}`)
	w.switchOff(true)
	if got, err = w.keys.Claim(t.Context(), wanted, time.Second); err != nil || got.Failures["far.test"] == nil {
		t.Errorf("%v %v", got, err)
	}
	if local, err := w.keys.ClaimLocal(t.Context(), wanted); err != nil || len(local.OneTimeKeys) > 0 || w.times() != 2 {
		t.Errorf("%v %v", local, err)
	}
}
