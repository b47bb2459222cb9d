package clientapi

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"beffroi/server/store"
)

func userPath(name string) string { return "/_matrix/client/v3/user/@" + name + ":mairie.test" }

const testRoom = "!room:mairie.test"

func (s *server) atom(text string) store.Atom {
	s.t.Helper()
	atom, err := store.Get(s.t.Context(), s.db, func(r *store.Reader) (store.Atom, error) { return r.FindAtom(text) })
	if err != nil {
		s.t.Fatal(err)
	}
	return atom
}

func (s *server) addRoom(roomID string) {
	s.t.Helper()
	s.write(func(tx *store.Tx) error {
		_, err := tx.AddRoom(roomID, "11")
		return err
	})
}

func TestAccountData(t *testing.T) {
	s := start(t)
	alice, bob := s.register("alice"), s.register("bob")
	s.addRoom(testRoom)
	global, room := userPath("alice")+"/account_data/", userPath("alice")+"/rooms/"+testRoom+"/account_data/"
	for _, path := range []string{global, room} {
		alice.fails(404, "M_NOT_FOUND", "GET", path+"x.y", nil)
		alice.must("PUT", path+"x.y", []byte(`{ "number": 9007199254740993, "path": "`+path+`" }`))
		alice.must("PUT", path+"x.z", object{})
		if got := alice.must("GET", path+"x.y", nil); got["path"] != path {
			t.Fatal(got)
		}
		if got := alice.must("GET", path+"x.z", nil); len(got) != 0 {
			t.Fatal(got)
		}
		bob.fails(403, "M_FORBIDDEN", "GET", path+"x.y", nil)
		bob.fails(403, "M_FORBIDDEN", "PUT", path+"x.y", object{})
		for _, kind := range []string{"m.fully_read", "m.push_rules"} {
			alice.fails(405, "M_BAD_JSON", "PUT", path+kind, object{})
		}
		alice.fails(400, "M_NOT_JSON", "PUT", path+"x.y", []byte("x"))
		alice.fails(400, "M_BAD_JSON", "PUT", path+"x.y", []byte(`"x"`))
		alice.fails(400, "M_INVALID_PARAM", "PUT", path+strings.Repeat("x", 256), object{})
		alice.fails(413, "M_TOO_LARGE", "PUT", path+"x.y", object{"x": strings.Repeat("x", 256<<10)})
	}
	alice.fails(400, "M_INVALID_PARAM", "PUT", userPath("alice")+"/rooms/@alice:mairie.test/account_data/x", object{})
	alice.fails(404, "M_NOT_FOUND", "PUT", userPath("alice")+"/rooms/!other:mairie.test/account_data/x", object{})
}

func TestAccountDataWakesAndHasPositions(t *testing.T) {
	s := start(t)
	alice := s.register("alice")
	user, before := s.atom(alice.id), s.db.Visible()
	waiter := s.hub.Wait(int64(user))
	defer s.hub.Done(waiter)
	alice.must("PUT", userPath("alice")+"/account_data/x.a", object{"v": 1})
	select {
	case <-waiter.C:
	default:
		t.Fatal("nobody was woken before the answer")
	}
	alice.must("PUT", userPath("alice")+"/account_data/x.b", object{"v": 1})
	alice.must("PUT", userPath("alice")+"/account_data/x.a", object{"v": 2})
	data, err := store.Get(t.Context(), s.db, func(r *store.Reader) ([]store.AccountData, error) {
		return r.AccountDataSince(user, before, s.db.Visible())
	})
	if err != nil || len(data) != 2 || data[0].Type != s.atom("x.b") || string(data[1].Content) != `{"v":2}` || data[1].Pos != s.db.Visible() {
		t.Fatal(data, err)
	}
}

