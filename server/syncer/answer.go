package syncer

import (
	"encoding/json"

	"beffroi/server/push"
	"beffroi/server/store"
)

// Answer is the body of /sync. Its lists are never nil. How it is written: write.go.
type Answer struct {
	NextBatch       string
	Rooms           Rooms
	Presence        Events
	AccountData     Events
	ToDevice        Events
	DeviceLists     *store.DeviceLists
	OneTimeKeys     map[string]int
	UnusedFallbacks []string

	whole bool // begins anew: it is given at once
}

// Rooms are the sections by membership, each by room id.
type Rooms struct {
	Join   map[string]*JoinedRoom
	Invite map[string]*InvitedRoom
	Knock  map[string]*KnockedRoom
	Leave  map[string]*LeftRoom
}

// Events is a list of events.
type Events struct {
	Events []json.RawMessage
}

// Timeline is a part of a room's timeline, in order.
type Timeline struct {
	Events    []json.RawMessage
	Limited   bool
	PrevBatch string
}

// JoinedRoom is the news of a room that the user is in.
type JoinedRoom struct {
	Summary       Summary
	State         *Events
	StateAfter    *Events
	Timeline      Timeline
	Ephemeral     Events
	AccountData   Events
	Unread        *push.Unread
	UnreadThreads map[string]push.Unread
}

// Summary is what a client needs to name a room. What did not change is left out.
type Summary struct {
	Heroes  []string
	Joined  *int
	Invited *int
}

// LeftRoom is the last of a room that the user left or was banned from.
type LeftRoom struct {
	State       *Events
	StateAfter  *Events
	Timeline    Timeline
	AccountData Events
}

// InvitedRoom is an invitation.
type InvitedRoom struct {
	State Events
}

// KnockedRoom is a room that the user asks to be let in.
type KnockedRoom struct {
	State Events
}

func newAnswer() *Answer {
	return &Answer{
		Rooms: Rooms{Join: map[string]*JoinedRoom{}, Invite: map[string]*InvitedRoom{}, Knock: map[string]*KnockedRoom{},
			Leave: map[string]*LeftRoom{}},
		Presence: noEvents(), AccountData: noEvents(), ToDevice: noEvents(),
		OneTimeKeys: map[string]int{}, UnusedFallbacks: []string{},
	}
}

func noEvents() Events { return Events{Events: []json.RawMessage{}} }

func newJoinedRoom() *JoinedRoom {
	return &JoinedRoom{Ephemeral: noEvents(), AccountData: noEvents()}
}

// news tells whether there is a reason to answer before the timeout.
func (a *Answer) news() bool {
	lists := a.DeviceLists
	return a.whole || len(a.Rooms.Join)+len(a.Rooms.Invite)+len(a.Rooms.Knock)+len(a.Rooms.Leave) > 0 ||
		len(a.AccountData.Events)+len(a.ToDevice.Events)+len(a.Presence.Events) > 0 ||
		lists != nil && len(lists.Changed)+len(lists.Left) > 0
}

// add appends an event that has a type and a content only.
func (e *Events) add(eventType string, content any) error {
	raw, err := json.Marshal(struct {
		Type    string `json:"type"`
		Content any    `json:"content"`
	}{eventType, content})
	e.Events = append(e.Events, raw)
	return err
}
