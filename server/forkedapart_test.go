package server_test

import (
	"maps"
	"net/http"
	"testing"

	"beffroi/server/servertest"
)

// stateIDs are the ids of a room's current state as one server sees it.
func stateIDs(u *servertest.User, roomID string) map[string]string {
	var state []struct {
		Type string
		Key  string `json:"state_key"`
		ID   string `json:"event_id"`
	}
	u.Must(http.MethodGet, roomPath(roomID)+"/state", nil, &state)
	ids := map[string]string{}
	for _, e := range state {
		ids[e.Type+" "+e.Key] = e.ID
	}
	return ids
}

// Edits and redactions come over; and what two servers do while they are cut from each other ends in the same state on both, with nothing lost.
func TestTwoServersThatWereApart(t *testing.T) {
	home, there, alice, bob, roomID := together(t)
	first := alice.SendText(roomID, "Bonjuor")
	alice.Send(roomID, "m.room.message", object{"msgtype": "m.text", "body": "* Bonjour", "m.new_content": object{"msgtype": "m.text", "body": "Bonjour"},
		"m.relates_to": object{"rel_type": "m.replace", "event_id": first}})
	gone := bob.SendText(roomID, "erreur")
	eventually(t, "bob sees the edit, and alice what is to go", func() bool {
		return editedBody(bob, roomID, first) == "Bonjour" && bodyOf(alice, roomID, gone) == "erreur"
	})
	bob.Must(http.MethodPut, roomPath(roomID)+"/redact/"+gone+"/t1", object{}, nil)
	eventually(t, "the redaction is there", func() bool { return bodyOf(alice, roomID, gone) == "" })
	alice.Must(http.MethodPut, roomPath(roomID)+"/state/m.room.power_levels/", levelsFor(alice, roomID, bob.UserID), nil)
	eventually(t, "bob has power", func() bool { return maps.Equal(stateIDs(alice, roomID), stateIDs(bob, roomID)) })

	there.Stop()
	var sent []string
	setName := func(u *servertest.User, name string) {
		u.Must(http.MethodPut, roomPath(roomID)+"/state/m.room.name/", object{"name": name}, nil)
		sent = append(sent, u.SendText(roomID, "de "+name))
	}
	setName(alice, "Mairie")
	alice.Must(http.MethodPut, roomPath(roomID)+"/state/m.room.topic/", object{"topic": "seule ici"}, nil)
	home.Stop()
	there.Again()
	setName(bob, "Préfecture")
	bob.Must(http.MethodPut, roomPath(roomID)+"/state/org.example.there/", object{"n": 1}, nil)
	home.Again()
	setName(alice, "Mairie annexe")
	eventually(t, "both have the same state and all messages", func() bool {
		for _, id := range sent {
			if bodyOf(alice, roomID, id) == "" || bodyOf(bob, roomID, id) == "" {
				return false
			}
		}
		here, far := stateIDs(alice, roomID), stateIDs(bob, roomID)
		return maps.Equal(here, far) && here["org.example.there "] != "" && here["m.room.topic "] != ""
	})
}

func bodyOf(u *servertest.User, roomID, eventID string) string {
	var e struct{ Content struct{ Body string } }
	if u.Do(http.MethodGet, roomPath(roomID)+"/event/"+eventID, nil, &e) != http.StatusOK {
		return ""
	}
	return e.Content.Body
}

func editedBody(u *servertest.User, roomID, eventID string) string {
	var e struct {
		Unsigned struct {
			Relations struct {
				Replace struct {
					Content struct {
						New struct{ Body string } `json:"m.new_content"`
					}
				} `json:"m.replace"`
			} `json:"m.relations"`
		}
	}
	if u.Do(http.MethodGet, roomPath(roomID)+"/event/"+eventID, nil, &e) != http.StatusOK {
		return ""
	}
	return e.Unsigned.Relations.Replace.Content.New.Body
}

// levelsFor are a room's power levels with 50 for one more user.
func levelsFor(u *servertest.User, roomID, other string) object {
	levels := object{}
	u.Must(http.MethodGet, roomPath(roomID)+"/state/m.room.power_levels/", nil, &levels)
	users, ok := levels["users"].(map[string]any)
	if !ok {
		users = map[string]any{}
	}
	users[other] = 50
	levels["users"] = users
	return levels
}
