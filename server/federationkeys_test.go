package server_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"beffroi/server/pdu"
	"beffroi/server/servertest"
)

func TestKeysOfUsersOfAnotherServer(t *testing.T) {
	n := servertest.NewNetwork(t)
	a, b := n.Start("a.test"), n.Start("b.test")
	alice, bob := a.Register(t, "alice"), b.Register(t, "bob")
	const keys = "/_matrix/client/v3/keys/"
	bob.Must("POST", keys+"upload", map[string]any{"device_keys": deviceKeys(bob), "one_time_keys": map[string]any{
		"signed_curve25519:AAAA": map[string]any{"key": "k", "signatures": map[string]any{}}}}, nil)
	query := func(userID string) string {
		status, answer := alice.Raw("POST", keys+"query", map[string]any{"device_keys": map[string]any{userID: []string{}}, "timeout": 5000})
		if status != http.StatusOK {
			t.Fatalf("%d %s", status, answer)
		}
		return string(answer)
	}
	if got := query(bob.UserID); !strings.Contains(got, `"device_id":"`+bob.DeviceID+`"`) || !strings.Contains(got, `"failures":{}`) {
		t.Errorf("%s", got)
	}
	if got := query("@nobody:b.test"); strings.Contains(got, "nobody") || !strings.Contains(got, `"failures":{}`) {
		t.Errorf("%s", got)
	}
	if got := query("@x:none.test"); !strings.Contains(got, `"failures":{"none.test":{"errcode"`) {
		t.Errorf("%s", got)
	}
	claim := func() string {
		_, answer := alice.Raw("POST", keys+"claim", map[string]any{"one_time_keys": map[string]any{bob.UserID: map[string]string{bob.DeviceID: "signed_curve25519"}}})
		return string(answer)
	}
	if got := claim(); !strings.Contains(got, `"signed_curve25519:AAAA"`) {
		t.Errorf("%s", got)
	}
	if got := claim(); strings.Contains(got, "AAAA") {
		t.Errorf("given twice: %s", got)
	}
}

// deviceListsOf are the users whose devices changed since a token.
func deviceListsOf(u *servertest.User, since string) (changed, left []string) {
	var sync struct {
		Lists struct{ Changed, Left []string } `json:"device_lists"`
	}
	u.Must("GET", "/_matrix/client/v3/sync?since="+since, nil, &sync)
	return sync.Lists.Changed, sync.Lists.Left
}

func TestDeviceListsOfOthersInSync(t *testing.T) {
	_, there, alice, bob := two(t)
	const keys = "/_matrix/client/v3/keys/"
	bob.Must("POST", keys+"upload", map[string]any{"device_keys": deviceKeys(bob)}, nil)
	room := bob.CreateRoom(map[string]any{"preset": "public_chat"})
	since := alice.Sync("", "").NextBatch
	alice.Must("POST", joinBy(room, there.ServerName), map[string]any{}, nil)
	if changed, left := deviceListsOf(alice, since); !slices.Contains(changed, bob.UserID) || len(left) > 0 {
		t.Errorf("%q %q after joining", changed, left)
	}
	for range 2 {
		if _, got := alice.Raw("POST", keys+"query", map[string]any{"device_keys": map[string]any{bob.UserID: []string{}}}); !strings.Contains(string(got), bob.DeviceID) {
			t.Errorf("%s", got)
		}
	}
	since = alice.Sync(since, "").NextBatch
	alice.Must("POST", "/_matrix/client/v3/rooms/"+url.PathEscape(room)+"/leave", map[string]any{}, nil)
	if changed, left := deviceListsOf(alice, since); slices.Contains(changed, bob.UserID) || !slices.Contains(left, bob.UserID) {
		t.Errorf("%q %q after leaving", changed, left)
	}
}

// An encrypted conversation between two servers needs that each hears of the other's devices: of new ones, of those that log out, and of cross-signing keys.
func TestDevicesChangeOnTheOtherServer(t *testing.T) {
	_, there, alice, bob := two(t)
	const keys = "/_matrix/client/v3/keys/"
	bob.Must("POST", keys+"upload", map[string]any{"device_keys": deviceKeys(bob)}, nil)
	room := bob.CreateRoom(map[string]any{"preset": "public_chat"})
	alice.Must("POST", joinBy(room, there.ServerName), map[string]any{}, nil)
	query := func() string {
		_, got := alice.Raw("POST", keys+"query", map[string]any{"device_keys": map[string]any{bob.UserID: []string{}}})
		return string(got)
	}
	since := alice.Sync("", "").NextBatch
	// until waits for bob among those whose devices changed.
	until := func(what string, holds func(answer string) bool) {
		t.Helper()
		for range 20 {
			if holds(query()) {
				return
			}
			since = alice.Sync(since, "timeout=1000").NextBatch
		}
		t.Errorf("%s: %s", what, query())
	}
	until("the first", func(got string) bool { return strings.Contains(got, `"device_id":"`+bob.DeviceID+`"`) })
	alice.Must("PUT", "/_matrix/client/v3/sendToDevice/m.room.encrypted/1", map[string]any{"messages": map[string]any{
		bob.UserID: map[string]any{bob.DeviceID: map[string]string{"ciphertext": "session key"}}}}, nil)
	got, next := "", ""
	for range 10 {
		answer := bob.Sync(next, "timeout=5000")
		if next = answer.NextBatch; len(answer.ToDevice.Events) > 0 {
			got = answer.ToDevice.Events[0].Sender.String()
			break
		}
	}
	if got != alice.UserID {
		t.Errorf("a message of %q", got)
	}
	phone := there.Login(t, "bob")
	phone.Must("POST", keys+"upload", map[string]any{"device_keys": deviceKeys(phone)}, nil)
	until("a new one", func(got string) bool { return strings.Contains(got, `"device_id":"`+phone.DeviceID+`"`) })
	phone.Must("POST", "/_matrix/client/v3/logout", map[string]any{}, nil)
	until("one that is gone", func(got string) bool {
		return !strings.Contains(got, phone.DeviceID) && strings.Contains(got, bob.DeviceID)
	})
	master, selfSigning, publicKey := crossSigning(bob.UserID)
	bob.Must("POST", keys+"device_signing/upload", map[string]any{"master_key": json.RawMessage(master), "self_signing_key": json.RawMessage(selfSigning)}, nil)
	until("cross-signing", func(got string) bool {
		return strings.Contains(got, `"self_signing_keys":{"`+bob.UserID) && strings.Contains(got, publicKey)
	})
}

// crossSigning makes a master key and a self-signing key that it signed.
func crossSigning(userID string) (master, selfSigning, publicKey string) {
	seed := func(b byte) (ed25519.PrivateKey, string) {
		k := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, 32))
		return k, pdu.EncodeBase64(k.Public().(ed25519.PublicKey))
	}
	private, publicKey := seed(1)
	_, other := seed(2)
	bare := fmt.Sprintf(`{"keys":{"ed25519:%s":"%s"},"usage":["self_signing"],"user_id":%q}`, other, other, userID)
	signature := pdu.EncodeBase64(ed25519.Sign(private, []byte(bare)))
	return fmt.Sprintf(`{"keys":{"ed25519:%s":"%s"},"usage":["master"],"user_id":%q}`, publicKey, publicKey, userID),
		strings.TrimSuffix(bare, "}") + fmt.Sprintf(`,"signatures":{%q:{"ed25519:%s":%q}}}`, userID, publicKey, signature), publicKey
}
