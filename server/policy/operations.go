package policy

import "strings"

// operation is one of the specification's, with its path cut at slashes: "*" stands for a parameter.
type operation struct {
	method string
	path   []string
	signed bool
}

const v1, v2 = "/_matrix/federation/v1/", "/_matrix/federation/v2/"

// operations are those of the server-server API: what the gateway lets through. Source: its v1.19, all chapters; and the first versions of send_join and send_leave,
// which were in it before and which servers still fall back to.
func operations() []operation {
	signed := func(method string, paths ...string) (all []operation) {
		for _, path := range paths {
			all = append(all, operation{method, strings.Split(path, "/"), true})
		}
		return all
	}
	all := signed("GET", v1+"backfill/*", v1+"event/*", v1+"event_auth/*/*", v1+"hierarchy/*", v1+"make_join/*/*", v1+"make_knock/*/*", v1+"make_leave/*/*",
		v1+"media/download/*", v1+"media/thumbnail/*", v1+"publicRooms", v1+"query/*", v1+"state/*", v1+"state_ids/*", v1+"timestamp_to_event/*", v1+"user/devices/*")
	all = append(all, signed("POST", v1+"get_missing_events/*", v1+"publicRooms", v1+"user/keys/claim", v1+"user/keys/query")...)
	all = append(all, signed("PUT", v1+"exchange_third_party_invite/*", v1+"invite/*/*", v1+"send/*", v1+"send_join/*/*", v1+"send_knock/*/*", v1+"send_leave/*/*",
		v2+"invite/*/*", v2+"send_join/*/*", v2+"send_leave/*/*")...)
	for _, open := range [...][2]string{{"GET", v1 + "version"}, {"GET", v1 + "openid/userinfo"}, {"PUT", v1 + "3pid/onbind"},
		{"GET", "/_matrix/key/v2/server"}, {"GET", "/_matrix/key/v2/query/*"}, {"POST", "/_matrix/key/v2/query"}} {
		all = append(all, operation{open[0], strings.Split(open[1], "/"), false})
	}
	return all
}

func (o operation) describes(segments []string) bool {
	if len(segments) != len(o.path) {
		return false
	}
	for i, want := range o.path {
		if want != segments[i] && (want != "*" || segments[i] == "") {
			return false
		}
	}
	return true
}
