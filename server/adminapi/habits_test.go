package adminapi_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"beffroi/server/adminapi"
	"beffroi/server/servertest"
)

// town is a server with people, rooms, files and a report.
type town struct {
	*servertest.Server
	t                   *testing.T
	chief, alice, bob   *servertest.User
	salon, conversation string
	media               string // the id of a file of alice's
	reported            string // an event of bob's
	ids                 map[string]string
}

func openTown(t *testing.T) *town {
	s := servertest.Start(t)
	w := &town{Server: s, t: t, chief: s.RegisterAdmin(t, "chief"), alice: s.Register(t, "alice"), bob: s.Register(t, "bob")}
	w.salon = w.alice.CreateRoom(object{"name": "Conseil", "topic": "chuchot topic", "invite": []string{w.bob.UserID}})
	w.bob.Join(w.salon)
	w.conversation = w.alice.CreateRoom(object{"is_direct": true, "invite": []string{w.bob.UserID}, "preset": "trusted_private_chat"})
	w.bob.Join(w.conversation)
	w.reported = w.bob.SendText(w.salon, "chuchot insult")
	w.alice.Must("POST", client+"/rooms/"+w.salon+"/report/"+w.reported, object{"reason": "insulte"}, nil)
	w.media = w.upload(w.alice, "chuchot-name.txt", "chuchot file")
	w.ids = map[string]string{"salon": w.salon, "alice": w.alice.UserID, "bob": w.bob.UserID, "chief": w.chief.UserID, "server": s.ServerName, "alicedev": w.alice.DeviceID,
		"conversation": w.conversation}
	return w
}

func (w *town) upload(u *servertest.User, name, content string) (mediaID string) {
	w.t.Helper()
	var up struct {
		URI string `json:"content_uri"`
	}
	u.Must("POST", "/_matrix/media/v3/upload?filename="+name, []byte(content), &up)
	return up.URI[strings.LastIndex(up.URI, "/")+1:]
}

// fill puts ids into a path: "{alice}".
func (w *town) fill(path string) string {
	for name, id := range w.ids {
		path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(id))
	}
	return path
}

// get is one member of a JSON answer, by a path like "users.0.name".
func get(answer any, path string) any {
	for _, key := range strings.Split(path, ".") {
		switch v := answer.(type) {
		case map[string]any:
			answer = v[key]
		case []any:
			var i int
			if _, err := fmt.Sscan(key, &i); err != nil || i >= len(v) {
				return nil
			}
			answer = v[i]
		default:
			return nil
		}
	}
	return answer
}

func (w *town) acts() (all []object) {
	w.t.Helper()
	var page struct{ Acts []object }
	w.chief.Must("GET", ours+"/journal?limit=500", nil, &page)
	return page.Acts
}

// habit is a call as a tool makes it.
type habit struct {
	method, path string
	body         any
	status       int
	want         map[string]any // members of the answer; nil: it is there
	keep         string         // a member that later calls have as {kept}
}

func yes(pairs ...any) map[string]any {
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	return m
}

// any member that must be there, whatever it is.
type there struct{}

// run makes the calls one after the other, and looks that each that acts stands in the journal.
func (w *town) run(habits []habit) (called map[string]bool) {
	w.t.Helper()
	classes := map[string]adminapi.Class{}
	for _, c := range new(adminapi.API).Calls() {
		classes[c.Method+" "+c.Path] = c.Class
	}
	called = map[string]bool{}
	for _, h := range habits {
		before := len(w.acts())
		path := w.fill(h.path)
		status, raw := w.chief.Raw(h.method, path, h.body)
		var answer any
		if err := json.Unmarshal(raw, &answer); err != nil || status != h.status {
			w.t.Errorf("%s %s: %d %s, want %d", h.method, h.path, status, raw, h.status)
			continue
		}
		for key, want := range h.want {
			got := get(answer, key)
			if _, any := want.(there); any && got == nil || !any && !reflect.DeepEqual(got, want) {
				w.t.Errorf("%s %s: %s is %v, want %v in %s", h.method, h.path, key, got, want, raw)
			}
		}
		if h.keep != "" {
			w.ids["kept"] = fmt.Sprint(get(answer, h.keep))
		}
		name := w.callOf(h.method, path)
		called[name] = true
		if class := classes[name]; (class == adminapi.Acts || class == adminapi.Refused) && status < 300 != (class == adminapi.Refused) && len(w.acts()) <= before {
			w.t.Errorf("%s %s does not stand in the journal", h.method, h.path)
		}
	}
	return called
}

