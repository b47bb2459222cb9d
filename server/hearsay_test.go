package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"beffroi/server/pdu"
	"beffroi/server/scrub"
	"beffroi/server/servertest"
	"beffroi/server/store"

	"maunium.net/go/mautrix/id"
)

// transacts sends an event of a peer in a transaction.
func transacts(t *testing.T, p *servertest.Peer, to *servertest.Server, txn string, e *pdu.Event) {
	t.Helper()
	body := map[string]any{"origin": p.Name, "origin_server_ts": e.OriginServerTS(), "pdus": []json.RawMessage{e.JSON()}}
	if status, answer := p.Do(to, "PUT", fed+"send/"+txn, body); status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
}

func invited(t *testing.T, s *servertest.Server, there *servertest.Residence, u *servertest.User) *pdu.Event {
	t.Helper()
	in := invites(there, "m.room.member", u.UserID, `{"membership":"invite"}`)
	if status, answer := there.Do(s, "PUT", in.path("v2"), in); status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	e, err := pdu.FromStore(there.Room.Rules, in.eventID, in.Event, false)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestAnInvitationIsTakenBack(t *testing.T) {
	n := servertest.NewNetwork(t)
	s, stranger := n.Start(""), n.Peer()
	bob := s.Register(t, "bob")
	for _, version := range []string{"6", "12"} {
		there := n.Peer().Reside(version)
		since := bob.Sync("", "").NextBatch
		invite := invited(t, s, there, bob)
		there.Line.Add(invite)
		if state, next := invitedTo(t, bob, since, there.Room.ID); state == nil {
			t.Fatalf("version %s: bob is not invited", version)
		} else {
			since = next
		}
		// Somebody else's word does not count.
		forged := there.Line.Build("m.room.member", &bob.UserID, stranger.User("x"), map[string]string{"membership": "leave"})
		if again, err := forged.Sign(stranger.Own.Signer()); err == nil {
			transacts(t, stranger, s, "1"+version, again)
		}
		if state, _ := invitedTo(t, bob, "", there.Room.ID); state == nil {
			t.Errorf("version %s: the stranger took the invitation back", version)
		}
		// Nor does that of somebody who did not invite, though their server was asked to bring the invitation.
		meddled := there.Line.Build("m.room.member", &bob.UserID, there.User("other"), map[string]string{"membership": "leave"})
		transacts(t, there.Peer, s, "3"+version, meddled)
		if state, _ := invitedTo(t, bob, "", there.Room.ID); state == nil {
			t.Errorf("version %s: somebody else took the invitation back", version)
		}
		kick := there.Line.Build("m.room.member", &bob.UserID, there.User("host"), map[string]string{"membership": "leave", "reason": "pardon"})
		transacts(t, there.Peer, s, "2"+version, kick)
		answer := bob.Sync(since, "")
		left, ok := answer.Rooms.Leave[id.RoomID(there.Room.ID)]
		if !ok || len(left.Timeline.Events) != 1 || left.Timeline.Events[0].ID.String() != kick.ID() {
			t.Errorf("version %s: bob sees %v", version, answer.Rooms)
		}
		if state, _ := invitedTo(t, bob, "", there.Room.ID); state != nil {
			t.Errorf("version %s: still invited", version)
		}
	}
	report, err := scrub.Run(t.Context(), scrub.Config{DataDir: s.DataDir()})
	if err != nil || len(report.Findings) > 0 {
		t.Errorf("%v %+v", err, report.Findings)
	}
}

// Of a room that nobody of this server is in there is nothing to read, and nothing breaks.
func TestAnInvitationIsNotARoom(t *testing.T) {
	n := servertest.NewNetwork(t)
	s := n.Start("")
	bob, chief := s.Register(t, "bob"), s.RegisterAdmin(t, "chief")
	there := n.Peer().Reside("12")
	invite := invited(t, s, there, bob)
	room := clientV3 + "/rooms/" + url.PathEscape(there.Room.ID)
	for _, call := range []string{
		"GET " + room + "/state", "GET " + room + "/members", "GET " + room + "/joined_members", "GET " + room + "/messages?dir=b", "GET " + room + "/aliases",
		"GET " + room + "/event/" + url.PathEscape(invite.ID()), "GET " + room + "/context/" + url.PathEscape(invite.ID()), "GET " + room + "/state/m.room.name/",
		"GET " + clientV1 + "/rooms/" + url.PathEscape(there.Room.ID) + "/hierarchy", "GET " + clientV1 + "/room_summary/" + url.PathEscape(there.Room.ID),
		"PUT " + room + "/send/m.room.message/1", "PUT " + room + "/typing/" + url.PathEscape(bob.UserID), "POST " + room + "/receipt/m.read/" + url.PathEscape(invite.ID()),
		"POST " + room + "/kick", "POST " + room + "/forget", "POST " + room + "/upgrade", "GET " + clientV1 + "/rooms/" + url.PathEscape(there.Room.ID) + "/threads",
	} {
		var method, path string
		if _, err := fmt.Sscan(call, &method, &path); err != nil {
			t.Fatal(err)
		}
		var body any
		if method != "GET" {
			body = map[string]any{"msgtype": "m.text", "body": "x", "typing": true, "timeout": 1000, "user_id": bob.UserID, "new_version": "12"}
		}
		for _, u := range []*servertest.User{bob, chief} {
			if status, answer := u.Raw(method, path, body); status >= 500 {
				t.Errorf("%s: %d %s", call, status, answer)
			}
		}
	}
	chief.MustFail(403, "M_FORBIDDEN", "POST", "/_synapse/admin/v1/rooms/"+url.PathEscape(there.Room.ID)+"/make_room_admin", map[string]any{"user_id": bob.UserID})
	for _, path := range []string{"/_synapse/admin/v1/rooms", "/_synapse/admin/v1/rooms/" + url.PathEscape(there.Room.ID), "/_beffroi/admin/v1/overview"} {
		if status, answer := chief.Raw("GET", path, nil); status >= 500 {
			t.Errorf("%s: %d %s", path, status, answer)
		}
	}
	if state, _ := invitedTo(t, bob, "", there.Room.ID); state == nil {
		t.Error("the invitation is gone")
	}
}

func TestAGatewayIsToldOfAnInvitation(t *testing.T) {
	g := servertest.NewGateway(t)
	n := servertest.NewNetwork(t)
	s := n.Start("", g.Option)
	bob := s.Register(t, "bob")
	bob.SetPusher(g, "key", map[string]any{"data": map[string]any{"url": g.URL}})
	there := n.Peer().Reside("12")
	there.Set("m.room.name", "", there.User("host"), map[string]any{"name": "Crue"})
	invite := invited(t, s, there, bob)
	if got := g.NextEvent(); got.EventID != invite.ID() || got.RoomID != there.Room.ID || got.RoomName != "Crue" || got.Sender != there.User("host") || got.Type != "m.room.member" {
		t.Errorf("%+v", got)
	}
}

func TestInvitationsThatWaitAreBounded(t *testing.T) {
	n := servertest.NewNetwork(t)
	s := n.Start("")
	bob, carol := s.Register(t, "bob"), s.Register(t, "carol")
	there := n.Peer().Reside("12")
	wait := func(u *servertest.User, server string, many int) {
		err := s.DB().Write(t.Context(), func(tx *store.Tx) error {
			user, err := tx.Atom(u.UserID)
			for i := range many {
				if err == nil {
					err = tx.PutStripped(store.RoomRef(1_000_000+i), user, store.Stripped{Via: server, JSON: []byte("[]")})
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	wait(bob, "elsewhere", 200)
	for _, u := range []*servertest.User{bob, carol} {
		in := invites(there, "m.room.member", u.UserID, `{"membership":"invite"}`)
		status, answer := there.Do(s, "PUT", in.path("v2"), in)
		if full := u == bob; full != (status == http.StatusTooManyRequests) || !full && status != http.StatusOK {
			t.Errorf("%s: %d %s", u.UserID, status, answer)
		}
	}
	wait(carol, there.Name, 2000)
	dora := s.Register(t, "dora")
	in := invites(there, "m.room.member", dora.UserID, `{"membership":"invite"}`)
	if status, _ := there.Do(s, "PUT", in.path("v2"), in); status != http.StatusTooManyRequests {
		t.Errorf("of one server: %d", status)
	}
}
