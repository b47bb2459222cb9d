package servertest

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"net"

	"beffroi/server/pdu"
	"beffroi/server/pdu/pdutest"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// A PeerRoom is a room of a server as a peer of its network sees it, that takes part in it. The branch is what the peer builds upon.
type PeerRoom struct {
	*pdutest.Branch
	ID     string
	Events *pdutest.Room

	peer *Peer
	of   *Server
}

// Room learns all events of a room from a server. The room is not forked.
func (p *Peer) Room(of *Server, roomID string) *PeerRoom {
	p.t.Helper()
	var events []*pdu.Event
	err := of.DB().Read(p.t.Context(), func(r *store.Reader) error {
		room, err := rooms.Find(r, roomID)
		if err != nil {
			return err
		}
		rules, _ := pdu.RulesFor(room.Version)
		rows, err := r.EventsForward(room.Ref, store.OrdMin, store.OrdMax, 1_000_000)
		for _, row := range rows {
			e, err := row.PDU(rules)
			if err != nil {
				return err
			}
			events = append(events, e)
		}
		return err
	})
	if err != nil || len(events) == 0 {
		p.t.Fatal("reading the room: ", err)
	}
	known, branch := pdutest.Continue(p.t, events[0].Rules(), events)
	known.Sign = func(server string) pdu.Signer { // what is of others is forged
		own := p.Own.Signer()
		return pdu.Signer{ServerName: server, KeyID: own.KeyID, Key: own.Key}
	}
	return &PeerRoom{branch, roomID, known, p, of}
}

// Join lets a user of the peer join, where anybody may.
func (r *PeerRoom) Join(localpart string) (userID string) {
	r.peer.t.Helper()
	userID = "@" + localpart + ":" + r.peer.Name
	r.Take(r.Member("join", userID, userID))
	return userID
}

// Message builds a message at the tip.
func (r *PeerRoom) Message(sender, text string) *pdu.Event {
	r.peer.t.Helper()
	e := r.Build("m.room.message", nil, sender, map[string]string{"msgtype": "m.text", "body": text})
	r.Add(e)
	return e
}

// Take sends events that the server must take.
func (r *PeerRoom) Take(events ...*pdu.Event) {
	r.peer.t.Helper()
	var raws []json.RawMessage
	for _, e := range events {
		raws = append(raws, e.JSON())
	}
	status, answer := r.peer.Transaction(r.of, raws, nil)
	for _, e := range events {
		if result, ok := answer[e.ID()]; status != 200 || !ok || result != "" {
			r.peer.t.Fatalf("%s was not taken: %d %v", e.Type(), status, answer)
		}
	}
}

// Transaction sends items in one transaction, and gives what became of the events: "" or an error for each.
func (p *Peer) Transaction(to *Server, pdus, edus []json.RawMessage) (status int, results map[string]string) {
	p.t.Helper()
	body := map[string]any{"origin": p.Name, "origin_server_ts": 1, "pdus": append([]json.RawMessage{}, pdus...), "edus": append([]json.RawMessage{}, edus...)}
	status, raw := p.Do(to, "PUT", "/_matrix/federation/v1/send/"+rand.Text(), body)
	var answer struct {
		PDUs map[string]struct{ Error string }
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		p.t.Fatalf("%d %s", status, raw)
	}
	results = map[string]string{}
	for id, r := range answer.PDUs {
		results[id] = r.Error
	}
	return status, results
}

// Wire opens a connection to a server's TLS listener, for requests that no client would make.
func (p *Peer) Wire(to *Server) net.Conn {
	p.t.Helper()
	d := tls.Dialer{Config: &tls.Config{RootCAs: p.roots, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}}
	conn, err := d.DialContext(p.t.Context(), "tcp", to.cfg.Listen.TLS)
	if err != nil {
		p.t.Fatal(err)
	}
	return conn
}
