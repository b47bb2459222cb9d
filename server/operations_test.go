package server_test

import (
	"slices"
	"strings"
	"testing"

	"beffroi/server/clientapi"
	"beffroi/server/httpx"
	"beffroi/server/servertest"
	"beffroi/server/specschema"
)

// Every operation of the client-server API refuses strangers and what is no JSON in the same way, or is not served at all.
func TestWhatEveryOperationRefuses(t *testing.T) {
	spec := specschema.Open(t)
	if spec == nil {
		t.Skip("the specification is not here")
	}
	s := servertest.Start(t)
	alice, nobody, forger := s.Register(t, "alice"), s.Anonymous(t), s.Anonymous(t)
	forger.AccessToken = "bfa1_forged"
	room := alice.CreateRoom(object{"preset": "public_chat"})
	served := 0
	for _, op := range spec.Ops {
		path := servertest.Sample(op.Path, room, alice)
		if op.API != "client-server" || nobody.Do("PATCH", path, nil, nil) != 405 || nobody.Do(op.Method, path, object{}, nil) == 405 {
			continue
		}
		served++
		if op.Auth == "access token" {
			nobody.MustFail(401, "M_MISSING_TOKEN", op.Method, path, nil)
			forger.MustFail(401, "M_UNKNOWN_TOKEN", op.Method, path, nil)
		}
		if op.Body == nil || strings.Contains(path, "/media/v3/upload") {
			continue
		}
		for _, body := range []string{`{`, `{"a":1}x`, "{\"a\":\"\xff\"}", `{"a":NaN}`, `{'a':1}`} {
			alice.MustFail(400, "M_NOT_JSON", op.Method, path, []byte(body))
		}
		for _, body := range []string{`[]`, `"x"`, `1`, `null`, `{"a":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`} {
			alice.MustFail(400, "M_BAD_JSON", op.Method, path, []byte(body))
		}
	}
	if served < 90 {
		t.Errorf("%d operations are served", served)
	}
	alice.Must("GET", clientV3+"/account/whoami", nil, nil) // nothing of it had an effect
}

func TestPathsThatAreNone(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	for _, path := range []string{"/", "/_matrix", "/_matrix/client/v3", clientV3 + "/", clientV3 + "/nothing", "/_matrix/client/v99/sync",
		clientV3 + "/sync/", clientV3 + "/rooms//state"} {
		alice.MustFail(404, "M_UNRECOGNIZED", "GET", path, nil)
	}
	alice.MustFail(405, "M_UNRECOGNIZED", "DELETE", clientV3+"/sync", nil)
	alice.MustFail(400, "M_INVALID_PARAM", "PUT", clientV3+"/user/"+alice.UserID+"/account_data/%ff", object{})
}

// selfChecked are routes that look at the token themselves, since locked accounts may log out.
var selfChecked = []string{
	"POST /_matrix/client/v3/logout", "POST /_matrix/client/v3/logout/all", "POST /_matrix/client/r0/logout", "POST /_matrix/client/r0/logout/all",
}

// Every route asks for an access token where the specification says so, those of ours unless they are listed, and old paths as the new ones.
func TestRoutesAskForATokenAsTheSpecificationSays(t *testing.T) {
	spec := specschema.Open(t)
	if spec == nil {
		t.Skip("the specification is not here")
	}
	s := servertest.Start(t)
	alice, nobody, forger := s.Register(t, "alice"), s.Anonymous(t), s.Anonymous(t)
	forger.AccessToken = "bfa1_forged"
	room := alice.CreateRoom(object{})
	for _, r := range (&clientapi.API{}).Routes() {
		op := spec.Find(r.Method, strings.TrimSuffix(strings.Replace(r.Path, "/r0/", "/v3/", 1), "{$}"))
		if op != nil && op.Auth != "access token" {
			continue
		}
		name, path := r.Method+" "+r.Path, servertest.Sample(strings.TrimSuffix(r.Path, "{$}"), room, alice)
		switch {
		case r.Auth == httpx.Required || slices.Contains(selfChecked, name):
			nobody.MustFail(401, "M_MISSING_TOKEN", r.Method, path, nil)
			forger.MustFail(401, "M_UNKNOWN_TOKEN", r.Method, path, nil)
		default:
			t.Errorf("%s asks for no access token", name)
		}
	}
}
