package directory

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"beffroi/server/pdu"
	"beffroi/server/store"
)

// The limits of what one request asks of other servers.
const (
	maxAskedRooms = 60 // rooms
	maxAskedOne   = 3  // servers that are asked for one room, one after another
	roomsAtATime  = 8
	maxRounds     = 5 // each goes a level deeper, at least
	hierarchyTime = 15 * time.Second
)

// farRoom is what another server says of a room.
type farRoom struct {
	Summary
	children []child
	whole    bool // the children are told, too
}

// far is what other servers said of rooms in one request, nil where they said nothing, and which are still to be asked for.
type far struct {
	rooms  map[string]*farRoom
	wanted map[string]question // by room id
	asked  map[string]bool
}

// question is whom to ask for a room.
type question struct {
	via    []string
	inside []string // of the space in which the room was met: who is in it knows more of who may see its rooms
}

// key is by which an answer is kept. What a server said before it came into the space says nothing of what it would now.
func (q question) key(server, roomID string, suggestedOnly bool) string {
	key := "hierarchy " + server + " " + roomID
	if suggestedOnly {
		key += " suggested"
	}
	if slices.Contains(q.inside, server) {
		key += " inside"
	}
	return key
}

func newFar() *far {
	return &far{rooms: map[string]*farRoom{}, wanted: map[string]question{}, asked: map[string]bool{}}
}

// want notes that a room is to be asked for, unless it was.
func (f *far) want(roomID string, q question) {
	if !f.asked[roomID] && len(f.asked)+len(f.wanted) < maxAskedRooms {
		f.wanted[roomID] = q
	}
}

// told is what another server answers to /hierarchy.
type told struct {
	Room         json.RawMessage   `json:"room"`
	Children     []json.RawMessage `json:"children"`
	Inaccessible []string          `json:"inaccessible_children"`
}

// askFar asks for all that is wanted, several rooms at a time, and tells whether there was anything.
func (s *Service) askFar(ctx context.Context, f *far, suggestedOnly bool) bool {
	wanted := f.wanted
	f.wanted = map[string]question{}
	if s.remote == nil || len(wanted) == 0 || ctx.Err() != nil {
		return false
	}
	answers := make(chan map[string]*farRoom, len(wanted))
	group := errgroup.Group{}
	group.SetLimit(roomsAtATime)
	for roomID, q := range wanted {
		f.asked[roomID] = true
		group.Go(func() error {
			answers <- s.askRoom(ctx, roomID, q, suggestedOnly)
			return nil
		})
	}
	_ = group.Wait() // nobody gives an error: who knows nothing says nothing
	close(answers)
	for found := range answers {
		for id, room := range found {
			if old := f.rooms[id]; old == nil || room != nil && room.whole {
				f.rooms[id] = room
			}
		}
	}
	return true
}

// askRoom asks one server after another for a room and its children, until one knows it.
func (s *Service) askRoom(ctx context.Context, roomID string, q question, suggestedOnly bool) map[string]*farRoom {
	n := 0
	for _, server := range s.askable(roomID, q.via) {
		if n++; n > maxAskedOne {
			break
		}
		raw, err := s.asked.get(ctx, s.now(), q.key(server, roomID, suggestedOnly), func(ctx context.Context) ([]byte, error) {
			return s.remote.Hierarchy(ctx, server, roomID, suggestedOnly)
		})
		if err != nil {
			continue
		}
		if found, err := farRooms(roomID, raw, suggestedOnly); err == nil {
			return found
		}
	}
	return nil
}

// askable lists the servers that may know a room: those that were named, and the one in its id.
func (s *Service) askable(roomID string, via []string) (servers []string) {
	for _, server := range append(slices.Clone(via), pdu.ServerOf(roomID)) {
		if server != "" && server != s.server && len(server) <= 255 && !slices.Contains(servers, server) {
			servers = append(servers, server)
		}
	}
	return servers
}

// farRooms takes what is right of an answer: the room that was asked for, and of its children those that it names.
func farRooms(roomID string, raw []byte, suggestedOnly bool) (map[string]*farRoom, error) {
	var t told
	if err := json.Unmarshal(raw, &t); err != nil {
		return nil, err
	}
	room, err := farSummary(t.Room)
	if err != nil || room.RoomID != roomID {
		return nil, errors.New("another room than the one that was asked for")
	}
	room.whole = true
	if room.children, err = farChildren(t.Room, suggestedOnly); err != nil {
		return nil, err
	}
	found := map[string]*farRoom{roomID: room}
	named := map[string]bool{}
	for _, c := range room.children {
		named[c.room] = c.room != roomID
	}
	for _, id := range t.Inaccessible {
		if named[id] {
			found[id] = nil
		}
	}
	for _, one := range t.Children {
		if c, err := farSummary(one); err == nil && named[c.RoomID] {
			c.whole = c.RoomType != "m.space"
			found[c.RoomID] = c
		}
	}
	return found, nil
}

func farSummary(raw json.RawMessage) (*farRoom, error) {
	room := &farRoom{}
	if err := json.Unmarshal(raw, &room.Summary); err != nil {
		return nil, err
	}
	if !room.fits() {
		return nil, errors.New("no room id")
	}
	if room.Encryption != "m.megolm.v1.aes-sha2" {
		room.Encryption = "" // the one that the specification lists here
	}
	return room, nil
}

// farChildren reads children_state, in order.
func farChildren(raw json.RawMessage, suggestedOnly bool) ([]child, error) {
	var room struct {
		Children []json.RawMessage `json:"children_state"`
	}
	if err := json.Unmarshal(raw, &room); err != nil {
		return nil, err
	}
	var children []child
	for _, one := range room.Children[:min(len(room.Children), maxTree)] {
		o, err := pdu.ParseObject(one)
		if err != nil {
			continue
		}
		id, _ := o.Text("state_key")
		kind, _ := o.Text("type")
		sender, _ := o.Text("sender")
		ts, isTime := o.Int("origin_server_ts")
		if kind != "m.space.child" || !strings.HasPrefix(id, "!") || !isTime || !pdu.ValidUserID(sender) {
			continue
		}
		if c, ok := asChild(id, ts, o, suggestedOnly); ok {
			children = append(children, c)
		}
	}
	slices.SortFunc(children, child.before)
	return children, nil
}

// describes tells whether this server can say what a room is: somebody here is in it. What it knows of others may be old.
func describes(r *store.Reader, room store.Room) (bool, error) { return r.LocalIn(room.Ref) }
