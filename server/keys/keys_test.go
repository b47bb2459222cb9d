package keys_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"beffroi/server/keys"
	"beffroi/server/pdu"
	"beffroi/server/store"
	"beffroi/server/store/storetest"

	"github.com/rs/zerolog"
)

type m = map[string]any

// world is a ring in a network of servers whose answers the test writes.
type world struct {
	*keys.Ring
	own   *keys.Own
	db    *storetest.File
	clock time.Time

	mu      sync.Mutex
	said    map[string][]byte             // by server
	noted   map[string]func(q m) [][]byte // by notary
	asked   map[string]int
	blocked chan struct{} // nil: nobody is slow
	refused map[string]bool
	pinned  map[string]map[string]store.ServerKey
	heard   map[string]int
}

func newWorld(t *testing.T, notaries ...string) *world {
	t.Helper()
	w := &world{db: storetest.Open(t), clock: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), said: map[string][]byte{},
		noted: map[string]func(m) [][]byte{}, asked: map[string]int{}, refused: map[string]bool{}, heard: map[string]int{}}
	var err error
	if w.own, err = keys.OpenOwn(t.Context(), w.db.DB, "hs", w.now, rand.Reader); err != nil {
		t.Fatal(err)
	}
	w.Ring = w.ring(notaries...)
	t.Cleanup(w.Close)
	return w
}

// ring is a ring on the world's database, as after a restart.
func (w *world) ring(notaries ...string) *keys.Ring {
	return keys.NewRing(w.db.DB, w.now, keys.Config{Own: w.own, Fetcher: w, Notaries: func() []string { return notaries }, Log: zerolog.Nop(),
		Admits: func(server string) bool { return !w.refused[server] },
		Pinned: func(server string) (map[string]store.ServerKey, bool) { k, ok := w.pinned[server]; return k, ok }, Heard: func(server string) { w.heard[server]++ }})
}

func (w *world) now() time.Time { return w.clock }

func (w *world) after(d time.Duration) int64 { return store.Millis(w.clock.Add(d)) }

