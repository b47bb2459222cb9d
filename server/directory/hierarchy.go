package directory

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// HierarchyQuery asks for a page of the tree of a space.
type HierarchyQuery struct {
	SuggestedOnly bool
	Limit         int // 0: the usual
	MaxDepth      int // negative: the most
	From          string
}

// HierarchyRoom is a room in the tree of a space.
type HierarchyRoom struct {
	Summary
	Children []json.RawMessage `json:"children_state"` // stripped m.space.child events with origin_server_ts
}

// HierarchyPage is a page of the tree of a space.
type HierarchyPage struct {
	Rooms []HierarchyRoom `json:"rooms"`
	Next  string          `json:"next_batch,omitempty"`
}

const (
	usualHierarchy = 50 // rooms on a page, also at most
	maxDepth       = 20
	maxTree        = 2000 // children that one request looks at
)

// Hierarchy walks over the tree of a space: each space before its children, those in their order, no room twice. Rooms that the user may not
// know of are left out with what is below them. Rooms that nobody here is in are asked for, between two walks: nothing is asked while the database is read.
//
// Spec: client-server API, "GET /_matrix/client/v1/rooms/{roomId}/hierarchy" and "Spaces".
func (s *Service) Hierarchy(ctx context.Context, user store.Atom, roomID string, q HierarchyQuery) (p HierarchyPage, err error) {
	if q.MaxDepth < 0 || q.MaxDepth > maxDepth {
		q.MaxDepth = maxDepth
	}
	w := walk{user: user, q: q}
	w.limit = cmp.Or(min(max(q.Limit, 0), usualHierarchy), usualHierarchy)
	if w.skip, err = w.parse(q.From); err != nil {
		return p, err
	}
	ctx, cancel := context.WithTimeout(ctx, hierarchyTime)
	defer cancel()
	w.far = newFar()
	for round := 0; ; round++ {
		w.begin()
		err = s.db.Read(context.WithoutCancel(ctx), func(r *store.Reader) error {
			w.r = r
			root, ok, err := w.find(roomID, question{})
			if err == nil && !ok {
				err = merr.Forbidden("You may not look into this room")
			}
			if err != nil {
				return err
			}
			return w.visit(root)
		})
		if round == maxRounds || !s.askFar(ctx, w.far, q.SuggestedOnly) {
			break
		}
	}
	if err != nil {
		return p, err
	}
	p.Rooms = w.page
	if w.more {
		p.Next = w.token()
	}
	return p, nil
}

// walk is a depth-first walk that begins at its root anew for each page and skips what earlier pages had: a tree is small, and so nothing
// has to be remembered between two requests.
type walk struct {
	r     *store.Reader
	user  store.Atom
	q     HierarchyQuery
	skip  int
	limit int
	far   *far // what other servers said

	page   []HierarchyRoom
	met    int // rooms so far
	looked int // children so far
	more   bool
	seen   map[string]bool
}

// begin forgets the walk before.
func (w *walk) begin() {
	w.page, w.met, w.looked, w.more, w.seen = []HierarchyRoom{}, 0, 0, false, map[string]bool{}
}

// node is a room that is to be visited, at its depth below the root.
type node struct {
	store.Room
	Summary
	membership store.Membership // of the user
	depth      int
	far        *farRoom // nil: it is here
}

// shown is the room with its children.
func (n *node) shown(children []child) HierarchyRoom {
	room := HierarchyRoom{Summary: n.Summary, Children: []json.RawMessage{}}
	for _, c := range children {
		room.Children = append(room.Children, c.stripped)
	}
	return room
}

// visit walks over the tree below a room, with the rooms to come on a stack.
func (w *walk) visit(root node) error {
	for stack := []node{root}; len(stack) > 0 && !w.more; {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if w.seen[n.ID] {
			continue
		}
		w.seen[n.ID] = true
		children, err := w.take(n)
		if err != nil {
			return err
		}
		below, err := w.below(n, children)
		if err != nil {
			return err
		}
		slices.Reverse(below)
		stack = append(stack, below...)
	}
	return nil
}

// take puts a room on the page, where it belongs there, and gives its children.
func (w *walk) take(n node) ([]child, error) {
	if len(w.page) == w.limit {
		w.more = true
		return nil, nil
	}
	children, err := w.children(n)
	if err != nil {
		return nil, err
	}
	if w.met++; w.met > w.skip {
		w.page = append(w.page, n.shown(children))
	}
	return children, nil
}

// below finds the rooms among the children that are to be visited.
func (w *walk) below(n node, children []child) ([]node, error) {
	var nodes []node
	if n.depth >= w.q.MaxDepth || len(children) == 0 {
		return nil, nil
	}
	inside, err := w.inside(n)
	if err != nil {
		return nil, err
	}
	for _, c := range children {
		if w.looked++; w.looked > maxTree {
			break
		}
		if w.seen[c.room] {
			continue
		}
		found, ok, err := w.find(c.room, question{c.via, inside})
		if err != nil {
			return nil, err
		}
		if ok {
			found.depth = n.depth + 1
			nodes = append(nodes, found)
		}
	}
	return nodes, nil
}

