package directory

import (
	"context"
	"slices"

	"beffroi/server/merr"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// ServerHierarchy is what another server learns of a space: the space, its children that users of that server could join or read, and those that they could not.
type ServerHierarchy struct {
	Room         HierarchyRoom `json:"room"`
	Children     []Summary     `json:"children"`
	Inaccessible []string      `json:"inaccessible_children"`
}

// HierarchyFor tells another server what a room is, and what is in it where it is a space: 404 M_NOT_FOUND where its users could neither join nor read it. Children that this server does
// not know are left out.
//
// Source: server-server API, "GET /_matrix/federation/v1/hierarchy/{roomId}".
func (s *Service) HierarchyFor(ctx context.Context, server, roomID string, suggestedOnly bool) (h ServerHierarchy, err error) {
	h = ServerHierarchy{Children: []Summary{}, Inaccessible: []string{}}
	err = s.db.Read(ctx, func(r *store.Reader) error {
		w := walk{r: r, q: HierarchyQuery{SuggestedOnly: suggestedOnly}}
		root, known, open, err := forServer(r, roomID, server)
		if err == nil && (!known || !open) {
			err = merr.NotFound("There is no such room here, or it is not open to %s", server)
		}
		if err != nil {
			return err
		}
		h.Room, err = h.fill(&w, root, server)
		return err
	})
	return h, err
}

// fill reads the children of a room.
func (h *ServerHierarchy) fill(w *walk, root node, server string) (HierarchyRoom, error) {
	children, err := w.children(root)
	if err != nil {
		return HierarchyRoom{}, err
	}
	room := root.shown(children)
	for _, c := range children[:min(len(children), maxTree)] {
		if c.room == root.ID || slices.ContainsFunc(h.Children, func(s Summary) bool { return s.RoomID == c.room }) {
			continue
		}
		found, known, open, err := forServer(w.r, c.room, server)
		switch {
		case err != nil:
			return room, err
		case open:
			h.Children = append(h.Children, found.Summary)
		case known:
			h.Inaccessible = append(h.Inaccessible, c.room)
		}
	}
	return room, nil
}

// forServer finds a room that somebody here is in, and tells whether users of another server could join or read it.
func forServer(r *store.Reader, roomID, server string) (n node, known, open bool, err error) {
	room, ok, err := r.FindRoom(roomID)
	if err != nil || !ok {
		return n, false, false, err
	}
	if known, err = describes(r, room); err != nil || !known {
		return n, false, false, err
	}
	n.Room = room
	if n.Summary, err = summarise(r, room); err != nil {
		return n, true, false, err
	}
	open, err = openTo(r, room, &n.Summary, server)
	return n, true, open, err
}

// openTo tells whether users of another server could join a room or read it: the room federates and lets that server take part, and it is open to all, or somebody of that server is in
// it, is invited, or is in a room whose members may join.
func openTo(r *store.Reader, room store.Room, s *Summary, server string) (bool, error) {
	if s.internal {
		return false, nil
	}
	admitted, err := rooms.AdmitsNow(r, room.Ref, server)
	if err != nil || !admitted {
		return false, err
	}
	if s.WorldReadable || slices.Contains([]string{"public", "knock", "knock_restricted"}, s.JoinRule) {
		return true, nil
	}
	if concerns, err := r.ServerConcerned(room.Ref, server); err != nil || concerns {
		return concerns, err
	}
	if s.JoinRule != "restricted" {
		return false, nil
	}
	for _, id := range s.AllowedRoomIDs {
		allowed, ok, err := r.FindRoom(id)
		if err != nil {
			return false, err
		}
		if !ok {
			continue
		}
		if servers, err := r.ServersIn(allowed.Ref); err != nil || slices.Contains(servers, server) {
			return err == nil, err
		}
	}
	return false, nil
}
