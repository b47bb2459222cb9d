package outbox

import (
	"context"
	"encoding/json"
	"strings"

	"beffroi/server/ephemeral"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// spoken is what is said beside the rooms and counts for a moment only: typing in a room, or the presence of a user. It is never written down.
type spoken struct {
	room    store.RoomRef // of typing
	user    store.Atom    // of presence
	userID  string
	content any
}

// maxSpoken is how much of it waits, for all and for one server.
const maxSpoken = 1000

const typingKey, presenceKey = "m.typing ", "m.presence "

type typing struct {
	RoomID string `json:"room_id"`
	UserID string `json:"user_id"`
	Typing bool   `json:"typing"`
}

type presence struct {
	UserID string `json:"user_id"`
	ephemeral.Presence
}

// Typing implements ephemeral.Elsewhere. Source: server-server API, "Typing Notifications".
func (s *Service) Typing(room store.RoomRef, userID string, types bool) {
	s.speak(spoken{room: room, userID: userID, content: typing{UserID: userID, Typing: types}})
}

// PresenceChanged implements ephemeral.Elsewhere. Source: server-server API, "Presence".
func (s *Service) PresenceChanged(p ephemeral.PresenceOf) {
	if s.Presence {
		s.speak(spoken{user: p.User, userID: p.UserID, content: presence{p.UserID, p.Presence}})
	}
}

func (s *Service) speak(one spoken) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.spoken) < maxSpoken && pdu.ServerOf(one.userID) == s.ServerName {
		s.spoken = append(s.spoken, one)
	}
	s.wake()
}

// handOver gives what was said to the servers that share the room, or any room with the user.
func (s *Service) handOver(ctx context.Context) error {
	s.mu.Lock()
	all := s.spoken
	s.spoken = nil
	s.mu.Unlock()
	if len(all) == 0 {
		return nil
	}
	return s.db.Read(ctx, func(r *store.Reader) error {
		for _, one := range all {
			if err := s.tell(r, one); err != nil {
				return err
			}
		}
		return nil
	})
}

// tell gives one thing that was said to its servers; those that fail never hear it.
func (s *Service) tell(r *store.Reader, one spoken) error {
	servers, key, err := s.listeners(r, &one)
	if err != nil || len(servers) == 0 {
		return err
	}
	raw, err := json.Marshal(one.content)
	if err != nil {
		return err
	}
	if err := s.meet(r, servers); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range servers {
		if d := s.all[n.Name]; d.failed == 0 && !s.now().Before(d.until) {
			d.say(key, raw)
			d.again = d.again || d.state == sending
			s.enqueue(d)
		}
	}
	return nil
}

// listeners finds who hears it.
func (s *Service) listeners(r *store.Reader, one *spoken) (servers []store.NamedServer, key string, err error) {
	var names []string
	if one.user != 0 {
		key = presenceKey + one.userID
		names, err = r.ServersOf(one.user)
	} else if names, err = r.ServersIn(one.room); err == nil && len(names) > 0 {
		id, err := roomID(r, one.room)
		if err != nil {
			return nil, "", err
		}
		t, _ := one.content.(typing)
		t.RoomID = id
		key, one.content = typingKey+id+" "+one.userID, t
	}
	for _, name := range names {
		server, err := r.FindAtom(name)
		if err != nil {
			return nil, "", err
		}
		servers = append(servers, store.NamedServer{Server: server, Name: name})
	}
	return servers, key, err
}

// say keeps what was said until the next transaction, in the place of what was said before it of the same.
func (d *destination) say(key string, content json.RawMessage) {
	if d.said == nil {
		d.said = map[string]json.RawMessage{}
	}
	if _, there := d.said[key]; there || len(d.said) < maxSpoken {
		d.said[key] = content
	}
}

// addSaid adds what was said, as far as there is place: presences in one EDU, typing in one each.
func (s *Service) addSaid(d *destination, t *transaction, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if most > 0 && len(t.names) > 0 || len(d.said) == 0 {
		return
	}
	t.said = map[string]json.RawMessage{}
	var present []json.RawMessage
	for key, content := range d.said {
		if strings.HasPrefix(key, presenceKey) {
			present = append(present, content)
		} else if len(t.outs) < maxEDUs-1 {
			t.addEDU("m.typing", 0, content)
		} else {
			continue
		}
		t.said[key] = content
		delete(d.said, key)
	}
	if len(present) > 0 {
		raw, _ := json.Marshal(map[string]any{"push": present}) // of what was JSON already
		t.addEDU("m.presence", 0, raw)
	}
}
