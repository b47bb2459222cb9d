package remote_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"beffroi/server/federation/remote"
	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/pdu/pdutest"
	"beffroi/server/rooms"
)

func TestWhatIsAskedToEnterARoom(t *testing.T) {
	o := startOther(t)
	h := startHere(t, o)
	r := remote.Rooms{Client: h.Client, Ring: h.ring}
	_, line := pdutest.NewRoom(t, "11", "@bob:far")
	e := line.Member("join", "@alice:hs", "@alice:hs")
	room, event := "%21room:far", e.ID()
	o.says("/_matrix/federation/v1/make_knock/"+room+"/@alice:hs", `{"room_version":"11","event":{"type":"m.room.member"}}`)
	o.says("/_matrix/federation/v1/make_leave/"+room+"/@alice:hs", `{"event":{"type":"m.room.member"}}`)
	o.says("/_matrix/federation/v2/send_join/"+room+"/"+event, `{"state":[1,2],"auth_chain":[3],"event":{}}`)
	o.says("/_matrix/federation/v2/send_leave/"+room+"/"+event, `{}`)
	o.says("/_matrix/federation/v1/send_knock/"+room+"/"+event, `{"knock_room_state":[{"a":1}]}`)
	o.says("/_matrix/federation/v1/backfill/"+room, `{"pdus":[{"b":1},{"b":2},{"b":3}]}`)

	tmpl, err := r.Template(t.Context(), "knock", o.name, "!room:far", "@alice:hs", []string{"11", "12"})
	if err != nil || tmpl.RoomVersion != "11" || string(tmpl.Event) != `{"type":"m.room.member"}` || !slices.Equal(o.got[0].URL.Query()["ver"], []string{"11", "12"}) {
		t.Errorf("%+v %v, asked %s", tmpl, err, o.got[0].URL)
	}
	if tmpl, err = r.Template(t.Context(), "leave", o.name, "!room:far", "@alice:hs", []string{"11"}); err != nil || tmpl.RoomVersion != "" {
		t.Errorf("%+v %v", tmpl, err)
	}
	var pieces []string
	take := func(member string, raw json.RawMessage) error {
		pieces = append(pieces, member+" "+string(raw))
		return nil
	}
	if err := r.SendJoin(t.Context(), o.name, e, take); err != nil || !slices.Equal(pieces, []string{"state 1", "state 2", "auth_chain 3", "event {}"}) {
		t.Error(pieces, err)
	}
	if got, err := pdu.Canonical([]byte(o.bodies[2])); err != nil || string(got) != string(e.JSON()) {
		t.Errorf("%s was sent: %v", o.bodies[2], err)
	}
	if err := r.SendLeave(t.Context(), o.name, e); err != nil {
		t.Error(err)
	}
	if stripped, err := r.SendKnock(t.Context(), o.name, e); err != nil || len(stripped) != 1 {
		t.Error(stripped, err)
	}
	raws, err := r.Older(t.Context(), o.name, "!room:far", []string{"$1", "$2"}, 2)
	if q := o.got[len(o.got)-1].URL.Query(); err != nil || len(raws) != 2 || q.Get("limit") != "2" || !slices.Equal(q["v"], []string{"$1", "$2"}) {
		t.Error(raws, q, err)
	}
	if _, err := r.Template(t.Context(), "join", o.name, "!room:far", "@alice:hs", nil); err == nil {
		t.Error("an answer that was not given")
	}
}

// A join's answer may be endless, stop in its middle or never begin.
func TestAJoinsAnswerIsBounded(t *testing.T) {
	o := startOther(t)
	h := startHere(t, o)
	r := remote.Rooms{Client: h.Client, Ring: h.ring}
	_, line := pdutest.NewRoom(t, "11", "@bob:far")
	e := line.Member("join", "@alice:hs", "@alice:hs")
	path := "/_matrix/federation/v2/send_join/%21room:far/" + e.ID()
	send := func(ctx context.Context, take func(string, json.RawMessage) error) error {
		return r.SendJoin(ctx, o.name, e, take)
	}
	nothing := func(string, json.RawMessage) error { return nil }

	o.answers[path] = func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"state":["`)
		for range 1 << 12 {
			if _, err := io.WriteString(w, strings.Repeat("x", 1<<12)); err != nil {
				return
			}
		}
	}
	if err := send(t.Context(), nothing); err == nil {
		t.Error("an element without end is taken")
	}
	o.says(path, `{"state":[{"a":1},{"a":`)
	n := 0
	if err := send(t.Context(), func(string, json.RawMessage) error { n++; return nil }); err == nil || n != 1 {
		t.Errorf("an answer that is cut off: %v after %d pieces", err, n)
	}
	full := errors.New("full")
	o.says(path, `{"state":[1,2]}`)
	if err := send(t.Context(), func(string, json.RawMessage) error { return full }); !errors.Is(err, full) {
		t.Error(err)
	}
	o.answers[path] = func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"state":[1,`)
		_ = http.NewResponseController(w).Flush() // the test tells what comes of it
		<-r.Context().Done()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := send(ctx, nothing); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	o.answers[path] = func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"errcode":"M_FORBIDDEN","error":"banned"}`)
	}
	if err := send(t.Context(), nothing); !merr.Is(err, "M_FORBIDDEN") {
		t.Error(err)
	}
	o.answers[path] = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
	var pause *remote.Pause
	if err := send(t.Context(), nothing); err == nil || merr.Is(err, "M_FORBIDDEN") {
		t.Error(err)
	}
	if err := send(t.Context(), nothing); !errors.As(err, &pause) {
		t.Errorf("a server that failed is not left alone: %v", err)
	}
	h.refused[o.name] = true
	h.clock = h.clock.Add(2 * time.Hour)
	if err := send(t.Context(), nothing); !errors.Is(err, remote.ErrRefused) || !merr.Is(err, "M_FORBIDDEN") {
		t.Error(err)
	}
}

func TestAliasesOfOthers(t *testing.T) {
	o := startOther(t)
	h := startHere(t, o)
	const path = "/_matrix/federation/v1/query/directory"
	o.says(path, `{"room_id":"!r:far","servers":["far","near"]}`)
	room, servers, err := h.Alias(t.Context(), o.name, "#fête:far")
	if err != nil || room != "!r:far" || !slices.Equal(servers, []string{"far", "near"}) || o.got[0].URL.Query().Get("room_alias") != "#fête:far" {
		t.Error(room, servers, err)
	}
	for _, answer := range []string{`{}`, `{"room_id":"!r:far"}`, `{"room_id":1,"servers":[]}`, `{"room_id":"#r:far","servers":[]}`, `{"room_id":"!r:far","servers":[1]}`, `[]`} {
		o.says(path, answer)
		if _, _, err := h.Alias(t.Context(), o.name, "#x:far"); err == nil {
			t.Errorf("%s is believed", answer)
		}
	}
	delete(o.answers, path)
	if _, _, err := h.Alias(t.Context(), o.name, "#x:far"); err == nil {
		t.Error("nothing is believed")
	}
}

var _ rooms.Remote = remote.Rooms{}
