package servertest

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"

	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/pdu/pdutest"
	"beffroi/server/store"
)

// A Residence is a room of a Peer, which others may join, leave and ask for what it has.
type Residence struct {
	*Peer
	Room *pdutest.Room
	Line *pdutest.Branch // its only branch

	// Shape changes what is said when somebody joins or asks to; nil: nothing.
	Shape func(member string, answer map[string]any)

	mu    sync.Mutex
	Asked map[string]int // how often it was asked, by endpoint; hold Lock
}

// Lock is held by who reads or writes what the server answers from while others may ask.
func (r *Residence) Lock() func() {
	r.mu.Lock()
	return r.mu.Unlock
}

// Reside makes a public room of a version whose creator is the peer's user "host".
func (p *Peer) Reside(version string) *Residence {
	p.t.Helper()
	return p.Found(version, nil)
}

// Found is Reside with more in the content of the room's create event. A peer has one such room.
func (p *Peer) Found(version string, create map[string]any) *Residence {
	p.t.Helper()
	r := &Residence{Peer: p, Asked: map[string]int{}}
	sign := func(server string) pdu.Signer {
		if server == p.Name {
			return p.Own.Signer()
		}
		return pdutest.Signer(server)
	}
	r.Room, r.Line = pdutest.NewSignedRoom(p.t, version, r.User("host"), sign, create)
	r.Line.Member("join", r.User("host"), r.User("host"))
	levels := map[string]any{"users": map[string]any{r.User("host"): 100}}
	if r.Room.Rules.CreatorsRule {
		levels = map[string]any{}
	}
	r.Line.State0("m.room.power_levels", r.User("host"), levels)
	r.Line.State0("m.room.join_rules", r.User("host"), map[string]any{"join_rule": "public"})
	r.Line.State0("m.room.history_visibility", r.User("host"), map[string]any{"history_visibility": "shared"})
	r.serve()
	return r
}

// User is the id of a user of the peer.
func (p *Peer) User(localpart string) string { return "@" + localpart + ":" + p.Name }

// Say adds a message.
func (r *Residence) Say(sender, body string) *pdu.Event {
	defer r.Lock()()
	e := r.Line.Build("m.room.message", nil, sender, map[string]any{"msgtype": "m.text", "body": body})
	r.Line.Add(e)
	return e
}

// Set adds a state event.
func (r *Residence) Set(eventType, stateKey, sender string, content any) *pdu.Event {
	defer r.Lock()()
	e := r.Line.Build(eventType, &stateKey, sender, content)
	r.Line.Add(e)
	return e
}

// Deliver sends events to a server that is in the room.
func (r *Residence) Deliver(to *Server, events ...*pdu.Event) {
	r.t.Helper()
	pdus := []json.RawMessage{}
	for _, e := range events {
		pdus = append(pdus, e.JSON())
	}
	body := map[string]any{"origin": r.Name, "origin_server_ts": 1, "pdus": pdus}
	status, answer := r.Do(to, http.MethodPut, "/_matrix/federation/v1/send/"+rand.Text(), body)
	if status != http.StatusOK || bytes.Contains(answer, []byte(`"error"`)) {
		r.t.Fatalf("%d %s", status, answer)
	}
}

