package server_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"beffroi/server/config"
	"beffroi/server/servertest"
)

// What a server that is in a room may read of it, and how its users leave and knock, as the specification's schemas have the answers.
func TestWhatAServerInARoomReads(t *testing.T) {
	n := servertest.NewNetwork(t)
	s, p := n.Start(""), n.Peer()
	alice := s.Register(t, "alice")
	room := alice.CreateRoom(map[string]any{"preset": "public_chat"})
	carol := p.User("carol")
	join, _ := p.Enter(s, "join", room, carol)
	first := alice.SendText(room, "un")
	last := alice.SendText(room, "deux")
	inRoom, ofLast := url.PathEscape(room), url.PathEscape(last)
	for _, c := range []struct {
		method, uri string
		body        any
		want        string
	}{
		{"GET", "event/" + ofLast, nil, `"deux"`},
		{"GET", "state/" + inRoom + "?event_id=" + ofLast, nil, `"m.room.create"`},
		{"GET", "state_ids/" + inRoom + "?event_id=" + ofLast, nil, join.ID()},
		{"GET", "event_auth/" + inRoom + "/" + ofLast, nil, `"m.room.power_levels"`},
		{"GET", "backfill/" + inRoom + "?limit=2&v=" + ofLast, nil, `"un"`},
		{"POST", "get_missing_events/" + inRoom, map[string]any{"earliest_events": []string{join.ID()}, "latest_events": []string{last}, "limit": 5}, `"un"`},
		{"GET", "timestamp_to_event/" + inRoom + "?dir=b&ts=99999999999999", nil, last},
	} {
		if status, answer := p.Do(s, c.method, fed+c.uri, c.body); status != http.StatusOK || !strings.Contains(string(answer), c.want) {
			t.Errorf("%s %s: %d %s; want %s (after %s)", c.method, c.uri, status, answer, c.want, first)
		}
	}
	rules, proto := p.Template(s, "leave", room, carol)
	leave := p.Build(rules, proto)
	leaving := "/send_leave/" + inRoom + "/" + url.PathEscape(leave.ID())
	for _, version := range []string{"v1", "v2"} {
		if status, answer := p.Do(s, "PUT", "/_matrix/federation/"+version+leaving, json.RawMessage(join.JSON())); status != http.StatusBadRequest && status != http.StatusForbidden {
			t.Errorf("a join for a leave: %d %s", status, answer)
		}
	}
	if status, answer := p.Do(s, "PUT", "/_matrix/federation/v1"+leaving, json.RawMessage(leave.JSON())); status != http.StatusOK || strings.TrimSpace(string(answer)) != "[200,{}]" {
		t.Errorf("%d %s", status, answer)
	}
	knocking := alice.CreateRoom(map[string]any{"initial_state": []map[string]any{{"type": "m.room.join_rules", "content": map[string]string{"join_rule": "knock"}}}})
	knock, _ := p.Enter(s, "knock", knocking, carol)
	if status, answer := p.Do(s, "PUT", fed+"send_knock/"+url.PathEscape(room)+"/"+url.PathEscape(knock.ID()), json.RawMessage(knock.JSON())); status < 400 {
		t.Errorf("a knock at another room: %d %s", status, answer)
	}
	if status, answer := p.Do(s, "PUT", fed+"invite/"+inRoom+"/"+url.PathEscape(join.ID()), json.RawMessage(join.JSON())); status < 400 {
		t.Errorf("a join for an invitation: %d %s", status, answer)
	}
}

func TestWhereAServerIs(t *testing.T) {
	n := servertest.NewNetwork(t)
	p := n.Peer()
	const path = "/.well-known/matrix/server"
	if status, answer := p.Send(n.Start(""), "GET", path, nil, ""); status != http.StatusNotFound {
		t.Errorf("%d %s", status, answer)
	}
	elsewhere := n.Start("", func(c *config.Config) { c.PublicURL = "https://chat.mairie.test" })
	if status, answer := p.Send(elsewhere, "GET", path, nil, ""); status != http.StatusOK || strings.TrimSpace(string(answer)) != `{"m.server":"chat.mairie.test:443"}` {
		t.Errorf("%d %s", status, answer)
	}
}
