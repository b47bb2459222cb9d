//go:build interop

package federation

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"beffroi/server/servertest"
)

type object = map[string]any

func at(roomID, rest string) string {
	return clientAPI + "/rooms/" + url.PathEscape(roomID) + rest
}

// public are the options of a room that everybody may join, of some version.
func public(version string) object { return object{"preset": "public_chat", "room_version": version} }

// join has a user join a room, or an alias, by a server that is in it.
func join(u *servertest.User, room string, by *Node) {
	u.Must("POST", clientAPI+"/join/"+url.PathEscape(room)+"?via="+by.ServerName+"&server_name="+by.ServerName, object{}, nil)
}

// shared makes a room of alice's that bob has joined.
func (s *scene) shared(options object) string {
	s.Helper()
	room := s.alice.CreateRoom(options)
	join(s.bob, room, s.host)
	s.agree(room)
	return room
}

// state is the state of a room as a user's server has it, a line for each event.
func state(u *servertest.User, room string) []string {
	var events []struct {
		Type     string `json:"type"`
		StateKey string `json:"state_key"`
		EventID  string `json:"event_id"`
	}
	u.Must("GET", at(room, "/state"), nil, &events)
	var lines []string
	for _, e := range events {
		lines = append(lines, fmt.Sprintf("%s %q %s", e.Type, e.StateKey, e.EventID))
	}
	slices.Sort(lines)
	return lines
}

// agree waits until both servers have the same state of a room.
func (s *scene) agree(room string) {
	s.Helper()
	var a, b []string
	defer func() {
		if s.Failed() {
			s.Logf("%s has\n%s\n%s has\n%s", s.host.Label, strings.Join(a, "\n"), s.guest.Label, strings.Join(b, "\n"))
		}
	}()
	until(s, "both have the same state", func() bool {
		a, b = state(s.alice, room), state(s.bob, room)
		return slices.Equal(a, b)
	})
}

// membership waits until a server has a user's membership.
func (s *scene) membership(u *servertest.User, room string, of *servertest.User, want string) {
	s.Helper()
	until(s, u.UserID+" sees "+of.UserID+": "+want, func() bool {
		var content struct{ Membership string }
		u.Do("GET", at(room, "/state/m.room.member/"+url.PathEscape(of.UserID)), nil, &content)
		return content.Membership == want
	})
}

func (s *scene) joins() {
	alias := "salon" + s.alice.Localpart
	room := s.alice.CreateRoom(object{"preset": "public_chat", "room_alias_name": alias, "name": "Salon", "topic": "Ouvert"})
	join(s.bob, "#"+alias+":"+s.host.ServerName, s.host)
	s.agree(room)
	a, b := newReader(s, s.alice), newReader(s, s.bob)
	for range 3 {
		b.sees(room, s.alice.SendText(room, "Bonjour"))
		a.sees(room, s.bob.SendText(room, "Bonjour à vous"))
	}
	carol := s.guest.Register(s, "carol"+s.bob.Localpart) // whose server is in the room
	join(carol, room, s.host)
	a.sees(room, carol.SendText(room, "Moi aussi"))
	for _, u := range []*servertest.User{carol, s.bob} {
		u.Must("POST", at(room, "/leave"), object{}, nil)
		s.membership(s.alice, room, u, "leave")
	}
	join(s.bob, room, s.host) // after everybody of the server has left
	s.agree(room)
	b.sees(room, s.alice.SendText(room, "De retour"))
	a.sees(room, s.bob.SendText(room, "De retour"))
}

func (s *scene) invitations() {
	b := newReader(s, s.bob)
	room := s.alice.CreateRoom(object{"preset": "private_chat", "name": "Commission", "invite": []string{s.bob.UserID}})
	b.is(room, "invite")
	if !slices.ContainsFunc(b.room(room).stripped, named("Commission")) {
		s.Errorf("the invitation does not tell the room's name: %v", b.room(room).stripped)
	}
	join(s.bob, room, s.host)
	s.agree(room)
	newReader(s, s.alice).sees(room, s.bob.SendText(room, "Me voici"))

	declined := s.alice.CreateRoom(object{"preset": "private_chat", "invite": []string{s.bob.UserID}})
	b.is(declined, "invite")
	s.bob.Must("POST", at(declined, "/leave"), object{}, nil)
	s.membership(s.alice, declined, s.bob, "leave")

	withdrawn := s.alice.CreateRoom(object{"preset": "private_chat", "invite": []string{s.bob.UserID}})
	b.is(withdrawn, "invite")
	s.alice.Must("POST", at(withdrawn, "/kick"), object{"user_id": s.bob.UserID}, nil)
	b.is(withdrawn, "leave")
	s.bob.Must("GET", clientAPI+"/joined_rooms", nil, nil)

	direct := s.alice.CreateRoom(object{"preset": "trusted_private_chat", "is_direct": true, "invite": []string{s.bob.UserID}})
	b.is(direct, "invite")
	join(s.bob, direct, s.host)
	s.agree(direct)
}

