package clientapi

import (
	"fmt"
	"slices"
	"testing"

	"beffroi/server/journal"
	"beffroi/server/store"
)

const (
	lockPath    = "/_matrix/client/v1/admin/lock/"
	suspendPath = "/_matrix/client/v1/admin/suspend/"
	whoisPath   = "/_matrix/client/v3/admin/whois/"
)

// Both can be on at once, and each is taken back alone.
func TestLockAndSuspend(t *testing.T) {
	s := start(t)
	chef, alice := s.admin("chef"), s.register("alice")
	set := func(path, name string, on bool) {
		t.Helper()
		if answer := chef.must("PUT", path+alice.id, object{name: on}); answer[name] != on {
			t.Fatal(answer)
		}
		if answer := chef.must("GET", path+alice.id, nil); answer[name] != on {
			t.Fatal(answer)
		}
	}
	rename := func() (string, string, any) {
		return "PUT", profilePath + alice.id + "/displayname", object{"displayname": "x"}
	}
	method, path, body := rename()
	set(suspendPath, "suspended", true)
	alice.must("GET", whoamiPath, nil)
	alice.fails(403, "M_USER_SUSPENDED", method, path, body)
	set(lockPath, "locked", true)
	if e := alice.fails(401, "M_USER_LOCKED", method, path, body); e["soft_logout"] != true {
		t.Fatal(e)
	}
	set(lockPath, "locked", false)
	alice.fails(403, "M_USER_SUSPENDED", method, path, body)
	set(suspendPath, "suspended", false)
	alice.must(method, path, body)
	chef.must("GET", whoisPath+alice.id, nil)
	s.inJournal("user.sessions.read", "user.unsuspend", "user.unlock", "user.lock", "user.suspend")
}

// inJournal expects what chef did to alice, the latest first.
func (s *server) inJournal(acts ...string) {
	s.t.Helper()
	rows, err := s.api.Journal.Page(s.t.Context(), 0, store.JournalFilter{}, 100)
	if err != nil {
		s.t.Fatal(err)
	}
	var got []string
	for _, row := range rows {
		if row.Actor == journal.Console {
			continue // the accounts of the test
		}
		if row.Actor != "@chef:mairie.test" || row.Target != "@alice:mairie.test" || row.Outcome != journal.Ordered {
			s.t.Error(row)
		}
		got = append(got, row.Act)
	}
	if !slices.Equal(got, acts) {
		s.t.Error(got)
	}
}

func TestModerationIsRefused(t *testing.T) {
	s := start(t)
	chef, second, alice, bob := s.admin("chef"), s.admin("second"), s.register("alice"), s.register("bob")
	bob.must("POST", deactivatePath, object{"auth": password("bob", nil)})
	suspended := s.admin("suspended")
	s.setState(suspended, store.AccountSuspended, true)
	for path, name := range map[string]string{lockPath: "locked", suspendPath: "suspended"} {
		on := object{name: true}
		for _, target := range []string{chef.id, alice.id, "@nobody:mairie.test", "@x:elsewhere.test"} { // the same, whoever there is
			alice.fails(403, "M_FORBIDDEN", "GET", path+target, nil)
			alice.fails(403, "M_FORBIDDEN", "PUT", path+target, on)
			alice.fails(403, "M_FORBIDDEN", "PUT", path+target, object{})
		}
		s.stranger().fails(401, "M_MISSING_TOKEN", "GET", path+alice.id, nil)
		s.stranger().fails(401, "M_MISSING_TOKEN", "PUT", path+alice.id, on)
		suspended.fails(403, "M_USER_SUSPENDED", "PUT", path+alice.id, on)
		chef.fails(403, "M_FORBIDDEN", "PUT", path+chef.id, on)
		chef.must("GET", path+chef.id, nil)
		for _, method := range []string{"GET", "PUT"} {
			chef.fails(403, "M_FORBIDDEN", method, path+second.id, on)
			chef.fails(404, "M_NOT_FOUND", method, path+"@nobody:mairie.test", on)
			chef.fails(404, "M_NOT_FOUND", method, path+bob.id, on)
			chef.fails(400, "M_INVALID_PARAM", method, path+"@alice:elsewhere.test", on)
			chef.fails(400, "M_INVALID_PARAM", method, path+"alice", on)
		}
		chef.fails(400, "M_MISSING_PARAM", "PUT", path+alice.id, object{})
		chef.fails(400, "M_BAD_JSON", "PUT", path+alice.id, object{name: "yes"})
		chef.fails(400, "M_NOT_JSON", "PUT", path+alice.id, []byte("{"))
		if answer := chef.must("GET", path+alice.id, nil); answer[name] != false {
			t.Fatal(answer)
		}
	}
	s.inJournal()
}

func TestOnlyAdministratorsAreToldThatTheyMayModerate(t *testing.T) {
	s := start(t)
	const path = "/_matrix/client/v3/capabilities"
	capable := func(u *user) string {
		return fmt.Sprint(u.must("GET", path, nil)["capabilities"].(object)["m.account_moderation"])
	}
	if got := capable(s.admin("chef")); got != "map[lock:true suspend:true]" {
		t.Error(got)
	}
	if got := capable(s.register("alice")); got != "<nil>" {
		t.Error(got)
	}
}

func TestWhois(t *testing.T) {
	s := start(t)
	chef, alice, bob := s.admin("chef"), s.register("alice"), s.register("bob")
	s.write(func(tx *store.Tx) error {
		user, err := tx.FindAtom(alice.id)
		if err != nil {
			return err
		}
		d, _, err := tx.Device(user, alice.device)
		if err != nil {
			return err
		}
		return tx.SetLastSeen(d.ID, 60_000, "192.0.2.7")
	})
	for _, u := range []*user{alice, chef} {
		want := fmt.Sprintf("map[devices:map[%s:map[sessions:[map[connections:[map[ip:192.0.2.7 last_seen:60000]]]]]] user_id:%s]", alice.device, alice.id)
		if got := fmt.Sprint(u.must("GET", whoisPath+alice.id, nil)); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	s.inJournal("user.sessions.read") // not what one looks at oneself
	bob.fails(403, "M_FORBIDDEN", "GET", whoisPath+alice.id, nil)
	bob.fails(403, "M_FORBIDDEN", "GET", whoisPath+"@nobody:mairie.test", nil)
	s.stranger().fails(401, "M_MISSING_TOKEN", "GET", whoisPath+alice.id, nil)
	chef.fails(404, "M_NOT_FOUND", "GET", whoisPath+"@nobody:mairie.test", nil)
	chef.fails(400, "M_INVALID_PARAM", "GET", whoisPath+"@alice:elsewhere.test", nil)
}
