package admin

import (
	"context"

	"beffroi/server/pdu"
	"beffroi/server/store"
)

// RoomInfo is what administration sees of a room: what it says of itself, and how many are in it. null where it says nothing.
//
// Source: Synapse's admin API, "List Room API" and "Room Details API".
type RoomInfo struct {
	RoomID            string  `json:"room_id"`
	Name              *string `json:"name"`
	CanonicalAlias    *string `json:"canonical_alias"`
	JoinedMembers     int     `json:"joined_members"`
	JoinedLocal       int     `json:"joined_local_members"`
	Version           string  `json:"version"`
	Creator           string  `json:"creator"`
	Encryption        *string `json:"encryption"`
	Federatable       bool    `json:"federatable"`
	Public            bool    `json:"public"`
	JoinRules         *string `json:"join_rules"`
	GuestAccess       *string `json:"guest_access"`
	HistoryVisibility *string `json:"history_visibility"`
	StateEvents       int     `json:"state_events"`
	RoomType          *string `json:"room_type"`
}

// RoomDetail is one room by itself. Of a room that not everybody may enter the topic is not told: it is what its members say to each other.
type RoomDetail struct {
	RoomInfo
	Topic           *string `json:"topic"`
	Avatar          *string `json:"avatar"`
	JoinedDevices   int     `json:"joined_local_devices"`
	Forgotten       bool    `json:"forgotten"`
	Tombstoned      bool    `json:"tombstoned"`
	ReplacementRoom *string `json:"replacement_room"`
}

// ListRooms lists all rooms.
func (s *Service) ListRooms(ctx context.Context) (all []RoomInfo, err error) {
	err = s.db.Read(ctx, func(r *store.Reader) error {
		briefs, err := r.RoomBriefs()
		if err != nil {
			return err
		}
		for _, b := range briefs {
			info, err := roomInfo(r, b)
			if err != nil {
				return err
			}
			all = append(all, info)
		}
		return nil
	})
	return all, err
}

// Room gives one room: 404 M_NOT_FOUND where there is none.
func (s *Service) Room(ctx context.Context, roomID string) (d RoomDetail, err error) {
	err = s.db.Read(ctx, func(r *store.Reader) error {
		room, err := findRoom(r, roomID)
		if err != nil {
			return err
		}
		b := store.RoomBrief{Room: room}
		if b.Joined, _, err = r.MemberCounts(room.Ref); err != nil {
			return err
		}
		local, err := r.JoinedOf(room.Ref, s.ServerName)
		if err != nil {
			return err
		}
		b.Local = len(local)
		if d.RoomInfo, err = roomInfo(r, b); err != nil {
			return err
		}
		return d.detail(r, room)
	})
	return d, err
}

// detail reads what only the page of one room shows.
func (d *RoomDetail) detail(r *store.Reader, room store.Room) (err error) {
	if d.JoinedDevices, err = r.LocalDevices(room.Ref); err != nil {
		return err
	}
	if d.Forgotten, err = r.RoomForgotten(room.Ref); err != nil {
		return err
	}
	if d.Avatar, err = said(r, room, store.AtomAvatar, "url"); err != nil {
		return err
	}
	if d.JoinRules != nil && *d.JoinRules == "public" {
		if d.Topic, err = said(r, room, store.AtomTopic, "topic"); err != nil {
			return err
		}
	}
	_, d.Tombstoned, err = r.CurrentEvent(room.Ref, store.AtomTombstone, store.AtomEmpty)
	if err != nil {
		return err
	}
	d.ReplacementRoom, err = said(r, room, store.AtomTombstone, "replacement_room")
	return err
}

// roomInfo reads what a list shows of a room.
func roomInfo(r *store.Reader, b store.RoomBrief) (info RoomInfo, err error) {
	info = RoomInfo{RoomID: b.ID, Version: b.Version, JoinedMembers: b.Joined, JoinedLocal: b.Local, Federatable: true}
	for _, part := range []struct {
		kind store.Atom
		key  string
		into **string
	}{
		{store.AtomName, "name", &info.Name},
		{store.AtomCanonicalAlias, "alias", &info.CanonicalAlias},
		{store.AtomEncryption, "algorithm", &info.Encryption},
		{store.AtomJoinRules, "join_rule", &info.JoinRules},
		{store.AtomGuestAccess, "guest_access", &info.GuestAccess},
		{store.AtomHistoryVisibility, "history_visibility", &info.HistoryVisibility},
	} {
		if *part.into, err = said(r, b.Room, part.kind, part.key); err != nil {
			return info, err
		}
	}
	if err := info.created(r, b.Room); err != nil {
		return info, err
	}
	if info.Public, err = r.Published(b.Ref); err != nil {
		return info, err
	}
	info.StateEvents, err = r.StateSize(b.Ref)
	return info, err
}

// created reads what the create event says.
func (info *RoomInfo) created(r *store.Reader, room store.Room) error {
	e, ok, err := r.CurrentEvent(room.Ref, store.AtomCreate, store.AtomEmpty)
	if err != nil || !ok {
		return err
	}
	content := pdu.StoredObject(e.JSON).Object("content")
	if kind, ok := content.Text("type"); ok {
		info.RoomType = &kind
	}
	info.Federatable = string(content.Get("m.federate").Raw()) != "false"
	info.Creator, err = r.Text(e.Sender)
	return err
}

// said is a text in the content of one event of a room's state; nil where there is none, or the empty one.
func said(r *store.Reader, room store.Room, kind store.Atom, key string) (*string, error) {
	e, ok, err := r.CurrentEvent(room.Ref, kind, store.AtomEmpty)
	if err != nil || !ok {
		return nil, err
	}
	text, ok := pdu.StoredObject(e.JSON).Object("content").Text(key)
	if !ok || text == "" {
		return nil, nil
	}
	return &text, nil
}

// Members lists the ids of who is joined to a room.
func (s *Service) Members(ctx context.Context, roomID string) (ids []string, err error) {
	err = s.db.Read(ctx, func(r *store.Reader) error {
		room, err := findRoom(r, roomID)
		if err != nil {
			return err
		}
		members, err := r.MembersOf(room.Ref)
		if err != nil {
			return err
		}
		for _, m := range members {
			if m.Membership != store.Join {
				continue
			}
			id, err := r.Text(m.User)
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return nil
	})
	return ids, err
}

// Blocked tells whether a room is blocked, and by whom.
func (s *Service) Blocked(ctx context.Context, roomID string) (by string, blocked bool, err error) {
	err = s.db.Read(ctx, func(r *store.Reader) error {
		by, blocked, err = r.RoomBlocked(roomID)
		return err
	})
	return by, blocked, err
}
