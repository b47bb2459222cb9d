package adminapi_test

import (
	"strings"
	"testing"
	"time"
)

func TestOurOwnCalls(t *testing.T) {
	w := openTown(t)
	sensitive := []habit{
		{"PUT", ours + "/users/{alice}/admin", object{"admin": true}, 200, nil, ""},
		{"POST", ours + "/users", object{"localpart": "adjoint", "admin": true}, 200, yes("link.url", there{}), ""},
		{"PUT", ours + "/settings/registration", object{"flows": [][]string{{"m.login.registration_token"}}, "email_domains": []string{"mairie.test"}}, 200, nil, ""},
		{"PUT", ours + "/settings/mail", object{"host": "mail.mairie.test", "port": 587, "tls": "starttls", "user": "u", "password": "chuchot", "from": "a@mairie.test", "timeout_seconds": 5}, 200, nil, ""},
		{"PUT", ours + "/settings/previews", object{"enabled": true, "refuse": []string{"intranet"}, "allow": []string{"10.1.2.0/24"}, "ports": []int{443}}, 200, nil, ""},
		{"POST", ours + "/keys/rotate", object{}, 200, yes("keys.0.expired_ts", 0.0, "keys.1.expired_ts", there{}), ""},
		{"POST", ours + "/users/{bob}/deactivate", object{"erase": true, "hand_over_to": w.chief.UserID}, 200, yes("handed_over", there{}), ""},
	}
	for _, h := range sensitive {
		w.chief.MustFail(403, "FR.BEFFROI.CONFIRM_PASSWORD", h.method, w.fill(h.path), h.body)
	}
	w.chief.MustFail(403, "FR.BEFFROI.CONFIRM_PASSWORD", "GET", ours+"/journal.csv", nil)
	w.chief.MustFail(403, "M_FORBIDDEN", "POST", ours+"/confirmation", object{"password": "wrong"})
	w.chief.MustFail(400, "M_NOT_JSON", "POST", ours+"/confirmation", []byte("{"))
	other := w.Login(t, "chief")
	w.run([]habit{
		{"GET", ours + "/overview", nil, 200, yes("accounts", 3.0, "administrators", 1.0, "rooms", 2.0, "files", 1.0, "mail.ready", false), ""},
		{"GET", ours + "/users", nil, 200, yes("users.0.user_id", "@_commune:"+w.ServerName, "users.0.has_password", false), ""},
		{"POST", ours + "/users", object{"localpart": "dora", "display_name": "Dora"}, 200, yes("user_id", "@dora:"+w.ServerName, "link.expires_ts", there{}), ""},
		{"POST", ours + "/users", object{"localpart": "dora"}, 400, yes("errcode", "M_USER_IN_USE"), ""},
		{"POST", ours + "/users", object{"localpart": "é"}, 400, yes("errcode", "M_INVALID_USERNAME"), ""},
		{"PUT", ours + "/users/@dora:{server}/state", object{"locked": true}, 200, nil, ""},
		{"PUT", ours + "/users/@dora:{server}/state", object{"locked": false, "suspended": true}, 200, nil, ""},
		{"PUT", ours + "/users/@dora:{server}/state", object{}, 400, yes("errcode", "M_MISSING_PARAM"), ""},
		{"PUT", ours + "/users/{chief}/state", object{"locked": true}, 400, yes("errcode", "M_INVALID_PARAM"), ""},
		{"GET", ours + "/reports", nil, 200, yes("total", 1.0, "reports.0.event_id", w.reported), ""},
		{"GET", ours + "/settings/registration", nil, 200, yes("flows.0.0", "m.login.dummy", "email_domains", []any{}), ""},
		{"GET", ours + "/settings/mail", nil, 200, yes("host", "", "has_password", false), ""},
		{"GET", ours + "/settings/support", nil, 200, nil, ""},
		{"PUT", ours + "/settings/support", object{"contacts": []object{{"role": "m.role.admin"}}}, 400, yes("errcode", "M_INVALID_PARAM"), ""},
		{"PUT", ours + "/settings/support", object{"contacts": []object{{"role": "m.role.admin", "email_address": "aide@mairie.test"}}}, 200, nil, ""},
		{"GET", ours + "/settings/support", nil, 200, yes("contacts.0.email_address", "aide@mairie.test"), ""},
		{"GET", ours + "/settings/previews", nil, 200, yes("enabled", false), ""},
		{"PUT", ours + "/settings/media", object{"quota_bytes": -1}, 400, yes("errcode", "M_INVALID_PARAM"), ""},
		{"PUT", ours + "/settings/media", object{"quota_bytes": 1 << 20}, 200, nil, ""},
		{"GET", ours + "/settings/media", nil, 200, yes("quota_bytes", float64(1<<20), "remote_bytes", float64(2<<30)), ""},
		{"POST", ours + "/settings/mail/try", object{"to": "a@mairie.test"}, 502, yes("errcode", "M_UNKNOWN"), ""},
		{"GET", ours + "/keys", nil, 200, yes("keys.0.verify_key", there{}, "keys.0.fingerprint", there{}, "keys.1", nil), ""},
		{"POST", ours + "/notices", object{"body": ""}, 400, yes("errcode", "M_INVALID_PARAM"), ""},
		{"GET", ours + "/journal/verify", nil, 200, yes("broken", 0.0, "why", ""), ""},
		{"GET", ours + "/journal?act=user.create&limit=1", nil, 200, yes("acts.0.words", "Compte créé", "acts.0.target", "@dora:"+w.ServerName), ""},
		{"GET", ours + "/journal?below=x", nil, 400, yes("errcode", "M_INVALID_PARAM"), ""},
		{"POST", ours + "/confirmation", object{"password": "chief"}, 200, yes("expires_in_ms", 600000.0), ""},
	})
	other.MustFail(403, "FR.BEFFROI.CONFIRM_PASSWORD", "GET", ours+"/journal.csv", nil) // it is for one device
	w.run(sensitive)
	w.run([]habit{
		{"GET", ours + "/settings/registration", nil, 200, yes("flows.0.0", "m.login.registration_token", "email_domains.0", "mairie.test"), ""},
		{"GET", ours + "/settings/mail", nil, 200, yes("host", "mail.mairie.test", "password", nil, "has_password", true), ""},
	})
	w.run([]habit{{"GET", ours + "/settings/previews", nil, 200, yes("enabled", true, "refuse.0", "intranet"), ""}})
	if status, csv := w.chief.Raw("GET", ours+"/journal.csv", nil); status != 200 || !strings.Contains(string(csv), "Réglages modifiés") || strings.Contains(string(csv), "chuchot") {
		t.Errorf("%d %s", status, csv)
	}
	w.alice.Must("GET", ours+"/overview", nil, nil) // she is an administrator now, without logging in again
	w.chief.Must("POST", ours+"/users/"+w.alice.UserID+"/logout", object{}, nil)
	w.alice.MustFail(401, "M_UNKNOWN_TOKEN", "GET", ours+"/overview", nil)
}