// callOf finds the row of the table that answers a path.
func (w *town) callOf(method, path string) string {
	best, fixed := "", -1
	for _, c := range new(adminapi.API).Calls() {
		want, got := strings.Split(c.Path, "/"), strings.Split(strings.SplitN(path, "?", 2)[0], "/")
		n := 0
		for i := range want {
			if len(want) != len(got) || c.Method != method {
				n = -1
				break
			}
			if want[i] == got[i] {
				n++
			} else if !strings.HasPrefix(want[i], "{") {
				n = -1
				break
			}
		}
		if n > fixed {
			best, fixed = c.Method+" "+c.Path, n
		}
	}
	return best
}

// What synapse-admin and Ketesa call, in the order of their pages, and what Draupnir calls (SynapseAdminClient.ts, ReportPoller.ts).
//
// Source: Awesome-Technologies/synapse-admin, src/synapse/dataProvider.ts; etkecc/ketesa, src/providers/data; the-draupnir-project/Draupnir.
func TestWhatTheToolsCall(t *testing.T) {
	w := openTown(t)
	w.chief.Must("POST", ours+"/confirmation", object{"password": "chief"}, nil) // no tool does: they can't make administrators
	called := w.run([]habit{
		{"GET", v1 + "/server_version", nil, 200, yes("server_version", there{}), ""},
		// users
		{"GET", v2 + "/users?from=0&limit=10&guests=true&deactivated=false&order_by=name&dir=f", nil, 200, yes("total", 4.0, "users.1.name", w.alice.UserID, "users.1.is_guest", false), ""},
		{"GET", v3 + "/users?deactivated=true", nil, 200, yes("total", 0.0, "users", []any{}), ""},
		{"GET", v2 + "/users?name=ALI", nil, 200, yes("total", 1.0), ""},
		{"GET", v2 + "/users?admins=true", nil, 200, yes("total", 1.0, "users.0.name", w.chief.UserID), ""},
		{"GET", v2 + "/users?limit=1&from=1&order_by=creation_ts&dir=b", nil, 200, yes("next_token", "2"), ""},
		{"GET", v2 + "/users/{alice}", nil, 200, yes("name", w.alice.UserID, "admin", false, "threepids", []any{}, "external_ids", []any{}, "suspended", false), ""},
		{"GET", v2 + "/users/@nobody:{server}", nil, 404, yes("errcode", "M_NOT_FOUND"), ""},
		{"PUT", v2 + "/users/@dora:{server}", object{"password": "set by the tool", "displayname": "Dora", "user_type": "", "threepids": []any{}, "admin": false}, 201,
			yes("name", "@dora:"+w.ServerName, "displayname", "Dora"), ""},
		{"PUT", v2 + "/users/@dora:{server}", object{"displayname": "Dora D.", "avatar_url": "mxc://x/y", "locked": true, "suspended": true, "admin": true}, 200,
			yes("displayname", "Dora D.", "avatar_url", "mxc://x/y", "locked", true, "suspended", true, "admin", true), ""},
		{"PUT", v2 + "/users/@dora:{server}", object{"locked": false, "suspended": false, "displayname": ""}, 200, yes("locked", false, "suspended", false, "displayname", nil), ""},
		{"PUT", v2 + "/users/@dora:{server}", object{"user_type": "bot"}, 400, yes("errcode", "M_INVALID_PARAM"), ""},
		{"PUT", v2 + "/users/@dora:elsewhere", object{}, 400, yes("errcode", "M_INVALID_PARAM"), ""},
		{"GET", v1 + "/username_available?username=dora", nil, 400, yes("errcode", "M_USER_IN_USE"), ""},
		{"GET", v1 + "/username_available?username=eve", nil, 200, yes("available", true), ""},
		{"GET", v1 + "/users/{chief}/admin", nil, 200, yes("admin", true), ""},
		{"PUT", v1 + "/users/@dora:{server}/admin", object{"admin": false}, 200, nil, ""},
		{"PUT", v1 + "/users/{chief}/admin", object{"admin": false}, 400, yes("errcode", "M_UNKNOWN"), ""},
		{"PUT", v1 + "/suspend/{bob}", object{"suspend": true}, 200, nil, ""},
		{"PUT", v1 + "/suspend/{bob}", object{"suspend": false}, 200, nil, ""},
		{"GET", v1 + "/users/{alice}/joined_rooms", nil, 200, yes("total", 2.0), ""},
		{"GET", v1 + "/users/{alice}/memberships", nil, 200, yes("memberships."+w.salon, "join"), ""},
		{"GET", v1 + "/whois/{alice}", nil, 200, yes("user_id", w.alice.UserID, "devices."+w.alice.DeviceID, there{}), ""},
		{"GET", v2 + "/users/{alice}/devices", nil, 200, yes("total", 1.0, "devices.0.device_id", w.alice.DeviceID, "devices.0.user_id", w.alice.UserID), ""},
		{"GET", v2 + "/users/{alice}/devices/{alicedev}", nil, 200, yes("device_id", w.alice.DeviceID), ""},
		{"PUT", v2 + "/users/{alice}/devices/{alicedev}", object{"display_name": "Poste 3"}, 200, nil, ""},
		{"GET", v1 + "/users/{alice}/override_ratelimit", nil, 200, yes("messages_per_second", nil), ""},
		{"POST", v1 + "/users/{alice}/override_ratelimit", object{"messages_per_second": 5, "burst_count": 9}, 200, yes("burst_count", 9.0), ""},
		{"GET", v1 + "/users/{alice}/override_ratelimit", nil, 200, yes("messages_per_second", 5.0), ""},
		{"DELETE", v1 + "/users/{alice}/override_ratelimit", nil, 200, nil, ""},
		{"GET", v1 + "/experimental_features/{alice}", nil, 200, yes("features", object{}), ""},
		{"GET", v1 + "/auth_providers/oidc/users/x", nil, 404, yes("errcode", "M_NOT_FOUND"), ""},
		{"GET", v1 + "/threepid/email/users/a@b.fr", nil, 404, yes("errcode", "M_NOT_FOUND"), ""},
		{"GET", v1 + "/users/{alice}/pushers", nil, 200, yes("total", 0.0), ""},
		// rooms
		{"GET", v1 + "/rooms?from=0&limit=10&search_term=cons&order_by=name&dir=f", nil, 200, yes("total_rooms", 1.0, "rooms.0.room_id", w.salon, "rooms.0.name", "Conseil",
			"rooms.0.joined_members", 3.0, "rooms.0.joined_local_members", 3.0, "rooms.0.creator", w.alice.UserID, "rooms.0.public", false), ""},
		{"GET", v1 + "/rooms?limit=1&order_by=joined_members", nil, 200, yes("next_batch", 1.0, "rooms.0.room_id", w.salon), ""},
		{"GET", v1 + "/rooms?order_by=colour", nil, 400, yes("errcode", "M_INVALID_PARAM"), ""},
		{"GET", v1 + "/rooms?from=-1", nil, 400, yes("errcode", "M_INVALID_PARAM"), ""},
		{"GET", v1 + "/rooms/{salon}", nil, 200, yes("room_id", w.salon, "topic", nil, "joined_local_devices", 2.0, "forgotten", false, "tombstoned", false, "version", "12"), ""},
		{"GET", v1 + "/rooms/{salon}/members", nil, 200, yes("total", 3.0), ""},
		{"GET", v1 + "/rooms/{salon}/state", nil, 200, yes("state.0.type", "m.room.create"), ""},
		{"GET", v1 + "/rooms/{salon}/state?type=m.room.topic", nil, 200, yes("state", []any{}), ""},
		{"GET", v1 + "/rooms/{salon}/forward_extremities", nil, 200, yes("count", 1.0, "results.0.event_id", w.reported), ""},
		{"GET", v1 + "/rooms/{salon}/block", nil, 200, yes("block", false), ""},
		{"GET", v1 + "/rooms/!none:x", nil, 404, yes("errcode", "M_NOT_FOUND"), ""},
		{"POST", v1 + "/rooms/{salon}/make_room_admin", object{"user_id": w.bob.UserID}, 200, nil, ""},
		{"POST", v1 + "/rooms/{conversation}/make_room_admin", object{}, 403, yes("errcode", "M_FORBIDDEN"), ""},
		{"POST", v1 + "/join/{salon}", object{"user_id": "@dora:" + w.ServerName}, 403, yes("errcode", "M_FORBIDDEN"), ""},
		// media
		{"GET", v1 + "/users/{alice}/media?from=0&limit=10&order_by=media_length&dir=f", nil, 200, yes("total", 1.0, "media.0.media_length", 12.0, "media.0.upload_name", nil), "media.0.media_id"},
		{"GET", v1 + "/media/{server}/{kept}", nil, 200, yes("media_info.media_length", 12.0, "media_info.sha256", nil), ""},
		{"POST", v1 + "/media/quarantine/{server}/{kept}", object{}, 200, nil, ""},
		{"GET", v1 + "/media/{server}/" + w.media, nil, 200, yes("media_info.quarantined_by", w.chief.UserID), ""},
		{"POST", v1 + "/media/unquarantine/{server}/{kept}", object{}, 200, nil, ""},
		{"POST", v1 + "/media/protect/{kept}", object{}, 200, nil, ""},
		{"POST", v1 + "/user/{alice}/media/quarantine", object{}, 200, yes("num_quarantined", 0.0), ""},
		{"POST", v1 + "/media/unprotect/{kept}", object{}, 200, nil, ""},
		{"POST", v1 + "/media/neither/nor", object{}, 404, yes("errcode", "M_UNRECOGNIZED"), ""},
		{"GET", v1 + "/statistics/users/media?order_by=media_length&dir=b", nil, 200, yes("users.0.user_id", w.alice.UserID, "users.0.media_count", 1.0, "total", 1.0), ""},
		{"GET", v1 + "/statistics/database/rooms", nil, 200, yes("rooms", []any{}), ""},
		{"POST", v1 + "/purge_media_cache?before_ts=1", object{}, 400, yes("errcode", "M_INVALID_PARAM"), ""},
		{"POST", v1 + "/purge_media_cache?before_ts=1795000000000", object{}, 200, yes("deleted", 0.0), ""},
		{"POST", v1 + "/media/delete?before_ts=1", object{}, 400, yes("errcode", "M_INVALID_PARAM"), ""},
		{"POST", v1 + "/media/{server}/delete?before_ts=30000000001", object{}, 200, yes("total", 0.0), ""},
		{"POST", v1 + "/media/delete?before_ts=" + fmt.Sprint(time.Now().Add(time.Hour).UnixMilli()) + "&size_gt=99", object{}, 200, yes("total", 0.0), ""},
		{"DELETE", v1 + "/media/{server}/{kept}", nil, 200, yes("total", 1.0), ""},
		{"DELETE", v1 + "/users/{alice}/media", nil, 200, yes("total", 0.0), ""},
		// tokens
		{"POST", v1 + "/registration_tokens/new", object{"token": "abcd", "uses_allowed": 3}, 200, yes("token", "abcd", "pending", 0.0, "completed", 0.0, "expiry_time", nil), ""},
		{"POST", v1 + "/registration_tokens/new", object{"length": 20}, 200, yes("uses_allowed", nil), ""},
		{"GET", v1 + "/registration_tokens", nil, 200, yes("registration_tokens.0.token", "abcd"), ""},
		{"GET", v1 + "/registration_tokens?valid=false", nil, 200, yes("registration_tokens", []any{}), ""},
		{"PUT", v1 + "/registration_tokens/abcd", object{"uses_allowed": 0, "expiry_time": nil}, 200, yes("uses_allowed", 0.0), ""},
		{"GET", v1 + "/registration_tokens/abcd", nil, 200, yes("uses_allowed", 0.0), ""},
		{"DELETE", v1 + "/registration_tokens/abcd", nil, 200, nil, ""},
		{"GET", v1 + "/registration_tokens/abcd", nil, 404, yes("errcode", "M_NOT_FOUND"), ""},
		// reports
		{"GET", v1 + "/event_reports?from=0&limit=10&dir=b", nil, 200, yes("total", 1.0, "event_reports.0.event_id", w.reported, "event_reports.0.user_id", w.alice.UserID,
			"event_reports.0.sender", w.bob.UserID, "event_reports.0.name", "Conseil", "event_reports.0.reason", "insulte"), ""},
		{"GET", v1 + "/event_reports/1", nil, 200, yes("event_json.type", "m.room.message", "event_json.content", object{}), ""},
		{"DELETE", v1 + "/event_reports/1", nil, 200, nil, ""},
		{"GET", v1 + "/event_reports/1", nil, 404, yes("errcode", "M_NOT_FOUND"), ""},
		{"GET", v1 + "/event_reports/x", nil, 400, yes("errcode", "M_INVALID_PARAM"), ""},
		// notices
		{"POST", v1 + "/send_server_notice", object{"user_id": w.alice.UserID, "content": object{"msgtype": "m.text", "body": "Réunion"}}, 200, yes("event_id", there{}), ""},
		{"PUT", v1 + "/send_server_notice/txn1", object{"user_id": w.alice.UserID, "content": object{"msgtype": "m.text", "body": "Réunion"}}, 200, yes("event_id", there{}), "event_id"},
		{"POST", v1 + "/send_server_notice", object{"user_id": "@none:" + w.ServerName, "content": object{}}, 404, yes("errcode", "M_NOT_FOUND"), ""},
		// the server
		{"GET", v1 + "/federation/destinations?from=0&limit=10", nil, 200, yes("destinations", []any{}, "total", 0.0), ""},
		{"GET", v1 + "/federation/destinations/none.example", nil, 404, yes("errcode", "M_NOT_FOUND"), ""},
		{"GET", v1 + "/federation/destinations/none.example/rooms", nil, 404, yes("errcode", "M_NOT_FOUND"), ""},
		{"POST", v1 + "/federation/destinations/none.example/reset_connection", nil, 404, yes("errcode", "M_NOT_FOUND"), ""},
		{"GET", v1 + "/background_updates/status", nil, 200, yes("enabled", true), ""},
		{"GET", v1 + "/scheduled_tasks", nil, 200, yes("scheduled_tasks", []any{}), ""},
		// Draupnir
		{"POST", v1 + "/user/{bob}/redact", object{"rooms": []string{}}, 200, yes("redact_id", there{}), "redact_id"},
		{"GET", v1 + "/user/redact_status/{kept}", nil, 200, yes("status", there{}, "failed_redactions", there{}), ""},
		{"GET", v1 + "/user/redact_status/none", nil, 404, yes("errcode", "M_NOT_FOUND"), ""},
		{"PUT", v1 + "/rooms/{conversation}/block", object{"block": true}, 200, yes("block", true), ""},
		{"GET", v1 + "/rooms/{conversation}/block", nil, 200, yes("block", true, "user_id", w.chief.UserID), ""},
		{"DELETE", v2 + "/rooms/{conversation}", object{"block": true, "purge": true}, 200, yes("delete_id", there{}), "delete_id"},
		{"GET", v2 + "/rooms/delete_status/{kept}", nil, 200, yes("status", there{}, "shutdown_room.kicked_users", there{}), ""},
		{"GET", v2 + "/rooms/{conversation}/delete_status", nil, 200, yes("results.0.room_id", w.conversation), ""},
		{"GET", v2 + "/rooms/delete_status/none", nil, 404, yes("errcode", "M_NOT_FOUND"), ""},
		{"DELETE", v1 + "/rooms/{salon}", object{"new_room_user_id": w.chief.UserID, "block": true, "message": "Fermé"}, 200, yes("kicked_users", there{}, "failed_to_kick_users", []any{}, "new_room_id", there{}), ""},
		{"POST", v1 + "/rooms/!gone:x/delete", object{}, 404, yes("errcode", "M_NOT_FOUND"), ""},
		// ends
		{"POST", v2 + "/users/{alice}/delete_devices", object{"devices": []string{w.alice.DeviceID}}, 200, nil, ""},
		{"DELETE", v2 + "/users/{bob}/devices/" + w.bob.DeviceID, nil, 200, nil, ""},
		{"POST", v1 + "/reset_password/{alice}", object{"new_password": "set by the tool", "logout_devices": true}, 200, nil, ""},
		{"POST", v1 + "/deactivate/{bob}", object{"erase": true}, 200, yes("id_server_unbind_result", "success"), ""},
		{"GET", v2 + "/users/{bob}", nil, 200, yes("deactivated", true, "erased", true), ""},
		{"PUT", v2 + "/users/{bob}", object{"deactivated": false, "password": "x"}, 403, yes("errcode", "M_FORBIDDEN"), ""},
		{"POST", v1 + "/deactivate/{chief}", object{}, 400, yes("errcode", "M_INVALID_PARAM"), ""},
		// refused
		{"POST", v1 + "/users/{alice}/login", object{}, 403, yes("errcode", "M_FORBIDDEN"), ""},
		{"GET", v1 + "/users/{alice}/accountdata", nil, 403, yes("errcode", "M_FORBIDDEN"), ""},
		{"GET", v1 + "/rooms/{salon}/messages?dir=b", nil, 403, yes("errcode", "M_FORBIDDEN"), ""},
		{"GET", v1 + "/rooms/{salon}/context/$e?limit=1", nil, 403, yes("errcode", "M_FORBIDDEN"), ""},
		{"POST", v1 + "/users/{alice}/shadow_ban", object{}, 403, yes("errcode", "M_FORBIDDEN"), ""},
		{"POST", v1 + "/purge_history/{salon}", object{}, 403, yes("errcode", "M_FORBIDDEN"), ""},
	})
	for _, c := range new(adminapi.API).Calls() {
		if name := c.Method + " " + c.Path; strings.Contains(name, "/_synapse/") && !called[name] && c.Class != adminapi.Open && c.Class != adminapi.Refused {
			t.Errorf("%s is not called here", name)
		}
	}
}
