package server_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"beffroi/server/pdu"
	"beffroi/server/servertest"
)

// identity is an identity server's key.
type identity struct{ key ed25519.PrivateKey }

// promises puts an invitation of an address into a room.
func (i identity) promises(u *servertest.User, roomID, token string) {
	key := pdu.EncodeBase64(i.key.Public().(ed25519.PublicKey))
	u.Must("PUT", statePath(roomID, "m.room.third_party_invite", token), map[string]any{"display_name": "b…@mairie.test", "key_validity_url": "https://id.test/valid",
		"public_key": key, "public_keys": []map[string]string{{"public_key": key}}}, nil)
}

func (i identity) signed(t *testing.T, userID, token string) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(map[string]string{"mxid": userID, "token": token})
	if err != nil {
		t.Fatal(err)
	}
	out, err := pdu.SignJSON(raw, "id.test", "ed25519:0", i.key)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// bound is what the identity server says to the homeserver of a user.
func (i identity) bound(t *testing.T, userID, roomID, sender, token string) map[string]any {
	t.Helper()
	return map[string]any{"medium": "email", "address": "b@mairie.test", "mxid": userID, "invites": []map[string]any{
		{"medium": "email", "address": "b@mairie.test", "mxid": userID, "room_id": roomID, "sender": sender, "signed": i.signed(t, userID, token)}}}
}

func newIdentity(t *testing.T) identity {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return identity{key}
}

const onBind = "/_matrix/federation/v1/3pid/onbind"

func TestInvitationsByAddresses(t *testing.T) {
	n := servertest.NewNetwork(t)
	a, b, p := n.Start(""), n.Start("b.test"), n.Peer()
	alice, bob, carol := a.Register(t, "alice"), b.Register(t, "bob"), a.Register(t, "carol")
	id, fake := newIdentity(t), newIdentity(t)
	roomID := alice.CreateRoom(map[string]any{"preset": "private_chat", "name": "Budget"})
	id.promises(alice, roomID, "one")
	id.promises(alice, roomID, "two")
	since := bob.Sync("", "").NextBatch

	tell := func(s *servertest.Server, body any) int { return s.Anonymous(t).Do("PUT", onBind, body, nil) }
	for name, c := range map[string]struct {
		s    *servertest.Server
		body map[string]any
	}{
		"another key":          {b, fake.bound(t, bob.UserID, roomID, alice.UserID, "one")},
		"another token":        {b, id.bound(t, bob.UserID, roomID, alice.UserID, "none")},
		"another inviter":      {b, id.bound(t, bob.UserID, roomID, carol.UserID, "one")},
		"nobody":               {b, id.bound(t, "@none:b.test", roomID, alice.UserID, "one")},
		"somebody elsewhere":   {b, id.bound(t, carol.UserID, roomID, alice.UserID, "one")},
		"another key, at home": {a, fake.bound(t, carol.UserID, roomID, alice.UserID, "two")},
	} {
		if status := tell(c.s, c.body); status < 400 || status >= 500 {
			t.Errorf("%s: %d", name, status)
		}
	}
	if all := memberships(alice, roomID); all[bob.UserID] != "" || all[carol.UserID] != "" {
		t.Fatalf("after all this: %v", all)
	}
	if status := tell(b, id.bound(t, bob.UserID, roomID, alice.UserID, "one")); status != http.StatusOK {
		t.Errorf("bob: %d", status)
	}
	if status := tell(a, id.bound(t, carol.UserID, roomID, alice.UserID, "two")); status != http.StatusOK {
		t.Errorf("carol: %d", status)
	}
	if all := memberships(alice, roomID); all[bob.UserID] != "invite" || all[carol.UserID] != "invite" {
		t.Errorf("%v", all)
	}
	if state, _ := invitedTo(t, bob, since, roomID); state["m.room.name "] == nil {
		t.Errorf("bob sees %v", state)
	}
	bob.Must("POST", joinBy(roomID), map[string]any{}, nil)

	// Another server exchanges for its own users only.
	id.promises(alice, roomID, "three")
	body := map[string]any{"type": "m.room.member", "room_id": roomID, "sender": alice.UserID, "state_key": "@dora:b.test",
		"content": map[string]any{"membership": "invite", "third_party_invite": map[string]any{"display_name": "x", "signed": id.signed(t, "@dora:b.test", "three")}}}
	if status, answer := p.Do(a, "PUT", fed+"exchange_third_party_invite/"+url.PathEscape(roomID), body); status != http.StatusForbidden {
		t.Errorf("%d %s", status, answer)
	}
}
