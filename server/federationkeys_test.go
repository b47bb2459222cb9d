package server_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

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
