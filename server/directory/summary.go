package directory

import (
	"context"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// Entry is what the published directory shows of a room.
//
// Spec: client-server API, "PublishedRoomsChunk".
type Entry struct {
	RoomID         string `json:"room_id"`
	Name           string `json:"name,omitempty"`
	Topic          string `json:"topic,omitempty"`
	CanonicalAlias string `json:"canonical_alias,omitempty"`
	AvatarURL      string `json:"avatar_url,omitempty"`
	JoinRule       string `json:"join_rule"`
	RoomType       string `json:"room_type,omitempty"`
	Joined         int    `json:"num_joined_members"`
	WorldReadable  bool   `json:"world_readable"`
	GuestCanJoin   bool   `json:"guest_can_join"`
}

// Summary is what may be known of a room before one joins it.
//
// Spec: client-server API, "RoomSummary".
type Summary struct {
	Entry
	AllowedRoomIDs []string `json:"allowed_room_ids,omitempty"`
	Encryption     string   `json:"encryption,omitempty"`
	RoomVersion    string   `json:"room_version,omitempty"`

	internal bool // users of other servers can't join: m.federate is false
}

// summarise reads what a room says of itself.
func summarise(r *store.Reader, room store.Room) (s Summary, err error) {
	s.RoomID, s.RoomVersion, s.JoinRule = room.ID, room.Version, "invite"
	for _, part := range []struct {
		eventType store.Atom
		take      func(s *Summary, content pdu.Object)
	}{
		{store.AtomCreate, takeCreate},
		{store.AtomName, func(s *Summary, o pdu.Object) { s.Name, _ = o.Text("name") }},
		{store.AtomTopic, func(s *Summary, o pdu.Object) { s.Topic, _ = o.Text("topic") }},
		{store.AtomAvatar, func(s *Summary, o pdu.Object) { s.AvatarURL, _ = o.Text("url") }},
		{store.AtomCanonicalAlias, takeAlias},
		{store.AtomJoinRules, takeJoinRules},
		{store.AtomHistoryVisibility, takeVisibility},
		{store.AtomGuestAccess, takeGuestAccess},
		{store.AtomEncryption, takeEncryption},
	} {
		e, ok, err := r.CurrentEvent(room.Ref, part.eventType, store.AtomEmpty)
		if err != nil {
			return s, err
		}
		if ok {
			part.take(&s, pdu.StoredObject(e.JSON).Object("content"))
		}
	}
	s.Joined, _, err = r.MemberCounts(room.Ref)
	return s, err
}

func takeCreate(s *Summary, content pdu.Object) {
	s.RoomType, _ = content.Text("type")
	federate, given := content.Get("m.federate").Bool()
	s.internal = given && !federate
}

func takeAlias(s *Summary, content pdu.Object) {
	if alias, _ := content.Text("alias"); pdu.ValidRoomAlias(alias) {
		s.CanonicalAlias = alias
	}
}

func takeJoinRules(s *Summary, content pdu.Object) {
	if rule, ok := content.Text("join_rule"); ok {
		s.JoinRule = rule
	}
	if rooms.Restricted(s.JoinRule) {
		s.AllowedRoomIDs = rooms.AllowedRooms(content)
	}
}

func takeVisibility(s *Summary, content pdu.Object) {
	visibility, _ := content.Text("history_visibility")
	s.WorldReadable = visibility == "world_readable"
}

func takeGuestAccess(s *Summary, content pdu.Object) {
	access, _ := content.Text("guest_access")
	s.GuestCanJoin = access == "can_join"
}

// takeEncryption tells the one algorithm that the specification lists here.
func takeEncryption(s *Summary, content pdu.Object) {
	if algorithm, _ := content.Text("algorithm"); algorithm == "m.megolm.v1.aes-sha2" {
		s.Encryption = algorithm
	}
}

// MemberSummary is a summary with the membership of who asks.
type MemberSummary struct {
	Summary
	Membership string `json:"membership,omitempty"`
}

// Summarise tells a user what a room is, by its id or alias: 404 M_NOT_FOUND where they may not know. Where nobody here is in it, servers that may be are asked: those of via, and
// that of the id or alias.
//
// Spec: client-server API, "GET /_matrix/client/v1/room_summary/{roomIdOrAlias}".
func (s *Service) Summarise(ctx context.Context, user store.Atom, idOrAlias string, via []string) (m MemberSummary, err error) {
	roomID, servers, err := s.Resolve(ctx, idOrAlias)
	if err != nil {
		return m, err
	}
	asking, cancel := context.WithTimeout(ctx, hierarchyTime)
	defer cancel()
	f := newFar()
	look := func(r *store.Reader) error {
		w := walk{r: r, user: user, far: f}
		n, ok, err := w.find(roomID, question{via: append(servers, via...)})
		if err == nil && !ok {
			err = merr.NotFound("There is no such room, or you may not know of it")
		}
		m = MemberSummary{n.Summary, n.membership.String()}
		return err
	}
	err = s.db.Read(ctx, look)
	if s.askFar(asking, f, false) {
		err = s.db.Read(ctx, look)
	}
	return m, err
}

// accessible tells whether a user may know of a room before joining it: they are in it, could join it or knock, or everybody may look in.
//
// Spec: client-server API, "GET /_matrix/client/v1/rooms/{roomId}/hierarchy", the conditions for a room to be returned.
func accessible(r *store.Reader, s *Summary, user store.Atom, now store.Membership) (bool, error) {
	switch {
	case now == store.Join, now == store.Invite, s.WorldReadable:
		return true, nil
	case now == store.Ban:
		return false, nil
	}
	switch s.JoinRule {
	case "public", "knock", "knock_restricted":
		return true, nil
	case "restricted":
		return rooms.JoinedToAny(r, user, s.AllowedRoomIDs)
	}
	return false, nil
}
