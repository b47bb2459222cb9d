package adminapi_test

import (
	"testing"

	"go.uber.org/goleak"

	"beffroi/server/adminapi"
	"beffroi/server/servertest"
)

type object = map[string]any

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	v1     = "/_synapse/admin/v1"
	v2     = "/_synapse/admin/v2"
	v3     = "/_synapse/admin/v3"
	ours   = "/_beffroi/admin/v1"
	client = "/_matrix/client/v3"
)

// The walk over every call of administration that there is: without a token, with a forged and a revoked one, as somebody who is no administrator, as an
// administrator no longer. Each is refused before anything of the request is looked at, and has no effect.
func TestNobodyElseAdministers(t *testing.T) {
	s := servertest.Start(t)
	chief, alice, nobody, forger := s.RegisterAdmin(t, "chief"), s.Register(t, "alice"), s.Anonymous(t), s.Anonymous(t)
	forger.AccessToken = "bfa1_forged"
	revoked, deposed, suspended := s.Login(t, "chief"), s.RegisterAdmin(t, "deposed"), s.RegisterAdmin(t, "suspended")
	revoked.Must("POST", client+"/logout", object{}, nil)
	chief.Must("PUT", v1+"/users/"+deposed.UserID+"/admin", object{"admin": false}, nil)
	chief.Must("PUT", v1+"/suspend/"+suspended.UserID, object{"suspend": true}, nil)
	room := alice.CreateRoom(object{"preset": "public_chat"})
	walked := 0
	for _, c := range new(adminapi.API).Calls() {
		if c.Class == adminapi.Open {
			continue
		}
		walked++
		path := servertest.Sample(c.Path, room, alice)
		nobody.MustFail(401, "M_MISSING_TOKEN", c.Method, path, nil)
		forger.MustFail(401, "M_UNKNOWN_TOKEN", c.Method, path, nil)
		revoked.MustFail(401, "M_UNKNOWN_TOKEN", c.Method, path, nil)
		for _, body := range []any{nil, object{}, []byte("{"), object{"user_id": alice.UserID, "admin": true}} {
			alice.MustFail(403, "M_FORBIDDEN", c.Method, path, body)
		}
		deposed.MustFail(403, "M_FORBIDDEN", c.Method, path, object{})
		suspended.MustFail(403, "M_USER_SUSPENDED", c.Method, path, object{})
	}
	suspended.MustFail(403, "M_USER_SUSPENDED", "GET", client+"/admin/whois/"+alice.UserID, nil)
	suspended.MustFail(403, "M_USER_SUSPENDED", "GET", "/_matrix/client/v1/admin/lock/"+alice.UserID, nil)
	suspended.Must("GET", client+"/admin/whois/"+suspended.UserID, nil, nil)
	if walked < 70 {
		t.Errorf("%d calls", walked)
	}
	alice.Must("GET", client+"/account/whoami", nil, nil)
	alice.SendText(room, "toujours là")
	var acts struct{ Acts []object }
	chief.Must("GET", ours+"/journal", nil, &acts)
	if len(acts.Acts) != 6 { // four accounts by the secret, and the two acts above
		for _, a := range acts.Acts {
			t.Log(a["act"], a["target"])
		}
		t.Errorf("the walk left %d acts", len(acts.Acts))
	}
}
