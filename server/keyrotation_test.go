package server_test

import (
	"net/http"
	"testing"

	"beffroi/server/pdu"
	"beffroi/server/servertest"
)

// Partners who know the old key fetch the new one when they meet it, and what the old one signed still verifies.
func TestTheSigningKeyIsReplaced(t *testing.T) {
	n := servertest.NewNetwork(t)
	a, b := n.Start(""), n.Start("b.test")
	chief, bob := a.RegisterAdmin(t, "chief"), b.Register(t, "bob")
	before := chief.CreateRoom(map[string]any{"preset": "private_chat", "name": "Avant"})
	chief.Must("POST", inviteTo(before), map[string]any{"user_id": bob.UserID}, nil) // b has the old key now
	b.Restart()                                                                      // b asked a for its keys longer than a minute ago, and keeps them
	since := bob.Sync("", "").NextBatch

	const v1 = "/_beffroi/admin/v1"
	chief.MustFail(http.StatusForbidden, "FR.BEFFROI.CONFIRM_PASSWORD", "POST", v1+"/keys/rotate", map[string]any{})
	chief.Must("POST", v1+"/confirmation", map[string]any{"password": "chief"}, nil)
	var all struct {
		Keys []struct {
			KeyID   string `json:"key_id"`
			Expired int64  `json:"expired_ts"`
		}
	}
	chief.Must("POST", v1+"/keys/rotate", map[string]any{}, &all)
	document := ask(t, a, "/_matrix/key/v2/server", http.StatusOK)
	if len(all.Keys) != 2 || !document.Object("verify_keys").Get(all.Keys[0].KeyID).Exists() || !document.Object("old_verify_keys").Get(all.Keys[1].KeyID).Exists() {
		t.Fatalf("%v %s", all, document.Raw())
	}

	after := chief.CreateRoom(map[string]any{"preset": "private_chat", "name": "Après"})
	chief.Must("POST", inviteTo(after), map[string]any{"user_id": bob.UserID}, nil)
	if state, _ := invitedTo(t, bob, since, after); state["m.room.name "] == nil {
		t.Errorf("bob sees %v", state)
	}
	for _, room := range []string{before, after} { // of the first the events are signed with the old key
		bob.Must("POST", joinBy(room), map[string]any{}, nil)
		if got := memberships(chief, room)[bob.UserID]; got != "join" {
			t.Errorf("%s: %q", room, got)
		}
	}
	p := n.Peer()
	roomID := chief.CreateRoom(map[string]any{"preset": "public_chat"})
	_, raw := p.Enter(a, "join", roomID, p.User("carol"))
	for _, e := range joinAnswer(t, raw).State {
		if keys := pdu.StoredObject(e).Object("signatures").Object(a.ServerName); !keys.Get(all.Keys[0].KeyID).Exists() {
			t.Errorf("not signed with the new key: %s", e)
		}
	}
}
