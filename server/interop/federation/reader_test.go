//go:build interop

package federation

import (
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"beffroi/server/servertest"
)

const clientAPI = "/_matrix/client/v3"

// A reader follows what a user's sync brings, and remembers it.
type reader struct {
	t    testing.TB
	user *servertest.User

	since   string
	rooms   map[string]*view
	devices []id.UserID // whose device lists changed
	here    map[string]string
}

// A view is what a reader knows of a room.
type view struct {
	membership string
	events     []*event.Event
	stripped   []*event.Event // that came with an invitation or a knock
	typing     []id.UserID
	read       map[id.UserID]id.EventID
}

func newReader(t testing.TB, user *servertest.User) *reader {
	return &reader{t: t, user: user, rooms: map[string]*view{}, here: map[string]string{}}
}

// until reads on until what it has read fulfils a condition.
func (r *reader) until(what string, ok func() bool) {
	r.t.Helper()
	for end := time.Now().Add(patience); !ok(); {
		if time.Now().After(end) {
			r.t.Fatalf("%s does not see, after %v: %s\n%s", r.user.UserID, patience, what, r)
		}
		r.read(r.user.Sync(r.since, "timeout=2000&set_presence=offline&filter="+url.QueryEscape(`{"room":{"timeline":{"limit":1000}}}`)))
	}
}

func (r *reader) read(resp *mautrix.RespSync) {
	r.since = resp.NextBatch
	for roomID, part := range resp.Rooms.Invite {
		r.room(roomID.String()).stripped, r.room(roomID.String()).membership = part.State.Events, "invite"
	}
	for roomID, part := range resp.Rooms.Knock {
		r.room(roomID.String()).stripped, r.room(roomID.String()).membership = part.State.Events, "knock"
	}
	for roomID, part := range resp.Rooms.Leave {
		v := r.room(roomID.String())
		v.membership, v.events = "leave", append(v.events, part.Timeline.Events...)
	}
	for roomID, part := range resp.Rooms.Join {
		v := r.room(roomID.String())
		v.membership, v.events = "join", append(v.events, part.Timeline.Events...)
		v.ephemeral(part.Ephemeral.Events)
	}
	r.devices = append(r.devices, resp.DeviceLists.Changed...)
	for _, e := range resp.Presence.Events {
		r.here[e.Sender.String()], _ = e.Content.Raw["presence"].(string)
	}
}

func (v *view) ephemeral(events []*event.Event) {
	for _, e := range events {
		_ = e.Content.ParseRaw(event.Type{Type: e.Type.Type, Class: event.EphemeralEventType})
		switch content := e.Content.Parsed.(type) {
		case *event.TypingEventContent:
			v.typing = content.UserIDs
		case *event.ReceiptEventContent:
			for eventID, kinds := range *content {
				for userID := range kinds[event.ReceiptTypeRead] {
					v.read[userID] = eventID
				}
			}
		}
	}
}

func (r *reader) room(roomID string) *view {
	if r.rooms[roomID] == nil {
		r.rooms[roomID] = &view{read: map[id.UserID]id.EventID{}}
	}
	return r.rooms[roomID]
}

// sees waits for an event of a room.
func (r *reader) sees(roomID, eventID string) *event.Event {
	r.t.Helper()
	var found *event.Event
	r.until("event "+eventID, func() bool {
		events := r.room(roomID).events
		if i := slices.IndexFunc(events, func(e *event.Event) bool { return e.ID.String() == eventID }); i >= 0 {
			found = events[i]
		}
		return found != nil
	})
	return found
}

// is waits for the user's own membership.
func (r *reader) is(roomID, membership string) {
	r.t.Helper()
	r.until(membership+" in "+roomID, func() bool { return r.room(roomID).membership == membership })
}

func (r *reader) String() (text string) {
	for roomID, v := range r.rooms {
		text += fmt.Sprintf("%s: %s, typing %v, read %v\n", roomID, v.membership, v.typing, v.read)
		for _, e := range v.events[max(0, len(v.events)-20):] {
			text += fmt.Sprintf("\t%s %s %s %.200s\n", e.ID, e.Sender, e.Type.Type, e.Content.VeryRaw)
		}
	}
	return text
}
