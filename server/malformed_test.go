package server_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	"beffroi/server/adminapi"
	"beffroi/server/clientapi"
	"beffroi/server/mail/mailtest"
	"beffroi/server/mailpage"
	"beffroi/server/servertest"
)

// members are the names that bodies have here: each malformed body has them all, with one value.
var members = strings.Fields(`address address_of admin after_ts aliases auth avatar_url before_ts block body client_secret content creation_content data deactivated default_action
	delete_devices device_id device_keys devices displayname display_name email email_domains enabled erase events event_id expiry_time external_ids filter flows from hand_over_to host
	identifier initial_state invite keys kind lang length limit localpart locked logout_devices medium membership message messages_per_second burst_count messages name new_password
	new_room_user_id next_link nonce one_time_keys pagination password port preset presence profile_tag purge pushkey reason refresh_token role room_id room_name rooms score
	search_categories search_term send_attempt sid state_key suspend suspended third_party threepids timeout timeout_seconds tls to token transaction_id txn_id type typing user user_id
	user_type username uses_allowed value via visibility`)

func malformed() (bodies [][]byte) {
	for _, text := range []string{"", "{", "[]", "null", `"x"`, "7", "{}", `{"a":1,"a":2}`, "\xff", `{"auth":{}}`, `{"auth":{"type":"m.login.password"}}`,
		`{"auth":{"type":"m.login.password","identifier":{"type":7}}}`, `{"auth":{"type":"m.login.email.identity","threepid_creds":[]}}`,
		`{"auth":{"session":7}}`, `{"auth":{"type":"m.login.dummy","session":"\u0000"}}`, strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000)} {
		bodies = append(bodies, []byte(text))
	}
	for _, value := range []string{"null", "7", "-1", "9223372036854775807", "1e300", "true", `""`, `"x"`, `"\u0000"`, `"@x:y"`, "[]", "[null]", "[7]", "[[]]", "{}", `{"x":null}`, `{"x":{"x":7}}`} {
		all := map[string]json.RawMessage{}
		for _, name := range members {
			all[name] = json.RawMessage(value)
		}
		b, _ := json.Marshal(all)
		bodies = append(bodies, b)
	}
	return bodies
}

// odd is the path of a route with a value in each of its places.
func odd(path, value string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if strings.HasPrefix(part, "{") {
			parts[i] = url.PathEscape(value)
		}
	}
	return strings.Join(parts, "/")
}

// Nothing that a client sends is an error of the server's: every operation is called, as an administrator and as a stranger, with bodies, parameters and paths that
// make no sense. Only what logs out, and what waits, is left out.
func TestNothingMalformedIsOurError(t *testing.T) {
	s := servertest.Start(t)
	s.Unchecked(t)
	s.SendMailTo(mailtest.Start(t, mailtest.Options{}), "mairie.test")
	chief, alice, stranger := s.RegisterAdmin(t, "chief"), s.Register(t, "alice"), s.Anonymous(t)
	chief.Must("POST", "/_beffroi/admin/v1/confirmation", object{"password": "chief"}, nil)
	var routes [][2]string
	for _, r := range slices.Concat(new(clientapi.API).Routes(), adminapi.New(adminapi.API{}).Routes(), new(mailpage.Pages).Routes()) {
		if !strings.Contains(r.Path, "/logout") && !strings.HasSuffix(r.Path, "/sync") {
			routes = append(routes, [2]string{r.Method, r.Path})
		}
	}
	queries := []string{"", "?limit=x&from=x&dir=x&order_by=x&ts=x&valid=x&kind=x", "?limit=-1&from=-1&since=-1", "?limit=1000000000&from=9007199254740991&below=9223372036854775807",
		"?limit=9223372036854775808&from_ts=99999999999999999999&until_ts=-1&before_ts=1", "?user_id=%00&access_token=x&jeton=%ff&langue=%00&filter=%7B"}
	for _, r := range routes {
		values := []string{alice.UserID, "\x00", strings.Repeat("é", 300)}
		if !strings.Contains(r[1], "{") {
			values = values[:1]
		}
		for _, value := range values {
			for _, query := range queries {
				try(t, r, odd(r[1], value)+query, []byte("{}"), chief, stranger)
			}
			if r[0] == "GET" {
				continue
			}
			for _, body := range malformed() {
				try(t, r, odd(r[1], value), body, chief, stranger)
			}
		}
	}
	chief.Must("GET", clientV3+"/account/whoami", nil, nil) // it was an administrator to the end
}

func try(t *testing.T, r [2]string, path string, body []byte, who ...*servertest.User) {
	t.Helper()
	for _, u := range who {
		if status, answer := u.Raw(r[0], path, body); status >= 500 && status != 502 {
			t.Errorf("%s %.200s %.100q: %d %.200s", r[0], path, body, status, answer)
		}
	}
}
