package directory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// Visibility tells whether the directory shows a room: 404 M_NOT_FOUND for one that is not known.
//
// Spec: client-server API, "GET /_matrix/client/v3/directory/list/room/{roomId}".
func (s *Service) Visibility(ctx context.Context, roomID string) (public bool, err error) {
	err = s.db.Peek(ctx, func(r *store.Reader) error {
		room, err := known(r, roomID)
		if err == nil {
			public, err = r.Published(room.Ref)
		}
		return err
	})
	return public, err
}

func known(r *store.Reader, roomID string) (store.Room, error) {
	room, ok, err := r.FindRoom(roomID)
	if err == nil && !ok {
		err = merr.NotFound("The room is not known here")
	}
	return room, err
}

// Publish shows a room in the directory, or hides it. Who may set m.room.canonical_alias may, and administrators.
//
// Spec: client-server API, "PUT /_matrix/client/v3/directory/list/room/{roomId}".
func (s *Service) Publish(ctx context.Context, u rooms.User, roomID string, public bool) error {
	return s.db.Write(ctx, func(tx *store.Tx) error {
		room, err := known(&tx.Reader, roomID)
		if err != nil {
			return err
		}
		if err := mayList(&tx.Reader, room, u); err != nil {
			return err
		}
		return tx.Publish(room.Ref, public)
	})
}

// PublicQuery asks for a page of the directory.
type PublicQuery struct {
	Limit  int    // 0: the usual
	Since  string // a token of an earlier page
	Server string // "": this one
	Search string
	Types  []*string // nil: all; an element that is nil: rooms without a type
	// Of the directories that application services keep: the instance id of a network, "" for none; or all of them, and ours.
	Network     string
	AllNetworks bool
	Federated   bool // only rooms that users of other servers may join
}

// PublicPage is a page of the directory.
type PublicPage struct {
	Chunk []Entry `json:"chunk"`
	Next  string  `json:"next_batch,omitempty"`
	Prev  string  `json:"prev_batch,omitempty"`
	Total int     `json:"total_room_count_estimate"`
}

const (
	usualPublic = 100
	maxPublic   = 500
)

// Public reads a page of the directory: rooms with the most members first. The directory of another server is asked for.
//
// Spec: client-server API, "POST /_matrix/client/v3/publicRooms".
func (s *Service) Public(ctx context.Context, q PublicQuery) (p PublicPage, err error) {
	p.Chunk = []Entry{}
	if q.Server != "" && q.Server != s.server {
		return s.publicOf(ctx, q)
	}
	at, err := parsePlace(q.Since)
	if err != nil {
		return p, err
	}
	var all []shown
	err = s.db.Read(ctx, func(r *store.Reader) error {
		all, err = s.published(r, q)
		return err
	})
	if err != nil {
		return p, err
	}
	p.Total = len(all)
	found := q.filter(all)
	limit := cmp.Or(min(max(q.Limit, 0), maxPublic), usualPublic)
	from, to := at.window(found, limit)
	for _, room := range found[from:to] {
		p.Chunk = append(p.Chunk, room.Entry)
	}
	if to < len(found) && to > 0 {
		p.Next = place{found[to-1].Joined, found[to-1].ref, false}.String()
	}
	if from > 0 && from < len(found) {
		p.Prev = place{found[from].Joined, found[from].ref, true}.String()
	}
	return p, nil
}

func (q *PublicQuery) filter(all []shown) []shown {
	search := fold(q.Search)
	return slices.DeleteFunc(all, func(room shown) bool {
		wanted := func(t *string) bool {
			return t == nil && room.RoomType == "" || t != nil && *t != "" && *t == room.RoomType
		}
		return q.Federated && room.internal || q.Types != nil && !slices.ContainsFunc(q.Types, wanted) || !matches(room.text, search)
	})
}

// shown is a room of the directory as it was when its streams stood at two positions.
type shown struct {
	Entry
	ref             store.RoomRef
	text            string // folded, for searches
	internal        bool   // users of other servers can't join
	state, timeline int64
}

// before orders the directory: members, then the room's number.
func (a shown) before(b shown) int { return cmp.Or(b.Joined-a.Joined, cmp.Compare(a.ref, b.ref)) }

