//go:build interop

package federation

import (
	"net/http"
	"net/url"
	"slices"
)

// finds has bob look at what the host shows to everybody.
func (s *scene) finds() {
	alias := "annuaire" + s.alice.Localpart
	room := s.alice.CreateRoom(object{"preset": "public_chat", "visibility": "public", "room_alias_name": alias, "name": "Annuaire " + s.alice.Localpart})
	var resolved struct {
		RoomID  string `json:"room_id"`
		Servers []string
	}
	full := "#" + alias + ":" + s.host.ServerName
	s.bob.Must("GET", clientAPI+"/directory/room/"+url.PathEscape(full), nil, &resolved)
	if resolved.RoomID != room || !slices.Contains(resolved.Servers, s.host.ServerName) {
		s.Errorf("%s is %+v", full, resolved)
	}
	var list struct {
		Chunk []struct {
			RoomID string `json:"room_id"`
			Alias  string `json:"canonical_alias"`
			Name   string
		}
	}
	s.bob.Must("POST", clientAPI+"/publicRooms?server="+s.host.ServerName, object{"filter": object{"generic_search_term": s.alice.Localpart}}, &list)
	if len(list.Chunk) != 1 || list.Chunk[0].RoomID != room || list.Chunk[0].Alias != full {
		s.Errorf("the list: %+v", list)
	}
	s.alice.Must("PUT", clientAPI+"/profile/"+url.PathEscape(s.alice.UserID)+"/displayname", object{"displayname": "Alice Martin"}, nil)
	var profile struct {
		Name string `json:"displayname"`
	}
	s.bob.Must("GET", clientAPI+"/profile/"+url.PathEscape(s.alice.UserID), nil, &profile)
	if profile.Name != "Alice Martin" {
		s.Errorf("the profile: %+v", profile)
	}
	if status := s.bob.Do("GET", clientAPI+"/profile/"+url.PathEscape("@personne:"+s.host.ServerName), nil, nil); status != http.StatusNotFound {
		s.Errorf("nobody's profile: %d", status)
	}
}