// Follow takes over the last event of the room as a server has it, which that one sent.
func (r *Residence) Follow(of *Server) {
	r.t.Helper()
	err := of.DB().Read(r.t.Context(), func(rd *store.Reader) error {
		room, _, err := rd.FindRoom(r.Room.ID)
		if err != nil {
			return err
		}
		last, err := rd.EventsBackward(room.Ref, store.OrdMax, store.OrdMin, 1)
		if err != nil {
			return err
		}
		e, err := last[0].PDU(r.Room.Rules)
		if err == nil {
			r.Line.Add(e)
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// before is the state before an event of the line.
func (r *Residence) before(e *pdu.Event) []string {
	state := map[auth.Key]string{}
	for prevs := e.PrevEvents(); len(prevs) > 0; prevs = e.PrevEvents() {
		e = r.Room.Events[prevs[0]]
		key, isState := e.StateKey()
		entry := auth.Key{Type: e.Type(), StateKey: key}
		if isState && state[entry] == "" {
			state[entry] = e.ID()
		}
	}
	return slices.Collect(maps.Values(state))
}

func (r *Residence) serve() {
	for pattern, answer := range map[string]func(*http.Request) map[string]any{
		"GET /_matrix/federation/v1/make_join/{roomId}/{userId}":   r.template("join"),
		"GET /_matrix/federation/v1/make_leave/{roomId}/{userId}":  r.template("leave"),
		"GET /_matrix/federation/v1/make_knock/{roomId}/{userId}":  r.template("knock"),
		"PUT /_matrix/federation/v2/send_join/{roomId}/{eventId}":  r.sendJoin,
		"PUT /_matrix/federation/v2/send_leave/{roomId}/{eventId}": r.sendLeave,
		"PUT /_matrix/federation/v1/send_knock/{roomId}/{eventId}": r.sendKnock,
		"GET /_matrix/federation/v1/backfill/{roomId}":             r.backfill,
		"GET /_matrix/federation/v1/state_ids/{roomId}":            r.stateIDs,
		"GET /_matrix/federation/v1/event/{eventId}":               r.event,
	} {
		r.Mux.HandleFunc(pattern, func(w http.ResponseWriter, q *http.Request) {
			defer r.Lock()()
			r.Asked[pattern]++
			body := answer(q)
			if body == nil {
				w.WriteHeader(http.StatusNotFound)
				body = map[string]any{"errcode": "M_NOT_FOUND", "error": "none"}
			}
			if status, ok := body["status"].(int); ok {
				delete(body, "status")
				w.WriteHeader(status)
			}
			_ = json.NewEncoder(w).Encode(body) // who asked may have gone
		})
	}
}

// template proposes an event as whoever asks would have to build it.
func (r *Residence) template(membership string) func(*http.Request) map[string]any {
	return func(q *http.Request) map[string]any {
		user := q.PathValue("userId")
		var event map[string]any
		b := r.Line.Build("m.room.member", &user, user, map[string]any{"membership": membership}).JSON()
		if err := json.Unmarshal(b, &event); err != nil {
			r.t.Error(err)
		}
		for _, key := range []string{"hashes", "signatures", "event_id"} {
			delete(event, key)
		}
		answer := map[string]any{"room_version": r.Room.Rules.Version, "event": event}
		if r.Shape != nil {
			r.Shape("make_"+membership, answer)
		}
		return answer
	}
}

// taken reads an event that somebody sends, and adds it.
func (r *Residence) taken(q *http.Request) *pdu.Event {
	b, err := io.ReadAll(q.Body)
	if err != nil {
		r.t.Error(err)
		return nil
	}
	e, err := pdu.FromStore(r.Room.Rules, q.PathValue("eventId"), b, false)
	if err != nil || !r.Line.Allowed(e) {
		r.t.Errorf("%s was sent: %v", b, err)
		return nil
	}
	r.Line.Add(e)
	return e
}

func (r *Residence) sendJoin(q *http.Request) map[string]any {
	state := slices.Collect(maps.Values(r.Line.State))
	e := r.taken(q)
	if e == nil {
		return nil
	}
	answer := map[string]any{"origin": r.Name, "state": r.raw(state), "auth_chain": r.raw(r.chain(append(state, e.ID()))),
		"event": json.RawMessage(e.JSON()), "members_omitted": false}
	if r.Shape != nil {
		r.Shape("send_join", answer)
	}
	return answer
}

func (r *Residence) sendLeave(q *http.Request) map[string]any {
	if r.taken(q) == nil {
		return nil
	}
	return map[string]any{}
}

func (r *Residence) sendKnock(q *http.Request) map[string]any {
	if r.taken(q) == nil {
		return nil
	}
	var stripped []map[string]any
	for key, id := range r.Line.State {
		if key.Type == "m.room.create" || key.Type == "m.room.join_rules" || key.Type == "m.room.name" {
			e := r.Room.Events[id]
			stripped = append(stripped, map[string]any{"type": key.Type, "state_key": key.StateKey, "sender": e.Sender(), "content": e.Content()})
		}
	}
	return map[string]any{"knock_room_state": stripped}
}

func (r *Residence) raw(ids []string) []json.RawMessage {
	out := []json.RawMessage{}
	for _, id := range ids {
		out = append(out, r.Room.Events[id].JSON())
	}
	return out
}

// chain are all events that allow some.
func (r *Residence) chain(ids []string) []string {
	seen := map[string]bool{}
	for todo := slices.Clone(ids); len(todo) > 0; todo = todo[1:] {
		for _, id := range r.Room.Events[todo[0]].AuthEvents() {
			if !seen[id] {
				seen[id] = true
				todo = append(todo, id)
			}
		}
	}
	return slices.Collect(maps.Keys(seen))
}

func (r *Residence) backfill(q *http.Request) map[string]any {
	var out []string
	seen := map[string]bool{}
	for todo := q.URL.Query()["v"]; len(todo) > 0 && len(out) < 100; todo = todo[1:] {
		if e := r.Room.Events[todo[0]]; e != nil && !seen[todo[0]] {
			seen[todo[0]] = true
			out, todo = append(out, todo[0]), append(todo, e.PrevEvents()...)
		}
	}
	return map[string]any{"origin": r.Name, "origin_server_ts": 1, "pdus": r.raw(out)}
}

func (r *Residence) stateIDs(q *http.Request) map[string]any {
	e := r.Room.Events[q.URL.Query().Get("event_id")]
	if e == nil {
		return nil
	}
	ids := r.before(e)
	return map[string]any{"pdu_ids": ids, "auth_chain_ids": r.chain(ids)}
}

func (r *Residence) event(q *http.Request) map[string]any {
	e := r.Room.Events[q.PathValue("eventId")]
	if e == nil {
		return nil
	}
	return map[string]any{"origin": r.Name, "origin_server_ts": 1, "pdus": r.raw([]string{e.ID()})}
}