func (s *scene) knocks() {
	a, b := newReader(s, s.alice), newReader(s, s.bob)
	room := s.alice.CreateRoom(object{"preset": "private_chat", "name": "Bureau", "initial_state": []object{joinRules(object{"join_rule": "knock"})}})
	knock := func() {
		s.bob.Must("POST", clientAPI+"/knock/"+url.PathEscape(room)+"?via="+s.host.ServerName+"&server_name="+s.host.ServerName, object{"reason": "Toc"}, nil)
		b.is(room, "knock")
		s.membership(s.alice, room, s.bob, "knock")
	}
	knock()
	if !slices.ContainsFunc(b.room(room).stripped, named("Bureau")) {
		s.Errorf("the knock's answer does not tell the room's name: %v", b.room(room).stripped)
	}
	s.bob.Must("POST", at(room, "/leave"), object{}, nil)
	if s.guest.ours { // Synapse tells nobody
		s.membership(s.alice, room, s.bob, "leave")
	}
	knock()
	s.alice.Must("POST", at(room, "/invite"), object{"user_id": s.bob.UserID}, nil)
	until(s, "bob is invited", func() bool {
		fresh := newReader(s, s.bob) // Synapse's sync of one who was told of the knock may say nothing
		fresh.read(s.bob.Sync("", ""))
		return fresh.room(room).membership == "invite"
	})
	join(s.bob, room, s.host)
	s.agree(room)
	a.sees(room, s.bob.SendText(room, "Merci"))
}

// restricted has bob join a room because he is in its space.
func (s *scene) restricted() {
	space := s.alice.CreateRoom(object{"preset": "public_chat", "name": "Mairie", "creation_content": object{"type": "m.space"}})
	rules := object{"join_rule": "restricted", "allow": []object{{"type": "m.room_membership", "room_id": space}}}
	room := s.alice.CreateRoom(object{"preset": "private_chat", "name": "Agents", "initial_state": []object{joinRules(rules)}})
	s.alice.Must("PUT", at(space, "/state/m.space.child/"+url.PathEscape(room)), object{"via": []string{s.host.ServerName}}, nil)
	if status := s.bob.Do("POST", clientAPI+"/join/"+url.PathEscape(room)+"?via="+s.host.ServerName+"&server_name="+s.host.ServerName, object{}, nil); status != http.StatusForbidden {
		s.Errorf("who is not in the space joins: %d", status)
	}
	join(s.bob, space, s.host)
	s.agree(space)
	var tree struct {
		Rooms []struct {
			RoomID string `json:"room_id"`
			Name   string `json:"name"`
		} `json:"rooms"`
	}
	s.bob.Must("GET", "/_matrix/client/v1/rooms/"+url.PathEscape(space)+"/hierarchy", nil, &tree)
	if len(tree.Rooms) != 2 || tree.Rooms[1].Name != "Agents" {
		s.Errorf("the space as the guest has it: %+v", tree)
	}
	join(s.bob, room, s.host)
	s.agree(room)
	newReader(s, s.alice).sees(room, s.bob.SendText(room, "Entré par l'espace"))
}

func (s *scene) bans() {
	room := s.shared(public("11"))
	b := newReader(s, s.bob)
	b.is(room, "join")
	s.alice.Must("POST", at(room, "/ban"), object{"user_id": s.bob.UserID, "reason": "Assez"}, nil)
	b.is(room, "leave")
	if status := s.bob.Do("POST", clientAPI+"/join/"+url.PathEscape(room)+"?via="+s.host.ServerName+"&server_name="+s.host.ServerName, object{}, nil); status != http.StatusForbidden {
		s.Errorf("who is banned joins: %d", status)
	}
	s.alice.Must("POST", at(room, "/unban"), object{"user_id": s.bob.UserID}, nil)
	join(s.bob, room, s.host)
	s.agree(room)
	s.alice.Must("POST", at(room, "/kick"), object{"user_id": s.bob.UserID}, nil)
	b.is(room, "leave")
}

// versions has both meet in rooms of each version, where bob gets to lead.
func (s *scene) versions() {
	for _, version := range []string{"6", "10", "11", "12"} {
		room := s.shared(public(version))
		a, b := newReader(s, s.alice), newReader(s, s.bob)
		levels := object{}
		s.alice.Must("GET", at(room, "/state/m.room.power_levels"), nil, &levels)
		users, _ := levels["users"].(map[string]any)
		if users == nil {
			users = object{}
		}
		users[s.bob.UserID] = 100
		levels["users"] = users
		s.alice.Must("PUT", at(room, "/state/m.room.power_levels"), levels, nil)
		s.agree(room)
		s.bob.Must("PUT", at(room, "/state/m.room.name"), object{"name": "Version " + version}, nil)
		s.agree(room)
		b.sees(room, s.alice.SendText(room, "Version "+version))
		gone := s.bob.SendText(room, "À retirer")
		a.sees(room, gone)
		s.redacts(s.alice, room, gone)
		b.until("the redaction", func() bool { return s.redacted(s.bob, room, gone) })
		s.bob.Must("POST", at(room, "/leave"), object{}, nil)
		s.membership(s.alice, room, s.bob, "leave")
	}
}

func (s *scene) upgrades() {
	for _, versions := range [][2]string{{"10", "11"}, {"11", "12"}} {
		room := s.shared(public(versions[0]))
		var upgraded struct {
			Replacement string `json:"replacement_room"`
		}
		s.alice.Must("POST", at(room, "/upgrade"), object{"new_version": versions[1]}, &upgraded)
		s.agree(room)
		var tombstone struct {
			Replacement string `json:"replacement_room"`
		}
		s.bob.Must("GET", at(room, "/state/m.room.tombstone"), nil, &tombstone)
		if tombstone.Replacement != upgraded.Replacement {
			s.Errorf("the guest is told of %s, not %s", tombstone.Replacement, upgraded.Replacement)
		}
		join(s.bob, upgraded.Replacement, s.host)
		s.agree(upgraded.Replacement)
		newReader(s, s.alice).sees(upgraded.Replacement, s.bob.SendText(upgraded.Replacement, "Suite"))
	}
}

func joinRules(content object) object {
	return object{"type": "m.room.join_rules", "state_key": "", "content": content}
}
