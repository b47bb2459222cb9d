package server_test

import (
	"testing"

	"beffroi/server/servertest"
)

func inviteConfig(u *servertest.User) string {
	return clientV3 + "/user/" + u.UserID + "/account_data/m.invite_permission_config"
}

// Source: client-server API, "Invite permission".
func TestInvitationsAreBlocked(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	room := alice.CreateRoom(object{})
	bob.Must("PUT", inviteConfig(bob), object{"default_action": "block"}, nil)
	alice.MustFail(403, "M_INVITE_BLOCKED", "POST", clientV3+"/rooms/"+room+"/invite", object{"user_id": bob.UserID})
	alice.MustFail(403, "M_INVITE_BLOCKED", "POST", clientV3+"/createRoom", object{"invite": []string{bob.UserID}})
	alice.MustFail(403, "M_INVITE_BLOCKED", "PUT", clientV3+"/rooms/"+room+"/state/m.room.member/"+bob.UserID, object{"membership": "invite"})
	if invited := bob.Sync("", "").Rooms.Invite; len(invited) != 0 {
		t.Error(invited)
	}
	bob.Must("PUT", inviteConfig(bob), object{}, nil)
	alice.Invite(room, bob)
	if invited := bob.Sync("", "").Rooms.Invite; len(invited) != 1 {
		t.Error(invited)
	}
}
