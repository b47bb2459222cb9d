package servertest

import (
	"crypto/rand"
	"net/url"

	"maunium.net/go/mautrix"
)

const client = "/_matrix/client/v3"

// CreateRoom makes a room as options say (the body of /createRoom) and gives its id.
func (u *User) CreateRoom(options map[string]any) string {
	u.t.Helper()
	var room struct {
		RoomID string `json:"room_id"`
	}
	u.Must("POST", client+"/createRoom", options, &room)
	return room.RoomID
}

// Invite invites another user to a room.
func (u *User) Invite(roomID string, other *User) {
	u.t.Helper()
	u.Must("POST", client+"/rooms/"+url.PathEscape(roomID)+"/invite", map[string]any{"user_id": other.UserID}, nil)
}

// Join joins a room.
func (u *User) Join(roomID string) {
	u.t.Helper()
	u.Must("POST", client+"/rooms/"+url.PathEscape(roomID)+"/join", map[string]any{}, nil)
}

// Send sends an event with a transaction id of its own and gives the event's id.
func (u *User) Send(roomID, eventType string, content any) string {
	u.t.Helper()
	var sent struct {
		EventID string `json:"event_id"`
	}
	path := client + "/rooms/" + url.PathEscape(roomID) + "/send/" + url.PathEscape(eventType) + "/" + rand.Text()
	u.Must("PUT", path, content, &sent)
	return sent.EventID
}

// SendText sends an m.room.message of type m.text and gives the event's id.
func (u *User) SendText(roomID, text string) string {
	u.t.Helper()
	return u.Send(roomID, "m.room.message", map[string]any{"msgtype": "m.text", "body": text})
}

// Sync asks once what is new since a token (all, when empty); query adds parameters such as "timeout=30000".
func (u *User) Sync(since, query string) *mautrix.RespSync {
	u.t.Helper()
	parameters, err := url.ParseQuery(query)
	if err != nil {
		u.t.Fatal(err)
	}
	if since != "" {
		parameters.Set("since", since)
	}
	var resp mautrix.RespSync
	u.Must("GET", client+"/sync?"+parameters.Encode(), nil, &resp)
	return &resp
}