// published gives all rooms of the directory in their order.
func (s *Service) published(r *store.Reader, q PublicQuery) ([]shown, error) {
	refs, err := q.rooms(r)
	if err != nil {
		return nil, err
	}
	all := make([]shown, 0, len(refs))
	for _, ref := range refs {
		room, err := s.look(r, ref)
		if err != nil {
			return nil, err
		}
		all = append(all, room)
	}
	slices.SortFunc(all, shown.before)
	return all, nil
}

// rooms lists the rooms of the directories that are asked for. A network that nobody knows has none.
func (q *PublicQuery) rooms(r *store.Reader) ([]store.RoomRef, error) {
	if q.Network != "" {
		service, network := splitInstance(q.Network)
		return r.NetworkRooms(service, network)
	}
	refs, err := r.PublishedRooms()
	if err != nil || !q.AllNetworks {
		return refs, err
	}
	more, err := r.NetworksRooms()
	refs = append(refs, more...)
	slices.Sort(refs)
	return slices.Compact(refs), err
}

// maxShown is how many rooms are remembered as they were shown.
const maxShown = 5000

// look gives what the directory shows of a room; it is read anew where something happened in the room meanwhile.
func (s *Service) look(r *store.Reader, ref store.RoomRef) (shown, error) {
	state, err := r.StateStands(ref)
	if err != nil {
		return shown{}, err
	}
	last, _, err := r.LastPlace(ref)
	if err != nil {
		return shown{}, err
	}
	if known, ok := s.remembered(ref); ok && known.state == state && known.timeline == last.Pos {
		return known, nil
	}
	now := shown{ref: ref, state: state, timeline: last.Pos}
	room, ok, err := r.Room(ref)
	if err != nil || !ok {
		return now, errOr(err, fmt.Errorf("published room %d is missing", ref))
	}
	summary, err := summarise(r, room)
	if err != nil {
		return now, err
	}
	alt, err := altAliases(r, room)
	now.Entry, now.internal = summary.Entry, summary.internal
	now.text = fold(strings.Join(append(alt, summary.Name, summary.Topic, summary.CanonicalAlias), "\n"))
	s.remember(now)
	return now, err
}

func altAliases(r *store.Reader, room store.Room) ([]string, error) {
	e, ok, err := r.CurrentEvent(room.Ref, store.AtomCanonicalAlias, store.AtomEmpty)
	if err != nil || !ok {
		return nil, err
	}
	alt, _ := pdu.StoredObject(e.JSON).Object("content").Get("alt_aliases").Texts()
	return alt, nil
}

func (s *Service) remembered(ref store.RoomRef) (shown, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	room, ok := s.shown[ref]
	return room, ok
}

func (s *Service) remember(room shown) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.shown) >= maxShown {
		clear(s.shown)
	}
	s.shown[room.ref] = room
}

// place is where a page of the directory ends, or for the page before it begins: a room in the directory's order, which may have gone meanwhile.
type place struct {
	joined   int
	ref      store.RoomRef
	backward bool
}

// String is the token. Its letter says in which direction the next page lies.
func (p place) String() string {
	direction := 'n'
	if p.backward {
		direction = 'p'
	}
	return fmt.Sprintf("%c%d.%d", direction, p.joined, p.ref)
}

func parsePlace(token string) (p place, err error) {
	if token == "" {
		return place{joined: 1<<31 - 1}, nil
	}
	var direction rune
	n, err := fmt.Sscanf(token, "%c%d.%d", &direction, &p.joined, &p.ref)
	p.backward = direction == 'p'
	if err != nil || n != 3 || direction != 'n' && direction != 'p' || p.String() != token {
		return p, merr.InvalidParam("The token is none of this directory")
	}
	return p, nil
}

// window is the part of the directory that lies after the place, or before it.
func (p place) window(all []shown, limit int) (from, to int) {
	here := shown{Entry: Entry{Joined: p.joined}, ref: p.ref}
	at, isHere := slices.BinarySearchFunc(all, here, shown.before)
	if p.backward {
		return max(at-limit, 0), at
	}
	if isHere {
		at++
	}
	return at, min(at+limit, len(all))
}

// splitInstance takes an instance id apart: the id of a registration has no such sign.
func splitInstance(id string) (service, network string) {
	service, network, _ = strings.Cut(id, "|")
	return service, network
}
