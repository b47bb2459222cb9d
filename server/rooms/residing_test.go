package rooms_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/pdu/pdutest"
	"beffroi/server/rooms"
)

// residing lets users of this server into the other servers' room, honestly or not.
type residing struct {
	far  *elsewhere
	line *branch

	proposes func(t *rooms.Template, event map[string]any)   // changes a template
	sends    func(member string, raw *json.RawMessage) error // changes a piece of an answer; an error ends it
	joins    int
	left     []string // who has left again
	knocked  []string
	down     bool
}

func (r *residing) Gather(context.Context, []*pdu.Received) {}

func (r *residing) Template(_ context.Context, membership, _, _, userID string, _ []string) (t rooms.Template, err error) {
	if r.down {
		return t, errSilent
	}
	if membership == "join" && r.line.State[auth.Key{Type: "m.room.member", StateKey: userID}] != "" && r.banned(userID) {
		return t, merr.Forbidden("%s is banned", userID)
	}
	event := map[string]any{}
	built := r.line.Build("m.room.member", &userID, userID, map[string]any{"membership": membership, "displayname": "not ours"})
	if err := json.Unmarshal(built.JSON(), &event); err != nil {
		return t, err
	}
	for _, key := range []string{"hashes", "signatures", "event_id"} {
		delete(event, key)
	}
	t.RoomVersion = r.far.room.Rules.Version
	if r.proposes != nil && membership == "join" {
		r.proposes(&t, event)
	}
	t.Event, err = json.Marshal(event)
	return t, err
}

func (r *residing) banned(userID string) bool {
	e := r.far.room.Events[r.line.State[auth.Key{Type: "m.room.member", StateKey: userID}]]
	return auth.Membership(e) == "ban"
}

func (r *residing) SendJoin(_ context.Context, _ string, e *pdu.Event, take func(member string, raw json.RawMessage) error) error {
	r.joins++
	state := slices.Sorted(maps.Values(r.line.State))
	if r.proposes == nil { // else it is none that it would let in
		r.line.add(e)
	}
	for member, raws := range map[string][]json.RawMessage{"state": r.far.raw(state), "auth_chain": r.far.raw(r.far.chain(state)), "event": {e.JSON()},
		"members_omitted": {json.RawMessage("false")}} {
		for _, raw := range raws {
			if r.sends != nil {
				if err := r.sends(member, &raw); err != nil {
					return err
				}
			}
			if err := take(member, raw); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *residing) SendLeave(_ context.Context, _ string, e *pdu.Event) error {
	if r.down {
		return errSilent
	}
	r.left = append(r.left, e.Sender())
	if r.proposes == nil {
		r.line.add(e)
	}
	return nil
}

func (r *residing) SendKnock(_ context.Context, _ string, e *pdu.Event) ([]json.RawMessage, error) {
	r.knocked = append(r.knocked, e.Sender())
	r.line.add(e)
	return []json.RawMessage{}, nil
}

func (r *residing) Older(_ context.Context, _, _ string, from []string, limit int) ([]json.RawMessage, error) {
	if r.down {
		return nil, errSilent
	}
	var ids []string
	for todo := from; len(todo) > 0 && len(ids) < limit; todo = todo[1:] {
		if e := r.far.room.Events[todo[0]]; e != nil && !slices.Contains(ids, e.ID()) {
			ids, todo = append(ids, e.ID()), append(todo, e.PrevEvents()...)
		}
	}
	return r.far.raw(ids), nil
}

// abroad is a room of bob's and carol's on another server, which this one does not know.
func abroad(t testing.TB, version string) (*shared, *residing) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "b.db")
	s := &shared{world: open(t, path), path: path}
	s.alice = s.user("alice")
	s.far = &elsewhere{before: map[string]map[auth.Key]string{}, silent: map[string]bool{}, asked: map[string]int{}, withheld: map[string]bool{}}
	b := &branch{far: s.far}
	s.far.room, b.Branch = pdutest.NewRoom(t, version, bob)
	b.member("join", bob, bob)
	if !s.far.room.Rules.CreatorsRule {
		b.set("m.room.power_levels", "", bob, `{"users":{"`+bob+`":100}}`)
	}
	b.set("m.room.join_rules", "", bob, `{"join_rule":"public"}`)
	b.set("m.room.history_visibility", "", bob, `{"history_visibility":"shared"}`)
	b.set("m.room.name", "", bob, `{"name":"Salle des mariages"}`)
	b.member("join", carol, carol)
	for range 5 {
		b.message(carol, "before")
	}
	r := &residing{far: s.far, line: b}
	s.far.Joining, s.Remote, s.room = r, s.far, s.far.room.ID
	return s, r
}

// joins lets a user in by the other server.
func (s *shared) joins(u rooms.User) error {
	return s.JoinWith(context.Background(), u, s.room, rooms.Entry{Via: []string{"far"}})
}

// agrees checks that the current state is that of the other servers' line.
func (s *shared) agrees(r *residing) {
	s.Helper()
	s.consistent()
	for key, id := range r.line.State {
		if got := s.now(key.Type, key.StateKey); got != id {
			s.Errorf("%s %q is %s here, %s there", key.Type, key.StateKey, got, id)
		}
	}
}

// tells gives our last event to the other servers.
func (s *shared) tells(r *residing) {
	s.Helper()
	all := s.events()
	r.line.add(all[len(all)-1])
}

var errCutOff = errors.New("cut off")
