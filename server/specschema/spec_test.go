package specschema

import (
	"net/http"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	spec := Open(t)
	if spec == nil {
		t.Skip("the specification is not here")
	}
	const client = "/_matrix/client/v3"
	for _, c := range []struct {
		method, path string
		status       int
		body, want   string // a part of the only fault; "" where there is none
	}{
		{"GET", client + "/account/whoami", 200, `{"user_id":"@a:hs"}`, ""},
		{"GET", client + "/account/whoami", 200, `{}`, "$: user_id is missing"},
		{"GET", client + "/account/whoami", 200, `{"user_id":"a"}`, `$.user_id: "a" does not match ^@`},
		{"GET", client + "/account/whoami", 200, `{"user_id":"@a:hs","is_guest":1}`, "$.is_guest: 1 is no boolean"},
		{"GET", client + "/account/whoami", 201, `{}`, "lists no 201"},
		{"GET", client + "/account/whoami", 404, `{"errcode":"M_NOT_FOUND","error":"x"}`, ""},
		{"GET", client + "/account/whoami", 404, `{"errcode":"M_NOT_FOUND"}`, "a refusal says why"},
		{"GET", client + "/account/whoami", 404, `{"error":"x"}`, "errcode is missing"},
		{"GET", client + "/account/whoami", 200, `<html>`, "invalid character"},
		{"GET", "/nowhere", 404, `{"errcode":"M_UNRECOGNIZED","error":"x"}`, ""},
		{"GET", "/nowhere", 404, `{"error":"x"}`, "errcode is missing"},
		{"POST", client + "/register", 401, `{"flows":[{"stages":["m.login.dummy"]}],"session":"x"}`, ""},
		{"POST", client + "/register", 401, `{"flows":[{}]}`, "stages is missing"},
		{"POST", client + "/register", 401, `{"errcode":"M_FORBIDDEN","error":"x"}`, ""},
		{"GET", client + "/rooms/!r/state/m.room.name", 200, `{"a":1}`, ""},
		{"GET", client + "/rooms/!r/state/m.room.name/", 200, `{}`, ""},
		{"GET", client + "/rooms/!r/joined_members", 200, `{"joined":{"@a:hs":{"display_name":1}}}`, "$.joined.@a:hs.display_name: 1 is no string"},
		{"GET", client + "/joined_rooms", 200, `{"joined_rooms":null}`, "is no array"},
		{"GET", client + "/sync", 200, `{"next_batch":"x","rooms":{"join":{"!r":{"ephemeral":{"events":[{"type":"m.typing","content":{}}]}}}}}`, "user_ids is missing"},
		{"GET", client + "/sync", 200, `{"next_batch":"x","rooms":{"join":{"!r":{"timeline":{}}}}}`, "events is missing"},
	} {
		faults := spec.Check(c.method, c.path, c.status, http.Header{"Content-Type": {"application/json"}, "Access-Control-Allow-Origin": {"*"}}, []byte(c.body))
		if c.want == "" && len(faults) > 0 || c.want != "" && (len(faults) != 1 || !strings.Contains(faults[0], c.want)) {
			t.Errorf("%s %s: %d %s: %q, want %q", c.method, c.path, c.status, c.body, faults, c.want)
		}
	}
}

func TestHeaders(t *testing.T) {
	spec := Open(t)
	if spec == nil {
		t.Skip("the specification is not here")
	}
	const download = "/_matrix/client/v1/media/download/hs/id"
	for _, c := range []struct {
		path, contentType, origin string
		faults                    int
	}{
		{download, "image/png", "*", 0},
		{download, "image/png", "", 1},
		{"/_matrix/client/v3/account/whoami", "text/plain", "*", 1},
	} {
		header := http.Header{"Content-Type": {c.contentType}, "Access-Control-Allow-Origin": {c.origin}}
		if faults := spec.Check("GET", c.path, 200, header, []byte(`{"user_id":"@a:hs"}`)); len(faults) != c.faults {
			t.Errorf("%v: %q", c, faults)
		}
	}
}
