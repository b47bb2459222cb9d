package clientapi

import (
	"fmt"
	"strings"
	"testing"

	"beffroi/server/accounts"
)

func TestDiscovery(t *testing.T) {
	s := start(t)
	stranger := s.stranger()
	if got := fmt.Sprint(stranger.must("GET", "/.well-known/matrix/client", nil)); got != "map[m.homeserver:map[base_url:https://chat.mairie.test]]" {
		t.Error(got)
	}
	v := stranger.must("GET", "/_matrix/client/versions", nil)
	if got := fmt.Sprint(v["versions"]); got != "[v1.1 v1.2 v1.3 v1.4 v1.5 v1.6 v1.7 v1.8 v1.9 v1.10 v1.11 v1.12 v1.13 v1.14 v1.15 v1.16 v1.17 v1.18 v1.19]" || fmt.Sprint(v["unstable_features"]) != "map[org.matrix.msc3814:true org.matrix.msc3881:true org.matrix.msc4140:true org.matrix.msc4174:true org.matrix.simplified_msc3575:true]" {
		t.Error(v)
	}
	stranger.fails(404, "M_UNRECOGNIZED", "GET", "/_matrix/client/v1/auth_metadata", nil)
}

func TestCapabilities(t *testing.T) {
	s := start(t)
	s.stranger().fails(401, "M_MISSING_TOKEN", "GET", "/_matrix/client/v3/capabilities", nil)
	c := s.register("alice").must("GET", "/_matrix/client/v3/capabilities", nil)["capabilities"].(object)
	if got := fmt.Sprint(c["m.room_versions"]); got != "map[available:map[1:stable 10:stable 11:stable 12:stable 2:stable 3:stable 4:stable 5:stable 6:stable 7:stable 8:stable 9:stable] default:12]" {
		t.Error(got)
	}
	for name, enabled := range map[string]bool{"m.change_password": true, "m.set_displayname": true, "m.set_avatar_url": true,
		"m.profile_fields": true, "m.3pid_changes": true, "m.get_login_token": true} {
		if got, ok := c[name].(object); !ok || got["enabled"] != enabled {
			t.Error(name, c[name])
		}
	}
}

// What asks at the paths that the API had before v1.1 gets the same answers.
func TestPathsBeforeVersion1(t *testing.T) {
	s := start(t)
	s.register("alice")
	alice := s.as(s.stranger().must("POST", "/_matrix/client/r0/login", object{"type": "m.login.password",
		"identifier": object{"type": "m.id.user", "user": "alice"}, "password": "pass-alice"}))
	if got := alice.must("GET", "/_matrix/client/r0/account/whoami", nil)["user_id"]; got != alice.id {
		t.Error(got)
	}
	s.stranger().fails(401, "M_MISSING_TOKEN", "GET", "/_matrix/media/r0/config", nil)
	s.stranger().fails(405, "M_UNRECOGNIZED", "DELETE", "/_matrix/client/r0/login", nil)
	s.stranger().fails(404, "M_UNRECOGNIZED", "GET", "/_matrix/client/r0/versions", nil)
}

func TestSupport(t *testing.T) {
	s := start(t)
	const path = "/.well-known/matrix/support"
	s.stranger().fails(404, "M_NOT_FOUND", "GET", path, nil)
	set := func(support accounts.Support) error { return s.acc.SetSupport(t.Context(), support) }
	full := accounts.Support{Page: "https://mairie.test/aide", Contacts: []accounts.Contact{
		{MatrixID: "@chef:elsewhere.test", Email: "chef@mairie.test", Role: "m.role.admin"}, {Email: "cert@mairie.test", Role: "m.role.security"}}}
	if err := set(full); err != nil {
		t.Fatal(err)
	}
	const want = "map[contacts:[map[email_address:chef@mairie.test matrix_id:@chef:elsewhere.test role:m.role.admin] " +
		"map[email_address:cert@mairie.test role:m.role.security]] support_page:https://mairie.test/aide]"
	if got := fmt.Sprint(s.stranger().must("GET", path, nil)); got != want {
		t.Error(got)
	}
	for _, bad := range []accounts.Support{
		{Page: "mairie.test"}, {Page: "javascript:alert(1)"}, {Page: "https://x/" + strings.Repeat("x", 2000)}, {Contacts: make([]accounts.Contact, 21)},
		{Contacts: []accounts.Contact{{Role: "m.role.admin"}}}, {Contacts: []accounts.Contact{{Role: "Maire", Email: "a@b.test"}}},
		{Contacts: []accounts.Contact{{Role: "m.role.admin", Email: "Chef <a@b.test>"}}}, {Contacts: []accounts.Contact{{Role: "m.role.admin", MatrixID: "chef"}}},
	} {
		if err := set(bad); !isInvalid(err) {
			t.Error(bad, err)
		}
	}
	if err := set(accounts.Support{}); err != nil {
		t.Fatal(err)
	}
	s.stranger().fails(404, "M_NOT_FOUND", "GET", path, nil)
}