// A token that was stolen leads to no password of an administrator, and so to nothing that needs one.
func TestAStolenTokenIsNoPassword(t *testing.T) {
	w := openTown(t)
	chief, alice, eve := w.fill("{chief}"), w.fill("{alice}"), "@eve:"+w.ServerName
	for _, c := range []habit{
		{method: "POST", path: ours + "/users/" + chief + "/password_link", body: object{}},
		{method: "POST", path: v1 + "/reset_password/" + chief, body: object{}},
		{method: "PUT", path: v2 + "/users/" + chief, body: object{"password": "x"}},
		{method: "PUT", path: v2 + "/users/" + eve, body: object{"admin": true}},
		{method: "PUT", path: v2 + "/users/" + alice, body: object{"admin": true, "displayname": "A"}},
		{method: "PUT", path: v1 + "/users/" + alice + "/admin", body: object{"admin": true}},
	} {
		w.chief.MustFail(403, "FR.BEFFROI.CONFIRM_PASSWORD", c.method, c.path, c.body)
	}
	w.chief.Must("PUT", v2+"/users/"+chief, object{"admin": true, "displayname": "Chef"}, nil) // nothing new
	w.chief.Must("POST", ours+"/confirmation", object{"password": "chief"}, nil)
	w.chief.Must("PUT", v1+"/users/"+alice+"/admin", object{"admin": true}, nil)
	w.chief.Must("POST", v1+"/reset_password/"+alice, object{}, nil)
}

// Somebody who leaves hands over the salons in which they are administrator, before everybody's eyes.
func TestHandingOver(t *testing.T) {
	w := openTown(t)
	w.chief.Must("POST", ours+"/confirmation", object{"password": "chief"}, nil)
	var answer struct {
		HandedOver int `json:"handed_over"`
	}
	w.chief.MustFail(404, "M_NOT_FOUND", "POST", ours+"/users/"+w.alice.UserID+"/deactivate", object{"hand_over_to": "@none:" + w.ServerName})
	w.chief.Must("POST", ours+"/users/"+w.alice.UserID+"/deactivate", object{"hand_over_to": w.bob.UserID}, &answer)
	if answer.HandedOver != 1 { // not the conversation
		t.Error(answer)
	}
	w.bob.Must("PUT", client+"/rooms/"+w.salon+"/state/m.room.name", object{"name": "Repris"}, nil)
	if heard := said(w.bob, w.salon); !strings.Contains(heard, w.bob.UserID) {
		t.Error(heard)
	}
}

// A notice to everybody reaches everybody, in one room each, which is made once.
func TestNoticesToEverybody(t *testing.T) {
	w := openTown(t)
	var to struct{ People int }
	for _, body := range []string{"Coupure à midi", "Rétabli"} {
		if w.chief.Must("POST", ours+"/notices", object{"body": body}, &to); to.People != 3 {
			t.Error(to)
		}
	}
	since := ""
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		synced := w.bob.Sync(since, "timeout=1000")
		since = synced.NextBatch
		if len(synced.Rooms.Invite) == 1 {
			break
		}
	}
	for heard := notices(t, w.bob); !strings.Contains(heard, "Coupure à midi") || !strings.Contains(heard, "Rétabli"); {
		for id := range w.bob.Sync("", "").Rooms.Join {
			heard += said(w.bob, string(id))
		}
	}
}
