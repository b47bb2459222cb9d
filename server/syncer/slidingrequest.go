package syncer

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"beffroi/server/accounts"
	"beffroi/server/merr"
)

// The limits of a request. Source: MSC4186, "Request Body".
const (
	maxLists         = 100
	maxSubscriptions = 100
	maxWindow        = 100  // events of a timeline
	maxConnID        = 255  // bytes
	maxElements      = 1000 // of one list
	maxAllElements   = 5000 // of state, filters and ranges in a request
	defaultThreads   = 100
)

// SlidingRequest is a request of simplified sliding sync. Both spellings are read: the proposal's as it was merged, and the one that came before it,
// under the unstable path.
//
// Source: MSC4186.
type SlidingRequest struct {
	Session *accounts.Session `json:"-"`
	Stable  bool              `json:"-"` // the answer is spelled as merged
	Wait    time.Duration     `json:"-"`

	ConnID        string                   `json:"conn_id"`
	Pos           string                   `json:"pos"`
	Timeout       *int64                   `json:"timeout"` // milliseconds
	Presence      string                   `json:"set_presence"`
	Lists         map[string]*SlidingList  `json:"lists"`
	Subscriptions map[string]*WindowConfig `json:"room_subscriptions"`
	Extensions    SlidingExtensions        `json:"extensions"`
}

// WindowConfig says what a room's answer has.
type WindowConfig struct {
	TimelineLimit int           `json:"timeline_limit"`
	RequiredState RequiredState `json:"required_state"`

	state string // RequiredState as JSON, which tells it from others
}

// SlidingList is a window on the rooms that pass its filters. Without a range it has all of them.
type SlidingList struct {
	WindowConfig
	Range   *[2]int         `json:"range"`
	Ranges  [][2]int        `json:"ranges"` // unstable
	Filters *SlidingFilters `json:"filters"`
}

// SlidingFilters choose rooms; what is nil chooses all.
type SlidingFilters struct {
	IsDM         *bool     `json:"is_dm"`
	Spaces       []string  `json:"spaces"`
	IsEncrypted  *bool     `json:"is_encrypted"`
	IsInvited    *bool     `json:"is_invited"`
	IsInvite     *bool     `json:"is_invite"` // unstable
	RoomTypes    []*string `json:"room_types"`
	NotRoomTypes []*string `json:"not_room_types"`
	Tags         []string  `json:"tags"`
	NotTags      []string  `json:"not_tags"`
}

// SlidingExtensions ask for what is not in rooms.
//
// Source: MSC3884, MSC3885, MSC3959, MSC3960, MSC3961, and MSC4360 (threads).
type SlidingExtensions struct {
	ToDevice        *ToDeviceExtension `json:"to_device"`
	E2EE            *Extension         `json:"e2ee"`
	AccountData     *Extension         `json:"account_data"`
	Receipts        *Extension         `json:"receipts"`
	Typing          *Extension         `json:"typing"`
	Threads         *ThreadsExtension  `json:"threads"`
	UnstableThreads *ThreadsExtension  `json:"io.element.msc4360.threads"`
}

// Extension is one with the parameters that all know which tell of rooms: the lists and the rooms that it is wanted for. nil, or * at first: all.
//
// Source: MSC3575, "Extensions".
type Extension struct {
	Enabled bool     `json:"enabled"`
	Lists   []string `json:"lists"`
	Rooms   []string `json:"rooms"`
}

// ToDeviceExtension acknowledges what arrived with its own token.
type ToDeviceExtension struct {
	Enabled bool   `json:"enabled"`
	Since   string `json:"since"`
	Limit   int    `json:"limit"`
}

// ThreadsExtension is MSC4360's.
type ThreadsExtension struct {
	Enabled      bool `json:"enabled"`
	IncludeRoots bool `json:"include_roots"`
	Limit        int  `json:"limit"`
}

func (e *Extension) on() bool { return e != nil && e.Enabled }

// RequiredState says which state a client wants of a room.
type RequiredState struct {
	Include []StateElement `json:"include"`
	Exclude []StateElement `json:"exclude"`
	Lazy    bool           `json:"lazy_members"`
}

// StateElement matches state by type and key; nil matches all. The key "$ME" is the user's id.
type StateElement struct {
	Type     *string `json:"type"`
	StateKey *string `json:"state_key"`
}

// UnmarshalJSON reads the object, or the unstable list of pairs, in which * matches all and $LAZY loads members lazily.
func (s *RequiredState) UnmarshalJSON(raw []byte) error {
	if !bytes.HasPrefix(raw, []byte("[")) {
		type plain RequiredState
		return json.Unmarshal(raw, (*plain)(s))
	}
	var pairs [][2]string
	if err := json.Unmarshal(raw, &pairs); err != nil {
		return err
	}
	for _, p := range pairs {
		if p == [2]string{memberType, "$LAZY"} {
			s.Lazy = true
			continue
		}
		s.Include = append(s.Include, StateElement{unlessStar(p[0]), unlessStar(p[1])})
	}
	return nil
}

const memberType = "m.room.member"

func unlessStar(text string) *string {
	if text == "*" {
		return nil
	}
	return &text
}