func TestAccountDataIsBounded(t *testing.T) {
	s := start(t)
	alice, bob := s.register("alice"), s.register("bob")
	s.write(func(tx *store.Tx) error {
		user, err := tx.Atom("@alice:mairie.test")
		for i := range 10_000 {
			err = errors.Join(err, tx.PutAccountData(user, store.AccountData{Type: store.Atom(1000 + i), Content: []byte("{}"), Pos: 1}))
		}
		return err
	})
	s.write(func(tx *store.Tx) error {
		kind, err := tx.Atom("fr.old")
		if err != nil {
			return err
		}
		user, err := tx.Atom("@alice:mairie.test")
		return errors.Join(err, tx.PutAccountData(user, store.AccountData{Type: kind, Content: []byte("{}"), Pos: 1}))
	})
	alice.fails(413, "M_TOO_LARGE", "PUT", userPath("alice")+"/account_data/fr.new", object{})
	alice.must("PUT", userPath("alice")+"/account_data/fr.old", object{"changed": true})
	bob.must("PUT", userPath("bob")+"/account_data/fr.new", object{})
}

func TestTags(t *testing.T) {
	s := start(t)
	alice, bob := s.register("alice"), s.register("bob")
	s.addRoom(testRoom)
	tags := userPath("alice") + "/rooms/" + testRoom + "/tags"
	if got := fmt.Sprint(alice.must("GET", tags, nil)); got != "map[tags:map[]]" {
		t.Fatal(got)
	}
	alice.must("PUT", tags+"/m.favourite", object{"order": 0.1})
	alice.must("PUT", tags+"/u.%C3%A0%20faire", object{})
	alice.must("PUT", tags+"/m.favourite", object{"order": 0.5, "x": "y"})
	if got := fmt.Sprint(alice.must("GET", tags, nil)); got != "map[tags:map[m.favourite:map[order:0.5 x:y] u.à faire:map[]]]" {
		t.Fatal(got)
	}
	alice.must("DELETE", tags+"/m.favourite", nil)
	alice.must("DELETE", tags+"/m.favourite", nil)
	data := alice.must("GET", userPath("alice")+"/rooms/"+testRoom+"/account_data/m.tag", nil)
	if got := fmt.Sprint(data); got != "map[tags:map[u.à faire:map[]]]" {
		t.Fatal(got)
	}
	bob.fails(403, "M_FORBIDDEN", "GET", tags, nil)
	bob.fails(403, "M_FORBIDDEN", "DELETE", tags+"/x", nil)
	alice.fails(400, "M_BAD_JSON", "PUT", tags+"/x", object{"order": "first"})
	alice.fails(400, "M_INVALID_PARAM", "PUT", tags+"/"+strings.Repeat("x", 256), object{})
	alice.fails(404, "M_NOT_FOUND", "GET", userPath("alice")+"/rooms/!other:mairie.test/tags", nil)
}

// Two devices that tag at the same time do not undo each other.
func TestTagsAtTheSameTime(t *testing.T) {
	s := start(t)
	alice := s.register("alice")
	s.addRoom(testRoom)
	tags := userPath("alice") + "/rooms/" + testRoom + "/tags"
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() { alice.must("PUT", fmt.Sprint(tags, "/u.", i), object{}) })
	}
	wg.Wait()
	if got := alice.must("GET", tags, nil)["tags"].(object); len(got) != 6 {
		t.Fatal(got)
	}
}

func TestTagsOverSomethingElse(t *testing.T) {
	s := start(t)
	alice := s.register("alice")
	s.addRoom(testRoom)
	alice.must("PUT", userPath("alice")+"/rooms/"+testRoom+"/account_data/m.tag", object{"tags": "none"})
	tags := userPath("alice") + "/rooms/" + testRoom + "/tags"
	alice.must("PUT", tags+"/m.favourite", object{})
	if got := fmt.Sprint(alice.must("GET", tags, nil)); got != "map[tags:map[m.favourite:map[]]]" {
		t.Fatal(got)
	}
}
