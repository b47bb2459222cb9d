package syncer

import (
	"encoding/json"

	"beffroi/server/push"
	"beffroi/server/store"
)

// Answer is the body of /sync. Its lists are never null.
type Answer struct {
	NextBatch       string             `json:"next_batch"`
	Rooms           Rooms              `json:"rooms"`
	Presence        Events             `json:"presence"`
	AccountData     Events             `json:"account_data"`
	ToDevice        Events             `json:"to_device"`
	DeviceLists     *store.DeviceLists `json:"device_lists,omitempty"`
	OneTimeKeys     map[string]int     `json:"device_one_time_keys_count"`
	UnusedFallbacks []string           `json:"device_unused_fallback_key_types"`

	whole bool // begins anew: it is given at once
}

// Rooms are the sections by membership, each by room id.
type Rooms struct {
	Join   map[string]*JoinedRoom  `json:"join"`
	Invite map[string]*InvitedRoom `json:"invite"`
	Knock  map[string]*KnockedRoom `json:"knock"`
	Leave  map[string]*LeftRoom    `json:"leave"`
}

// Events is a list of events.
type Events struct {
	Events []json.RawMessage `json:"events"`
}

// Timeline is a part of a room's timeline, in order.
type Timeline struct {
	Events    []json.RawMessage `json:"events"`
	Limited   bool              `json:"limited"`
	PrevBatch string            `json:"prev_batch"`
}

// JoinedRoom is the news of a room that the user is in.
type JoinedRoom struct {
	Summary       Summary                `json:"summary"`
	State         *Events                `json:"state,omitempty"`
	StateAfter    *Events                `json:"state_after,omitempty"`
	Timeline      Timeline               `json:"timeline"`
	Ephemeral     Events                 `json:"ephemeral"`
	AccountData   Events                 `json:"account_data"`
	Unread        *push.Unread           `json:"unread_notifications,omitempty"`
	UnreadThreads map[string]push.Unread `json:"unread_thread_notifications,omitempty"`
}

// Summary is what a client needs to name a room. What did not change is left out.
type Summary struct {
	Heroes  []string `json:"m.heroes,omitempty"`
	Joined  *int     `json:"m.joined_member_count,omitempty"`
	Invited *int     `json:"m.invited_member_count,omitempty"`
}

// LeftRoom is the last of a room that the user left or was banned from.
type LeftRoom struct {
	State       *Events  `json:"state,omitempty"`
	StateAfter  *Events  `json:"state_after,omitempty"`
	Timeline    Timeline `json:"timeline"`
	AccountData Events   `json:"account_data"`
}

// InvitedRoom is an invitation.
type InvitedRoom struct {
	State Events `json:"invite_state"`
}

// KnockedRoom is a room that the user asks to be let in.
type KnockedRoom struct {
	State Events `json:"knock_state"`
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
