package servertest

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"

	"beffroi/server/pdu"
)

// Template asks a server for the event of a handshake (join, leave, knock), which the test may then change. The peer knows all room versions.
func (p *Peer) Template(to *Server, membership, roomID, userID string) (pdu.Rules, pdu.Proto) {
	p.t.Helper()
	uri := "/_matrix/federation/v1/make_" + membership + "/" + url.PathEscape(roomID) + "/" + url.PathEscape(userID)
	if membership != "leave" {
		uri += "?ver=1&ver=2&ver=3&ver=4&ver=5&ver=6&ver=7&ver=8&ver=9&ver=10&ver=11&ver=12"
	}
	status, answer := p.Do(to, http.MethodGet, uri, nil)
	if status != http.StatusOK {
		p.t.Fatalf("make_%s: %d %s", membership, status, answer)
	}
	o := pdu.StoredObject(answer)
	version, _ := o.Text("room_version")
	rules, ok := pdu.RulesFor(version)
	if !ok {
		p.t.Fatalf("room version %q", version)
	}
	return rules, protoOf(rules, o.Object("event"))
}

// protoOf reads a template.
func protoOf(rules pdu.Rules, event pdu.Object) (p pdu.Proto) {
	p.Type, _ = event.Text("type")
	p.Sender, _ = event.Text("sender")
	p.RoomID, _ = event.Text("room_id")
	p.Depth, _ = event.Int("depth")
	p.OriginServerTS, _ = event.Int("origin_server_ts")
	if key, ok := event.Text("state_key"); ok {
		p.StateKey = &key
	}
	p.Content = json.RawMessage(event.Object("content").Raw())
	p.Hashes = map[string]pdu.Hash{}
	read := func(name string) (ids []string) {
		all, _ := event.Get(name).Array()
		for v := range all {
			if id, ok := v.Text(); ok {
				ids = append(ids, id)
				continue
			}
			var pair []json.RawMessage
			var id string
			var hashes struct{ SHA256 string }
			_ = json.Unmarshal(v.Raw(), &pair)
			_ = json.Unmarshal(pair[0], &id)
			_ = json.Unmarshal(pair[1], &hashes)
			raw, _ := pdu.DecodeBase64(hashes.SHA256)
			p.Hashes[id] = pdu.Hash(raw)
			ids = append(ids, id)
		}
		return ids
	}
	p.PrevEvents, p.AuthEvents = read("prev_events"), read("auth_events")
	if rules.Format == pdu.EventFormatV1 {
		p.Localpart = rand.Text()
	}
	return p
}

// Build makes and signs an event of the peer.
func (p *Peer) Build(rules pdu.Rules, proto pdu.Proto) *pdu.Event {
	p.t.Helper()
	e, err := pdu.Build(rules, proto, p.Own.Signer())
	if err != nil {
		p.t.Fatal(err)
	}
	return e
}

// SendMember ends a handshake (join, leave, knock) with its event, and gives the answer.
func (p *Peer) SendMember(to *Server, membership string, e *pdu.Event) (status int, answer []byte) {
	p.t.Helper()
	version := "v2"
	if membership == "knock" {
		version = "v1"
	}
	uri := "/_matrix/federation/" + version + "/send_" + membership + "/" + url.PathEscape(e.RoomID()) + "/" + url.PathEscape(e.ID())
	return p.Do(to, http.MethodPut, uri, json.RawMessage(e.JSON()))
}

// Enter makes a whole handshake (join, leave, knock) for a user of the peer, and gives the event and the answer.
func (p *Peer) Enter(to *Server, membership, roomID, userID string) (e *pdu.Event, answer []byte) {
	p.t.Helper()
	rules, proto := p.Template(to, membership, roomID, userID)
	e = p.Build(rules, proto)
	status, answer := p.SendMember(to, membership, e)
	if status != http.StatusOK {
		p.t.Fatalf("send_%s: %d %s", membership, status, answer)
	}
	return e, answer
}
