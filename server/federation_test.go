package server_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"

	"beffroi/server/pdu"
	"beffroi/server/servertest"
)

func TestServersPublishTheirKeys(t *testing.T) {
	n := servertest.NewNetwork(t)
	a, b := n.Start("a.test"), n.Start("")
	own := ask(t, a, "/_matrix/key/v2/server", http.StatusOK)
	if name, _ := own.Text("server_name"); name != "a.test" {
		t.Errorf("%s", own.Raw())
	}
	// b is a notary: it finds a by its SRV record, and has its own address for a name.
	for _, server := range []*servertest.Server{a, b} {
		answer := ask(t, b, "/_matrix/key/v2/query/"+server.ServerName, http.StatusOK)
		all, _ := answer.Get("server_keys").Array()
		found := 0
		for one := range all {
			o, _ := one.Object()
			name, _ := o.Text("server_name")
			if found++; name != server.ServerName || !o.Object("signatures").Get(b.ServerName).Exists() || !o.Object("signatures").Get(name).Exists() {
				t.Errorf("%s: %s", server.ServerName, o.Raw())
			}
		}
		if found != 1 {
			t.Errorf("%s: %s", server.ServerName, answer.Raw())
		}
	}
	_, document := n.Peer().Send(b, "GET", "/_matrix/key/v2/server", nil, "")
	if canonical, err := pdu.Canonical(document); err != nil || !bytes.Equal(canonical, document) {
		t.Errorf("who checks the bytes of the document finds a wrong signature: %v %q", err, document)
	}
	if v := ask(t, a, "/_matrix/federation/v1/version", http.StatusOK); string(v.Raw()) != `{"server":{"name":"Beffroi","version":"test"}}` {
		t.Errorf("%s", v.Raw())
	}
	ask(t, a, "/_matrix/key/v2/query/b.test?minimum_valid_until_ts=x", http.StatusBadRequest)
}

func TestANotaryIsAskedForMany(t *testing.T) {
	n := servertest.NewNetwork(t)
	s, p := n.Start(""), n.Peer()
	for body, want := range map[string]int{
		`{"server_keys":{"` + p.Name + `":{}}}`: 1,
		`{"server_keys":{"` + p.Name + `":{"ed25519:x":{"minimum_valid_until_ts":1}},"` + s.ServerName + `":{}}}`: 2,
		`{"server_keys":{}}`:         0,
		`{"server_keys":{"a b":{}}}`: 0,
		`{"server_keys":{"hs":[]}}`:  -1,
		`{"server_keys":null}`:       -1,
		`{"server_keys":{"hs":{}},`:  -1,
	} {
		status, answer := p.Send(s, "POST", "/_matrix/key/v2/query", []byte(body), "")
		if want < 0 {
			if status != http.StatusBadRequest {
				t.Errorf("%s: %d %s", body, status, answer)
			}
			continue
		}
		var got struct {
			Keys []json.RawMessage `json:"server_keys"`
		}
		if err := json.Unmarshal(answer, &got); err != nil || status != http.StatusOK || len(got.Keys) != want || got.Keys == nil {
			t.Errorf("%s: %d %s", body, status, answer)
		}
	}
}

func TestWithoutFederationThereIsNone(t *testing.T) {
	s := servertest.Start(t)
	for _, path := range []string{"/_matrix/key/v2/server", "/_matrix/key/v2/query/a.test", "/_matrix/federation/v1/version"} {
		ask(t, s, path, http.StatusNotFound)
	}
}

// ask asks a server without saying who asks.
func ask(t *testing.T, s *servertest.Server, path string, want int) pdu.Object {
	t.Helper()
	var raw json.RawMessage
	if status := s.Anonymous(t).Do("GET", path, nil, &raw); status != want {
		t.Errorf("GET %s: %d %s", path, status, raw)
	}
	o, err := pdu.ParseObject(raw)
	if err != nil {
		t.Fatal(err)
	}
	return o
}