// Check refuses what no server takes.
func (q *SlidingRequest) Check() error {
	switch {
	case len(q.Lists) > maxLists:
		return merr.InvalidParam("A request has %d lists at most", maxLists)
	case len(q.Subscriptions) > maxSubscriptions:
		return merr.InvalidParam("A request has %d subscriptions at most", maxSubscriptions)
	case len(q.ConnID) > maxConnID:
		return merr.InvalidParam("conn_id has %d bytes at most", maxConnID)
	}
	elements := 0
	for name, l := range q.Lists {
		if l == nil {
			return merr.BadJSON("The list %q is null", name)
		}
		if err := l.check(); err != nil {
			return err
		}
		elements += l.elements() + l.WindowConfig.elements()
	}
	for id, c := range q.Subscriptions {
		if c == nil {
			return merr.BadJSON("The subscription to %q is null", id)
		}
		if err := c.check(); err != nil {
			return err
		}
		elements += c.elements()
	}
	if elements > maxAllElements {
		return merr.InvalidParam("A request has %d elements of state, filters and ranges at most", maxAllElements)
	}
	for _, x := range []*Extension{q.Extensions.AccountData, q.Extensions.Receipts, q.Extensions.Typing} {
		if x != nil && len(x.Lists)+len(x.Rooms) > maxElements {
			return merr.InvalidParam("An extension names %d lists and rooms at most", maxElements)
		}
	}
	return nil
}

func (l *SlidingList) check() error {
	if l.elements() > maxElements {
		return merr.InvalidParam("filters and ranges have %d elements at most", maxElements)
	}
	if l.Range != nil {
		l.Ranges = append(l.Ranges, *l.Range)
	}
	for _, r := range l.Ranges {
		if r[0] < 0 || r[1] < r[0] {
			return merr.InvalidParam("A range is two numbers from 0 on, the smaller one first")
		}
	}
	return l.WindowConfig.check()
}

// elements counts what each room of the user is held against.
func (l *SlidingList) elements() int {
	n := len(l.Ranges)
	if f := l.Filters; f != nil {
		n += len(f.Spaces) + len(f.RoomTypes) + len(f.NotRoomTypes) + len(f.Tags) + len(f.NotTags)
	}
	return n
}

func (c *WindowConfig) elements() int {
	return len(c.RequiredState.Include) + len(c.RequiredState.Exclude)
}

func (c *WindowConfig) check() error {
	if c.TimelineLimit < 0 {
		return merr.InvalidParam("timeline_limit is negative")
	}
	c.TimelineLimit = min(c.TimelineLimit, maxWindow)
	if c.elements() > maxElements {
		return merr.InvalidParam("required_state has %d elements at most", maxElements)
	}
	state, _ := json.Marshal(c.RequiredState) // texts and booleans
	c.state = string(state)
	return nil
}

// covers tells whether the window has a place of the list.
func (l *SlidingList) covers(i int) bool {
	return len(l.Ranges) == 0 || slices.ContainsFunc(l.Ranges, func(r [2]int) bool { return r[0] <= i && i <= r[1] })
}

// roomConfig is what a room's answer has, of all the lists and subscriptions that it is in.
type roomConfig struct {
	limit  int
	states []*RequiredState
	lazy   bool // and no other wants all members
	all    bool // wants all members
	key    string
}

// combine makes a superset. Source: MSC4186, "Combining room configs".
func combine(parts []*WindowConfig) *roomConfig {
	c := &roomConfig{}
	var keys []string
	for _, p := range parts {
		c.limit = max(c.limit, p.TimelineLimit)
		if slices.Contains(keys, p.state) {
			continue
		}
		keys = append(keys, p.state)
		c.states = append(c.states, &p.RequiredState)
		c.lazy = c.lazy || p.RequiredState.Lazy
		c.all = c.all || p.RequiredState.allMembers()
	}
	c.lazy = c.lazy && !c.all
	slices.Sort(keys)
	c.key = strings.Join(keys, "\n")
	return c
}

func (s *RequiredState) allMembers() bool {
	return !s.Lazy && slices.ContainsFunc(s.Include, func(e StateElement) bool {
		return e.StateKey == nil && (e.Type == nil || *e.Type == memberType)
	})
}

// wants tells whether a piece of state is asked for. Lazily loaded members are so by their senders, unless they are named.
func (c *roomConfig) wants(eventType, stateKey, me string) bool {
	return slices.ContainsFunc(c.states, func(s *RequiredState) bool {
		named := s.Lazy && eventType == memberType
		return matches(s.Include, eventType, stateKey, me, named) && !matches(s.Exclude, eventType, stateKey, me, false)
	})
}

func matches(elements []StateElement, eventType, stateKey, me string, named bool) bool {
	return slices.ContainsFunc(elements, func(e StateElement) bool {
		if e.Type != nil && *e.Type != eventType {
			return false
		}
		if e.StateKey == nil {
			return !named
		}
		return *e.StateKey == stateKey || *e.StateKey == "$ME" && stateKey == me
	})
}

// members are the users whose memberships are asked for by name.
func (c *roomConfig) members(me string) (users []string) {
	for _, s := range c.states {
		for _, e := range s.Include {
			if e.StateKey == nil || e.Type != nil && *e.Type != memberType {
				continue
			}
			if *e.StateKey == "$ME" {
				users = append(users, me)
			} else if strings.HasPrefix(*e.StateKey, "@") {
				users = append(users, *e.StateKey)
			}
		}
	}
	return users
}
