package pusher

import (
	"encoding/json"

	"beffroi/server/push"
	"beffroi/server/store"
)

// message is what is told: of an event, or of the counts alone.
type message struct {
	notification
	unread int
}

// notification is the event's part of a notification. Spec: push gateway API, POST /notify.
type notification struct {
	EventID           string          `json:"event_id,omitempty"`
	RoomID            string          `json:"room_id,omitempty"`
	Type              string          `json:"type,omitempty"`
	Sender            string          `json:"sender,omitempty"`
	SenderDisplayName string          `json:"sender_display_name,omitempty"`
	RoomName          string          `json:"room_name,omitempty"`
	RoomAlias         string          `json:"room_alias,omitempty"`
	UserIsTarget      *bool           `json:"user_is_target,omitempty"`
	Prio              string          `json:"prio,omitempty"`
	Content           json.RawMessage `json:"content,omitempty"`
}

// compose reads what is to be told; nil where there is nothing any more: the pusher has ended, the event is read or redacted.
func (s *Service) compose(r *store.Reader, j *job) (*message, error) {
	here, err := s.stillTold(r, &j.pusher)
	if err != nil || !here {
		return nil, err
	}
	m := &message{}
	if j.what == activation {
		return m, nil
	}
	if j.what == event {
		if told, err := s.tellOf(r, j, &m.notification); err != nil || !told {
			return nil, err
		}
	}
	all, err := s.Push.UnreadRooms(r, j.pusher.User, false)
	for _, c := range all {
		m.unread += c.Room.Notifications
	}
	return m, err
}

// stillTold tells whether a pusher is still there as it was, and its account may be told of anything.
func (s *Service) stillTold(r *store.Reader, p *store.Pusher) (bool, error) {
	now, found, err := r.Pusher(p.ID)
	if err != nil || !found || now.Since != p.Since || !now.Enabled {
		return false, err
	}
	a, found, err := r.Account(p.User)
	return found && (a.State == store.AccountActive || a.State == store.AccountSuspended), err
}

// tellOf says what is told of an event. told: the user hasn't seen it yet.
func (s *Service) tellOf(r *store.Reader, j *job, n *notification) (told bool, err error) {
	row, found, err := r.Event(j.note.nid)
	if err != nil || !found || row.RedactedBy != 0 || row.Status&store.StatusExpired != 0 {
		return false, err
	}
	read, err := s.read(r, j, &row)
	if err != nil || read {
		return false, err
	}
	heard, err := s.Push.Hear(r, &row)
	if err != nil || heard == nil {
		return false, err
	}
	n.EventID, n.RoomID, n.Prio = row.ID, heard.RoomID(), prio(heard.Type(), j.note.actions)
	if j.data.idOnly() {
		return true, nil
	}
	n.Type, n.Sender, n.Content = heard.Type(), heard.Sender(), heard.Body().Raw()
	if target, isState := heard.StateKey(); isState && row.Type == store.AtomMember {
		isTarget := target == j.pusher.UserID
		n.UserIsTarget = &isTarget
	}
	return true, n.name(r, &row)
}

// read tells whether the user has read an event meanwhile, or left its room.
func (s *Service) read(r *store.Reader, j *job, row *store.Event) (bool, error) {
	if row.Type == store.AtomMember && row.StateKey == j.pusher.User {
		m, _, err := r.Member(row.Room, j.pusher.User)
		return m.Membership != store.Invite || m.NID != row.NID, err
	}
	place, found, err := r.PlaceAt(row.Room, j.note.ord)
	if err != nil || !found {
		return true, err
	}
	return s.Push.HasRead(r, j.pusher.User, &place)
}

// name adds the names that people see.
func (n *notification) name(r *store.Reader, e *store.Event) error {
	if !e.Placed {
		return n.nameByHearsay(r, e)
	}
	for _, name := range []struct {
		key    [2]store.Atom
		member string
		to     *string
	}{
		{[2]store.Atom{store.AtomName, store.AtomEmpty}, "name", &n.RoomName},
		{[2]store.Atom{store.AtomCanonicalAlias, store.AtomEmpty}, "alias", &n.RoomAlias},
		{[2]store.Atom{store.AtomMember, e.Sender}, "displayname", &n.SenderDisplayName},
	} {
		if err := named(r, e.Room, name.key, name.member, name.to); err != nil {
			return err
		}
	}
	return nil
}

// highPriority is told at once: what makes a sound or is highlighted, and what may, as nobody but the client can read it.
const (
	highPriority = "high"
	lowPriority  = "low"
)

func prio(eventType string, actions []push.Action) string {
	tweaks := tweaks(actions)
	_, sounds := tweaks["sound"]
	if sounds || string(tweaks["highlight"]) == "true" || eventType == "m.room.encrypted" {
		return highPriority
	}
	return lowPriority
}

// tweaks are what a rule sets. Spec: client-server API, "Actions".
func tweaks(actions []push.Action) map[string]json.RawMessage {
	all := map[string]json.RawMessage{}
	for _, raw := range actions {
		var a struct {
			Tweak string          `json:"set_tweak"`
			Value json.RawMessage `json:"value"`
		}
		if json.Unmarshal(raw, &a) != nil || a.Tweak == "" {
			continue // a word
		}
		if a.Value == nil && a.Tweak == "highlight" {
			a.Value = json.RawMessage("true")
		}
		if a.Value != nil {
			all[a.Tweak] = a.Value
		}
	}
	return all
}