// inside are the other servers that are in a space of which this server knows it.
func (w *walk) inside(n node) ([]string, error) {
	if n.far != nil {
		return nil, nil
	}
	return w.r.ServersIn(n.Ref)
}

// find gives a room that the user may know of. One that nobody here is in is that which other servers say, or what is still known of it.
func (w *walk) find(roomID string, q question) (n node, ok bool, err error) {
	known, here := false, false
	if n.Room, known, err = w.r.FindRoom(roomID); err != nil {
		return n, false, err
	}
	if known {
		if here, err = describes(w.r, n.Room); err != nil {
			return n, false, err
		}
		if n.membership, err = w.r.MembershipOf(n.Ref, w.user); err != nil {
			return n, false, err
		}
	}
	if !here {
		n.far = w.elsewhere(roomID, q)
	}
	switch {
	case n.far != nil:
		n.ID, n.Summary = roomID, n.far.Summary
	case !known:
		return n, false, nil
	default:
		if n.Summary, err = summarise(w.r, n.Room); err != nil {
			return n, false, err
		}
	}
	ok, err = accessible(w.r, &n.Summary, w.user, n.membership)
	return n, ok, err
}

// elsewhere gives what other servers said of a room, nil where they said nothing. What they did not say yet is to be asked for.
func (w *walk) elsewhere(roomID string, q question) *farRoom {
	room, asked := w.far.rooms[roomID]
	if !asked || room != nil && !room.whole {
		w.far.want(roomID, q)
	}
	return room
}

// child is an m.space.child event.
type child struct {
	room     string
	via      []string
	order    string // "": none that is valid
	ts       int64
	stripped json.RawMessage
}

// children reads what a space has, in order.
func (w *walk) children(n node) ([]child, error) {
	switch {
	case n.RoomType != "m.space":
		return nil, nil
	case n.far != nil:
		return n.far.children, nil
	}
	events, err := w.r.CurrentEventsOfType(n.Ref, store.AtomSpaceChild)
	if err != nil {
		return nil, err
	}
	var children []child
	for _, e := range events {
		room, err := w.r.Text(e.StateKey)
		if err != nil {
			return nil, err
		}
		if c, ok := asChild(room, e.TS, pdu.StoredObject(e.JSON), w.q.SuggestedOnly); ok {
			children = append(children, c)
		}
	}
	slices.SortFunc(children, child.before)
	return children, nil
}

// before orders children: those with an order first, by that; then by time, then by room id.
//
// Spec: client-server API, "Ordering of children within a space".
func (c child) before(d child) int {
	if (c.order == "") != (d.order == "") {
		return strings.Compare(d.order, c.order) // the one that has none is the smaller string
	}
	return cmp.Or(strings.Compare(c.order, d.order), cmp.Compare(c.ts, d.ts), strings.Compare(c.room, d.room))
}

// asChild reads an m.space.child event; ok is false where it makes no child, for want of a server in via, or none that was asked for.
func asChild(room string, ts int64, event pdu.Object, suggestedOnly bool) (c child, ok bool) {
	content := event.Object("content")
	via, _ := content.Get("via").Texts()
	suggested, _ := content.Get("suggested").Bool()
	if len(via) == 0 || suggestedOnly && !suggested {
		return c, false
	}
	c = child{room: room, via: via, ts: ts}
	if order, _ := content.Text("order"); validOrder(order) {
		c.order = order
	}
	stripped, err := json.Marshal(struct {
		Type     string          `json:"type"`
		StateKey string          `json:"state_key"`
		Content  json.RawMessage `json:"content"`
		Sender   json.RawMessage `json:"sender"`
		TS       int64           `json:"origin_server_ts"`
	}{"m.space.child", room, content.Raw(), event.Get("sender").Raw(), ts})
	c.stripped = stripped
	return c, err == nil
}

func validOrder(order string) bool {
	return len(order) <= 50 && !strings.ContainsFunc(order, func(c rune) bool { return c < ' ' || c > '~' })
}

// token says how far the walk came, and with which parameters, which may not change.
func (w *walk) token() string {
	return strings.Join([]string{"h1", strconv.Itoa(w.skip + len(w.page)), strconv.Itoa(w.q.MaxDepth), strconv.FormatBool(w.q.SuggestedOnly)}, ".")
}

func (w *walk) parse(token string) (skip int, err error) {
	if token == "" {
		return 0, nil
	}
	parts := strings.Split(token, ".")
	if len(parts) == 4 {
		w.skip, err = strconv.Atoi(parts[1])
	}
	if skip = w.skip; err != nil || skip < 1 || w.token() != token {
		return 0, merr.InvalidParam("The token is none of this hierarchy, or its parameters changed")
	}
	return skip, nil
}
