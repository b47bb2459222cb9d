package push

import (
	"encoding/json"

	"beffroi/server/pdu"
	"beffroi/server/store"
)

// usual is what most events of a room are like.
type usual struct{ kind, content string }

func ordinaryMessage() usual { return usual{"m.room.message", `{"body":"","msgtype":"m.text"}`} }
func ordinaryEncrypted() usual {
	return usual{"m.room.encrypted", `{"algorithm":"m.megolm.v1.aes-sha2"}`}
}
func mentionOfRoom() usual {
	return usual{"m.room.message", `{"body":"","m.mentions":{"room":true},"msgtype":"m.text"}`}
}

// leastEvent is about how many bytes an event has at least.
const leastEvent = 256

// crier may mention the whole room.
type crier struct{ *reader }

func (crier) MayNotify(string, string) bool { return true }

// mode finds out what rules make of a room's usual events. A wrong guess costs a row for each event that it is wrong of, no more.
func (s *Service) mode(rules matchers, in RoomView) (mode store.Mode, err error) {
	var does [3]effect
	for i, u := range []usual{ordinaryMessage(), ordinaryEncrypted(), mentionOfRoom()} {
		e, err := s.makeUp(u, in.ID())
		if err != nil {
			return 0, err
		}
		does[i] = rules.match(e, crier{&reader{RoomView: in}})
	}
	if !does[0].notify && !does[1].notify {
		mode |= store.ModeQuiet
	}
	if !does[2].notify {
		mode |= store.ModeDeaf
	}
	if !does[2].highlight {
		mode |= store.ModePlain
	}
	return mode, nil
}

// makeUp makes an event that was never sent, by somebody who is not there.
func (s *Service) makeUp(u usual, roomID string) (*pdu.Event, error) {
	b, err := json.Marshal(map[string]any{"type": u.kind, "content": json.RawMessage(u.content), "room_id": roomID, "sender": "@ordinary:invalid",
		"auth_events": []string{}, "prev_events": []string{}, "depth": 1, "origin_server_ts": 1, "signatures": struct{}{},
		"hashes": map[string]string{"sha256": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}})
	if err != nil {
		return nil, err
	}
	return pdu.FromStore(s.law, "$ordinary", b, false)
}