func (w *world) ServerKeys(ctx context.Context, server string) ([]byte, error) {
	w.mu.Lock()
	w.asked[server]++
	b, blocked := w.said[server], w.blocked
	w.mu.Unlock()
	if blocked != nil {
		select {
		case <-blocked:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if b == nil {
		return nil, errors.New("nobody answers")
	}
	return b, nil
}

func (w *world) QueryKeys(_ context.Context, notary string, query []byte) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked[notary+" as a notary"]++
	if w.noted[notary] == nil {
		return nil, errors.New("nobody answers")
	}
	var q m
	if err := json.Unmarshal(query, &q); err != nil {
		return nil, err
	}
	raws := []json.RawMessage{}
	for _, b := range w.noted[notary](q) {
		raws = append(raws, b)
	}
	return json.Marshal(m{"server_keys": raws})
}

// key is a key that is always the same.
func key(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func public(name string) m {
	return m{"key": pdu.EncodeBase64(key(name).Public().(ed25519.PublicKey))}
}

func expired(name string, at int64) m {
	k := public(name)
	k["expired_ts"] = at
	return k
}

// document is what a server says of its keys: "ed25519:" and the names of keys, the ones that sign it.
func document(t *testing.T, server string, until int64, change m, names ...string) []byte {
	t.Helper()
	verify := m{}
	for _, name := range names {
		verify["ed25519:"+name] = public(name)
	}
	d := m{"server_name": server, "valid_until_ts": until, "verify_keys": verify}
	for k, v := range change {
		d[k] = v
	}
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return sign(t, b, server, names...)
}

func sign(t *testing.T, b []byte, server string, names ...string) []byte {
	t.Helper()
	for _, name := range names {
		var err error
		if b, err = pdu.SignJSON(b, server, "ed25519:"+name, key(name)); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// event is one of a server, signed with a key.
func event(t *testing.T, version, server, keyName string, at int64) *pdu.Received {
	t.Helper()
	rules, _ := pdu.RulesFor(version)
	e, err := pdu.Build(rules, pdu.Proto{Type: "m.room.message", Sender: "@a:" + server, RoomID: "!r:" + server, OriginServerTS: at, Localpart: "x",
		Content: json.RawMessage(`{"body":"bonjour"}`)}, pdu.Signer{ServerName: server, KeyID: "ed25519:" + keyName, Key: key(keyName)})
	if err != nil {
		t.Fatal(err)
	}
	rc, err := pdu.Receive(rules, e.JSON())
	if err != nil {
		t.Fatal(err)
	}
	return rc
}

// verifies holds an event of room version 10 of a.fr to count, or not for want of a key.
func (w *world) verifies(t *testing.T, what, keyName string, at int64, want bool) {
	t.Helper()
	_, err := w.Verify(t.Context(), event(t, "10", "a.fr", keyName, at))
	if (err == nil) != want || err != nil && !errors.Is(err, keys.ErrNoKey) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func TestAKeyIsFetchedOnceAndKept(t *testing.T) {
	w := newWorld(t)
	w.said["a.fr"] = document(t, "a.fr", w.after(time.Hour), nil, "one")
	for range 3 {
		w.verifies(t, "a fresh key", "one", w.after(0), true)
	}
	w.Ring = w.ring()
	w.verifies(t, "after a restart", "one", w.after(0), true)
	if w.asked["a.fr"] != 1 {
		t.Errorf("asked %d times", w.asked["a.fr"])
	}
}

func TestValidity(t *testing.T) {
	w := newWorld(t)
	w.said["a.fr"] = document(t, "a.fr", w.after(1000*24*time.Hour), m{"old_verify_keys": m{"ed25519:old": expired("old", w.after(-time.Hour))}}, "one")
	w.verifies(t, "now", "one", w.after(0), true)
	w.verifies(t, "in six days", "one", w.after(6*24*time.Hour), true)
	w.verifies(t, "beyond seven days", "one", w.after(8*24*time.Hour), false)
	w.verifies(t, "an old key in its time", "old", w.after(-2*time.Hour), true)
	w.verifies(t, "an old key after it", "old", w.after(0), false)
	for _, version := range []string{"3", "4"} {
		if _, err := w.Verify(t.Context(), event(t, version, "a.fr", "old", w.after(0))); err != nil {
			t.Errorf("version %s: %v", version, err)
		}
		if _, err := w.Verify(t.Context(), event(t, version, "a.fr", "one", w.after(9*24*time.Hour))); err != nil {
			t.Errorf("version %s: %v", version, err)
		}
	}
}

func TestAnEventAfterTheDocumentsEndAsksAgain(t *testing.T) {
	w := newWorld(t)
	w.said["a.fr"] = document(t, "a.fr", w.after(time.Hour), nil, "one")
	w.verifies(t, "within", "one", w.after(0), true)
	w.clock = w.clock.Add(2 * time.Hour)
	w.said["a.fr"] = document(t, "a.fr", w.after(time.Hour), nil, "one")
	w.verifies(t, "after it", "one", w.after(0), true)
	w.clock = w.clock.Add(2 * time.Hour)
	w.said["a.fr"] = nil
	w.verifies(t, "after the second, with nobody to ask", "one", w.after(0), false)
	w.verifies(t, "of old, with nobody to ask", "one", w.after(-2*time.Hour), true)
}

func TestARotatedKeyCountsForWhatItSignedBefore(t *testing.T) {
	w := newWorld(t)
	w.said["a.fr"] = document(t, "a.fr", w.after(24*time.Hour), nil, "one")
	w.verifies(t, "before", "one", w.after(0), true)
	w.clock = w.clock.Add(time.Hour)
	w.said["a.fr"] = document(t, "a.fr", w.after(24*time.Hour), m{"old_verify_keys": m{"ed25519:one": expired("one", w.after(-time.Minute))}}, "two")
	w.verifies(t, "with the new one", "two", w.after(0), true)
	w.verifies(t, "with the old one, later", "one", w.after(0), false)
	w.verifies(t, "with the old one, before", "one", w.after(-time.Hour), true)
}

func TestHostileDocumentsGiveNoKey(t *testing.T) {
	until := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC).UnixMilli()
	short := m{"ed25519:one": m{"key": pdu.EncodeBase64([]byte("only sixteen byt"))}}
	many := m{}
	for i := range 200 {
		many[fmt.Sprintf("ed25519:old%d", i)] = expired("old", until)
	}
	for name, b := range map[string][]byte{
		"another's name":           document(t, "b.fr", until, nil, "one"),
		"another's, renamed":       []byte(strings.Replace(string(document(t, "b.fr", until, nil, "one")), `"server_name":"b.fr"`, `"server_name":"a.fr"`, 1)),
		"a short key":              document(t, "a.fr", until, m{"verify_keys": short}, "one"),
		"no signature":             []byte(fmt.Sprintf(`{"server_name":"a.fr","valid_until_ts":%d,"verify_keys":{"ed25519:one":{"key":%q}}}`, until, public("one")["key"])),
		"signed by another key":    sign(t, document(t, "a.fr", until, m{"verify_keys": m{"ed25519:one": public("one")}}), "a.fr", "two"),
		"a wrong signature":        []byte(strings.Replace(string(document(t, "a.fr", until, nil, "one")), `"valid_until_ts":`, `"x":1,"valid_until_ts":`, 1)),
		"one wrong beside a right": document(t, "a.fr", until, m{"verify_keys": m{"ed25519:one": public("one"), "ed25519:two": public("three")}}, "one", "two"),
		"no end":                   document(t, "a.fr", until, m{"valid_until_ts": "soon"}, "one"),
		"an end before 1970":       document(t, "a.fr", -1, nil, "one"),
		"too many keys":            document(t, "a.fr", until, m{"old_verify_keys": many}, "one"),
		"a million keys":           document(t, "a.fr", until, m{"old_verify_keys": m{"ed25519:x": strings.Repeat("x", keys.MaxDocument)}}, "one"),
		"a member twice":           []byte(strings.Replace(string(document(t, "a.fr", until, nil, "one")), `{`, `{"server_name":"b.fr",`, 1)),
		"an odd key id":            document(t, "a.fr", until, m{"verify_keys": m{"curve25519:one": public("one")}}, "one"),
		"no JSON":                  []byte("<html>"),
		"an array":                 []byte("[]"),
		"nothing":                  {},
	} {
		w := newWorld(t)
		w.said["a.fr"] = b
		w.verifies(t, name, "one", w.after(0), false)
	}
}

func TestAKeyThatHasNotSignedIsLeftOut(t *testing.T) {
	w := newWorld(t)
	w.said["a.fr"] = document(t, "a.fr", w.after(time.Hour), m{"verify_keys": m{"ed25519:one": public("one"), "ed25519:two": public("two")}}, "one")
	w.verifies(t, "the one that signed", "one", w.after(0), true)
	w.verifies(t, "the other", "two", w.after(0), false)
}

func TestAWrongSignatureIsNoMissingKey(t *testing.T) {
	w := newWorld(t)
	w.said["a.fr"] = document(t, "a.fr", w.after(time.Hour), m{"verify_keys": m{"ed25519:one": public("two")}})
	w.said["a.fr"], _ = pdu.SignJSON(w.said["a.fr"], "a.fr", "ed25519:one", key("two"))
	_, err := w.Verify(t.Context(), event(t, "10", "a.fr", "one", w.after(0)))
	if !errors.Is(err, pdu.ErrSignature) || errors.Is(err, keys.ErrNoKey) {
		t.Error(err)
	}
}

func TestFailuresAreNotRepeatedAtOnce(t *testing.T) {
	w := newWorld(t)
	for range 5 {
		w.verifies(t, "nobody answers", "one", w.after(0), false)
	}
	if w.asked["a.fr"] != 1 {
		t.Errorf("asked %d times at once", w.asked["a.fr"])
	}
	asked := 0
	for range 60 { // an hour
		w.clock = w.clock.Add(time.Minute)
		w.verifies(t, "nobody answers", "one", w.after(0), false)
	}
	if asked = w.asked["a.fr"]; asked < 5 || asked > 15 {
		t.Errorf("asked %d times in an hour", asked)
	}
	w.clock = w.clock.Add(15 * time.Minute)
	w.said["a.fr"] = document(t, "a.fr", w.after(time.Hour), nil, "one")
	w.verifies(t, "when it is there again", "one", w.after(0), true)
	for range 5 {
		w.verifies(t, "a key it does not have", "two", w.after(0), false)
	}
	if w.asked["a.fr"] != asked+1 {
		t.Errorf("asked %d times for a key that it does not have", w.asked["a.fr"]-asked-1)
	}
}

func TestAllWaitForOneFetch(t *testing.T) {
	w := newWorld(t)
	w.blocked = make(chan struct{})
	w.said["a.fr"] = document(t, "a.fr", w.after(time.Hour), nil, "one")
	e := event(t, "10", "a.fr", "one", w.after(0))
	gone, cancel := context.WithCancel(t.Context())
	first := make(chan error)
	go func() {
		_, err := w.Verify(gone, e)
		first <- err
	}()
	var others sync.WaitGroup
	for range 20 {
		others.Go(func() {
			if _, err := w.Verify(t.Context(), e); err != nil {
				t.Error(err)
			}
		})
	}
	cancel() // who began it goes; the others get the key
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(w.blocked)
	others.Wait()
	if w.asked["a.fr"] != 1 {
		t.Errorf("asked %d times", w.asked["a.fr"])
	}
}

func TestNobodyIsAskedWhomThePolicyRefuses(t *testing.T) {
	w := newWorld(t, "notary.fr")
	w.refused["a.fr"] = true
	w.verifies(t, "refused", "one", w.after(0), false)
	if got, err := w.Answer(t.Context(), keys.Query{"a.fr": 0}); err != nil || len(got) != 0 {
		t.Error(got, err)
	}
	if w.asked["a.fr"] != 0 {
		t.Errorf("asked: %v", w.asked)
	}
}

// The events of a server that the policy refuses come by others: its keys come from notaries that are not refused, and are told to nobody.
func TestKeysOfRefusedServersComeFromNotaries(t *testing.T) {
	w := newWorld(t, "refused-notary.fr", "notary.fr")
	w.refused["a.fr"], w.refused["refused-notary.fr"] = true, true
	w.said["a.fr"] = document(t, "a.fr", w.after(time.Hour), nil, "one")
	w.said["notary.fr"] = document(t, "notary.fr", w.after(time.Hour), nil, "n")
	w.noted["notary.fr"] = func(m) [][]byte {
		return [][]byte{sign(t, document(t, "a.fr", w.after(time.Hour), nil, "one"), "notary.fr", "n")}
	}
	w.verifies(t, "by a notary", "one", w.after(0), true)
	if w.asked["a.fr"] != 0 || w.asked["refused-notary.fr as a notary"] != 0 || w.asked["notary.fr as a notary"] != 1 {
		t.Errorf("asked: %v", w.asked)
	}
	if got, err := w.Answer(t.Context(), keys.Query{"a.fr": 0, "hs": 0}); err != nil || len(got) != 1 {
		t.Errorf("told: %s %v", got, err)
	}
}

func TestPinnedKeysCountAlone(t *testing.T) {
	w := newWorld(t, "notary.fr")
	w.said["a.fr"] = document(t, "a.fr", w.after(time.Hour), nil, "one")
	w.verifies(t, "before", "one", w.after(0), true)
	pin := func(name string, retired bool) store.ServerKey {
		return store.ServerKey{ID: "ed25519:" + name, Key: key(name).Public().(ed25519.PublicKey), Until: w.after(0), Retired: retired}
	}
	w.pinned = map[string]map[string]store.ServerKey{"a.fr": {"ed25519:two": pin("two", false), "ed25519:old": pin("old", true)}}
	asked := w.asked["a.fr"]
	w.verifies(t, "what it says itself", "one", w.after(0), false)
	w.verifies(t, "the key that is pinned", "two", w.after(0), true)
	w.verifies(t, "one of before, in its time", "old", w.after(-time.Hour), true)
	w.verifies(t, "one of before, after it", "old", w.after(time.Hour), false)
	w.verifies(t, "nobody's", "three", w.after(0), false)
	if w.asked["a.fr"] != asked || w.asked["notary.fr as a notary"] != 0 {
		t.Errorf("asked: %v", w.asked)
	}
	w.clock = w.clock.Add(2 * time.Hour) // what is known of it is old: as a notary the ring asks again
	for _, c := range []struct {
		signed []string
		want   int
	}{{[]string{"one"}, 0}, {[]string{"one", "two"}, 1}} {
		w.said["a.fr"] = document(t, "a.fr", w.after(time.Hour), nil, c.signed...)
		w.clock = w.clock.Add(20 * time.Minute)
		if got, err := w.Answer(t.Context(), keys.Query{"a.fr": 0}); err != nil || len(got) != c.want {
			t.Errorf("signed by %v: %s %v", c.signed, got, err)
		}
	}
}

func TestNotaries(t *testing.T) {
	given := func(b ...[]byte) func(m) [][]byte { return func(m) [][]byte { return b } }
	for name, c := range map[string]struct {
		answer func(w *world) [][]byte
		want   bool
	}{
		"signed by both": {func(w *world) [][]byte {
			return [][]byte{sign(t, document(t, "a.fr", w.after(time.Hour), nil, "one"), "notary.fr", "n")}
		}, true},
		"not signed by the notary": {func(w *world) [][]byte { return [][]byte{document(t, "a.fr", w.after(time.Hour), nil, "one")} }, false},
		"wrongly by the notary": {func(w *world) [][]byte {
			return [][]byte{sign(t, document(t, "a.fr", w.after(time.Hour), nil, "one"), "notary.fr", "one")}
		}, false},
		"not signed by the server": {func(w *world) [][]byte {
			return [][]byte{sign(t, document(t, "a.fr", w.after(time.Hour), m{"verify_keys": m{"ed25519:one": public("one")}}), "notary.fr", "n")}
		}, false},
		"another's": {func(w *world) [][]byte {
			return [][]byte{sign(t, document(t, "b.fr", w.after(time.Hour), nil, "one"), "notary.fr", "n")}
		}, false},
		"a bad one before the right": {func(w *world) [][]byte {
			return [][]byte{[]byte(`{}`), sign(t, document(t, "a.fr", w.after(time.Hour), nil, "one"), "notary.fr", "n")}
		}, true},
		"nothing": {func(*world) [][]byte { return nil }, false},
	} {
		w := newWorld(t, "silent.fr", "notary.fr")
		w.said["notary.fr"] = document(t, "notary.fr", w.after(time.Hour), nil, "n")
		w.noted["notary.fr"] = given(c.answer(w)...)
		w.verifies(t, name, "one", w.after(0), c.want)
	}
}

func TestANotarysWordTakesNothingAway(t *testing.T) {
	w := newWorld(t, "notary.fr")
	w.said["notary.fr"] = document(t, "notary.fr", w.after(5*time.Hour), nil, "n")
	w.said["a.fr"] = document(t, "a.fr", w.after(2*time.Hour), nil, "one")
	w.verifies(t, "from itself", "one", w.after(0), true)
	w.said["a.fr"] = nil
	w.clock = w.clock.Add(90 * time.Minute)
	stolen := m{"verify_keys": m{"ed25519:one": public("thief"), "ed25519:thief": public("thief")}, "old_verify_keys": m{}}
	fake := document(t, "a.fr", w.after(5*time.Hour), stolen)
	for _, id := range []string{"ed25519:one", "ed25519:thief"} {
		fake, _ = pdu.SignJSON(fake, "a.fr", id, key("thief"))
	}
	w.noted["notary.fr"] = func(m) [][]byte { return [][]byte{sign(t, fake, "notary.fr", "n")} }
	w.verifies(t, "after the notary was asked", "thief", w.after(0), true) // a notary is trusted with keys that are not known
	w.verifies(t, "the key that was known", "one", w.after(0), true)
}

func TestOwnDocument(t *testing.T) {
	w := newWorld(t)
	signer := w.own.Signer()
	d := read(t, w.own)
	if err := d.VerifySignature("hs", signer.KeyID, signer.Key.Public().(ed25519.PublicKey)); err != nil {
		t.Error(err)
	}
	until, _ := d.Int("valid_until_ts")
	if ahead := time.Duration(until-w.after(0)) * time.Millisecond; ahead < time.Hour || ahead > 7*24*time.Hour {
		t.Errorf("valid for %s", ahead)
	}
	again, err := keys.OpenOwn(t.Context(), w.db.DB, "hs", w.now, rand.Reader)
	if err != nil || again.Signer().KeyID != signer.KeyID {
		t.Errorf("a start rotated the key: %v", err)
	}
}

func read(t *testing.T, o *keys.Own) pdu.Object {
	t.Helper()
	b, err := o.Document()
	if err != nil {
		t.Fatal(err)
	}
	d, err := pdu.ParseObject(b)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestRotationOnPurpose(t *testing.T) {
	w := newWorld(t)
	before := w.own.Signer()
	if err := w.own.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	after, d := w.own.Signer(), read(t, w.own)
	if after.KeyID == before.KeyID || after.Key.Equal(before.Key) {
		t.Error("the key is the same")
	}
	old := d.Object("old_verify_keys").Object(before.KeyID)
	if at, ok := old.Int("expired_ts"); !ok || at < w.after(0) {
		t.Errorf("the old key is told as %s", old.Raw())
	}
	if d.Object("verify_keys").Get(before.KeyID).Exists() || !d.Object("verify_keys").Get(after.KeyID).Exists() {
		t.Errorf("verify_keys: %s", d.Get("verify_keys").Raw())
	}
	again, err := keys.OpenOwn(t.Context(), w.db.DB, "hs", w.now, rand.Reader)
	if err != nil || again.Signer().KeyID != after.KeyID || string(read(t, again).Raw()) != string(d.Raw()) {
		t.Errorf("after a restart: %v", err)
	}
}

func TestTheNotarySignsWhatOthersSaid(t *testing.T) {
	w := newWorld(t)
	w.said["a.fr"] = document(t, "a.fr", w.after(time.Hour), nil, "one")
	got, err := w.Answer(t.Context(), keys.Query{"a.fr": 0, "gone.fr": 0, "hs": 0, "not a name": 0})
	if err != nil || len(got) != 2 {
		t.Fatalf("%s, %v", got, err)
	}
	signer := w.own.Signer()
	for _, b := range got {
		if err := pdu.VerifyJSON(b, "hs", signer.KeyID, signer.Key.Public().(ed25519.PublicKey)); err != nil {
			t.Error(err)
		}
	}
	if err := pdu.VerifyJSON(got[0], "a.fr", "ed25519:one", key("one").Public().(ed25519.PublicKey)); err != nil {
		t.Error(err)
	}
	w.said["a.fr"] = nil
	w.clock = w.clock.Add(24 * time.Hour)
	if got, err = w.Answer(t.Context(), keys.Query{"a.fr": w.after(0)}); err != nil || len(got) != 1 {
		t.Errorf("of a server that is gone: %s, %v", got, err)
	}
	if w.asked["not a name"] != 0 {
		t.Error("what is no server was asked")
	}
}

func TestOneRequestToTheNotaryAsksFew(t *testing.T) {
	w := newWorld(t)
	q := keys.Query{}
	for i := range 500 {
		q[fmt.Sprintf("s%d.fr", i)] = 0
	}
	if _, err := w.Answer(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	if len(w.asked) != 10 {
		t.Errorf("%d servers were asked", len(w.asked))
	}
}
