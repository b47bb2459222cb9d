package server_test

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"beffroi/backup/snapshot"
	"beffroi/server/scrub"
	"beffroi/server/search"
	"beffroi/server/servertest"
	"beffroi/server/store"
)

// searched is an answer of /search.
type searched struct {
	Count      int
	Highlights []string
	Next       string `json:"next_batch"`
	Results    []struct {
		Rank    float64
		Result  bundled
		Context *struct {
			Start, End string
			Before     []bundled `json:"events_before"`
			After      []bundled `json:"events_after"`
			Profiles   map[string]struct {
				Name   string `json:"displayname"`
				Avatar string `json:"avatar_url"`
			} `json:"profile_info"`
		}
	}
	State  map[string][]bundled
	Groups map[string]map[string]struct {
		Order   int
		Results []string
		Next    string `json:"next_batch"`
	}
}

func (s searched) ids() (out []string) {
	for _, r := range s.Results {
		out = append(out, r.Result.ID)
	}
	return out
}

const searchPath = "/_matrix/client/v3/search"

func searchBody(term string, options object) object {
	asked := object{"search_term": term}
	for k, v := range options {
		asked[k] = v
	}
	return object{"search_categories": object{"room_events": asked}}
}

// find searches once.
func find(u *servertest.User, term, next string, options object) searched {
	var answer struct {
		Categories struct {
			RoomEvents searched `json:"room_events"`
		} `json:"search_categories"`
	}
	path := searchPath
	if next != "" {
		path += "?next_batch=" + url.QueryEscape(next)
	}
	u.Must("POST", path, searchBody(term, options), &answer)
	return answer.Categories.RoomEvents
}

func recent() object { return object{"order_by": "recent"} }

// Who has just sent something finds it, and so they do what was redacted a moment ago no more.
func TestASearchSeesWhatWasJustSent(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	room := alice.CreateRoom(object{})
	for i := range 5 {
		id := alice.SendText(room, "la tartiflette du jour")
		if got := find(alice, "tartiflette", "", recent()); got.Count != 1 {
			t.Fatalf("%d: found %d after it was sent", i, got.Count)
		}
		alice.Must("PUT", roomPath(room)+"/redact/"+url.PathEscape(id)+"/"+strconv.Itoa(i), object{}, nil)
		if got := find(alice, "tartiflette", "", recent()); got.Count != 0 {
			t.Fatalf("%d: found %d after it was redacted", i, got.Count)
		}
	}
}

// indexed waits until the index has seen all that was committed.
func indexed(t *testing.T, s *servertest.Server) {
	t.Helper()
	db := s.DB()
	last := db.Visible()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		behind, err := store.Get(t.Context(), db, func(r *store.Reader) (bool, error) {
			upto, _, err := r.IndexedUpto()
			if err != nil {
				return false, err
			}
			_, head, err := r.ToIndex(upto, 1)
			again, failed := r.ToIndexAgain(1)
			if failed != nil {
				return false, failed
			}
			return head != upto && int64(upto) < last || len(again) > 0, err
		})
		if err != nil {
			t.Fatal(err)
		}
		if !behind {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the index does not come along")
		}
	}
}

func TestSearchFindsFrenchWords(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	room := alice.CreateRoom(object{"name": "Travaux de la mairie", "topic": "Garderies et crèches"})
	name := func(body string) string { return alice.SendText(room, body) }
	ecole := name("Les élèves de l’école Jules-Ferry sont au rendez-vous")
	budget := name("Le budget des œuvres sociales, d'accord ?")
	conseil := name("Les conseillers municipaux votent l'arrêté")
	quoted := alice.Send(room, "m.room.message", object{"msgtype": "m.text", "body": "> <@bob:x> le budget\n\nFait hier",
		"m.relates_to": object{"m.in_reply_to": object{"event_id": budget}}})
	alice.Send(room, "org.example.other", object{"body": "budget caché"})
	indexed(t, s)
	for term, want := range map[string][]string{
		"ecole":                     {ecole},
		"ÉCOLES":                    {ecole},
		"l'ecole":                   {ecole},
		"rendez-vous école":         {ecole},
		"vous rendez":               {ecole},
		`"vous rendez"`:             nil,
		`« jules ferry »`:           {ecole},
		"oeuvre sociale":            {budget},
		"d’accord":                  {budget},
		"conseillère municipale":    {conseil},
		"arretes":                   {conseil},
		"budget":                    {budget},
		"hier":                      {quoted},
		"école budget":              nil,
		"fer":                       nil,
		`"jules`:                    {ecole},
		"":                          nil,
		`" ' * ( ) : ^ - + { }`:     nil,
		`NEAR(jules ferry)`:         nil,
		`body : budget`:             nil,
		`budget*`:                   {budget},
		`budget" OR "ecole`:         nil,
		"\x00\x00budget\\":          {budget},
		strings.Repeat("x ", 5000):  nil,
		strings.Repeat("\"(", 5000): nil,
	} {
		got := find(alice, term, "", recent())
		same(t, term, got.ids(), want)
		if got.Count != len(want) {
			t.Errorf("%s: count %d", term, got.Count)
		}
	}
	for _, key := range [][2]string{{"content.name", "travail"}, {"content.topic", "crèche"}, {"content.body", "école"}} {
		for _, other := range []string{"content.name", "content.topic", "content.body"} {
			if got := find(alice, key[1], "", object{"keys": []string{other}}); (len(got.Results) == 1) != (other == key[0]) {
				t.Errorf("%s in %s: %v", key[1], other, got.ids())
			}
		}
	}
	if got := find(alice, "conseillère arrêté", "", nil); !slices.Equal(got.Highlights, []string{"arrêté", "conseillers"}) || got.Results[0].Rank <= 0 {
		t.Errorf("highlights %q, rank %v", got.Highlights, got.Results[0].Rank)
	}
}

func TestSearchRanks(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	room := alice.CreateRoom(object{})
	long := alice.SendText(room, "Une réunion "+strings.Repeat("pour parler de tout et de rien ", 10))
	exact := alice.SendText(room, "réunion")
	plural := alice.SendText(room, "réunions")
	indexed(t, s)
	got := find(alice, "réunion", "", nil)
	same(t, "by rank", got.ids(), []string{exact, plural, long})
	if got.Results[0].Rank <= got.Results[1].Rank || got.Results[1].Rank <= got.Results[2].Rank {
		t.Errorf("ranks %+v", got.Results)
	}
	same(t, "recent", find(alice, "réunion", "", recent()).ids(), []string{plural, exact, long})
}

func TestSearchFollowsEditsAndRedactions(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	room := alice.CreateRoom(object{"preset": "public_chat"})
	bob.Join(room)
	first := alice.SendText(room, "la brocante est samedi")
	indexed(t, s)
	one := edit(alice, room, first, "la brocante est dimanche")
	edit(bob, room, first, "la brocante est annulée") // not his
	same(t, "at once", find(alice, "samedi", "", nil).ids(), nil)
	indexed(t, s)
	found := func(term string, want ...string) {
		t.Helper()
		same(t, term, find(bob, term, "", nil).ids(), want)
	}
	found("samedi")
	found("annulée")
	found("dimanche", first)
	if got := find(bob, "dimanche", "", nil).Results[0].Result; got.Unsigned.Relations == nil || got.Unsigned.Relations.Replace.ID != one {
		t.Errorf("the result does not bring its edit: %+v", got)
	}
	two := edit(alice, room, first, "la brocante est lundi")
	indexed(t, s)
	found("dimanche")
	found("lundi", first)
	redact(alice, room, two)
	found("lundi") // at once
	indexed(t, s)
	found("dimanche", first)
	redact(alice, room, one)
	indexed(t, s)
	found("samedi", first)
	for _, w := range []string{"brocant", "samedi", "lundi"} {
		if indexBytes(t, s, w) == 0 {
			t.Errorf("the index never held %q", w)
		}
	}
	redact(alice, room, first)
	found("samedi") // at once
	found("brocante")
	indexed(t, s)
	found("brocante")
	gone(t, s, "brocant", "samedi", "lundi", "dimanch")
}

// gone looks into the bytes of the index, after what is done at night.
// purge removes a room, as the nightly job does.
func purge(t *testing.T, db *store.DB, roomID string) {
	t.Helper()
	err := db.Write(t.Context(), func(tx *store.Tx) error {
		room, _, err := tx.FindRoom(roomID)
		return errors.Join(err, tx.BeginPurge(room.Ref))
	})
	if err = errors.Join(err, db.Sweep(t.Context())); err != nil {
		t.Fatal(err)
	}
}

// indexBytes counts where the bytes of the index hold a word; what it begins with may be shared with the word before it.
func indexBytes(t *testing.T, s *servertest.Server, word string) (n int) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(s.DataDir(), store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.QueryRowContext(t.Context(), `SELECT count(*) FROM search_data WHERE instr(block, CAST(substr(?, 4) AS BLOB)) > 0`, word).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func gone(t *testing.T, s *servertest.Server, words ...string) {
	t.Helper()
	if err := s.DB().MergeIndex(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, w := range words {
		if n := indexBytes(t, s, w); n != 0 {
			t.Errorf("the index still holds %q in %d places", w, n)
		}
	}
}

func TestSearchShowsWhatItsReaderMaySee(t *testing.T) {
	s := servertest.Start(t)
	alice, bob, eve := s.Register(t, "alice"), s.Register(t, "bob"), s.Register(t, "eve")
	room := alice.CreateRoom(object{"preset": "public_chat", "initial_state": []object{
		{"type": "m.room.history_visibility", "state_key": "", "content": object{"history_visibility": "joined"}}}})
	before := alice.SendText(room, "projet secret un")
	bob.Join(room)
	during := alice.SendText(room, "projet ouvert deux")
	bob.Must("POST", roomPath(room)+"/leave", object{}, nil)
	after := alice.SendText(room, "projet secret trois")
	indexed(t, s)
	same(t, "alice", find(alice, "projet", "", recent()).ids(), []string{after, during, before})
	for _, options := range []object{nil, recent(), {"filter": object{"rooms": []string{room}}}, {"groupings": object{"group_by": []object{{"key": "sender"}}}}} {
		got := find(bob, "projet", "", options)
		same(t, "bob", got.ids(), []string{during})
		if got.Count != 1 || got.Next != "" {
			t.Errorf("bob is told of what he may not see: %+v", got)
		}
		if got = find(bob, "secret", "", options); got.Count != 0 || len(got.Results) != 0 || got.Next != "" {
			t.Errorf("bob is told of what he may not see: %+v", got)
		}
		if got = find(eve, "projet", "", options); got.Count != 0 || len(got.Results) != 0 {
			t.Errorf("a stranger finds %+v", got)
		}
	}
	// The rank is the same whatever others wrote.
	rank := find(bob, "projet ouvert", "", nil).Results[0].Rank
	for range 5 {
		alice.SendText(room, "projet projet")
	}
	indexed(t, s)
	if now := find(bob, "projet ouvert", "", nil).Results[0].Rank; now != rank {
		t.Errorf("the rank tells of hidden events: %v, was %v", now, rank)
	}
	// An edit that bob may not see doesn't tell him its text.
	edit(alice, room, during, "projet remanié")
	indexed(t, s)
	same(t, "hidden edit", find(bob, "remanié", "", nil).ids(), nil)
	same(t, "alice's edit", find(alice, "remanié", "", nil).ids(), []string{during})
	// Who ignores alice doesn't hear her; who forgot the room doesn't find it.
	bob.Must("PUT", "/_matrix/client/v3/user/"+url.PathEscape(bob.UserID)+"/account_data/m.ignored_user_list",
		object{"ignored_users": object{alice.UserID: object{}}}, nil)
	bob.Join(room)
	mine := bob.SendText(room, "projet à moi")
	indexed(t, s)
	same(t, "ignoring", find(bob, "projet", "", nil).ids(), []string{mine})
	bob.Must("POST", roomPath(room)+"/leave", object{}, nil)
	bob.Must("POST", roomPath(room)+"/forget", object{}, nil)
	same(t, "forgotten", find(bob, "projet", "", nil).ids(), nil)
}

func TestSearchLeavesEncryptedRoomsOut(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	room := alice.CreateRoom(object{"name": "Finances"})
	alice.SendText(room, "compte rendu")
	indexed(t, s)
	if len(find(alice, "compte", "", nil).Results) != 1 {
		t.Error("a plain room is not searched")
	}
	alice.Must("PUT", roomPath(room)+"/state/m.room.encryption/", object{"algorithm": "m.megolm.v1.aes-sha2"}, nil)
	for _, term := range []string{"compte", "finances"} {
		if got := find(alice, term, "", nil); got.Count != 0 {
			t.Errorf("an encrypted room is searched: %+v", got)
		}
	}
}

func TestSearchFilters(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	one, two := alice.CreateRoom(object{"preset": "public_chat", "name": "Salon marché"}), alice.CreateRoom(object{})
	bob.Join(one)
	a := alice.SendText(one, "le marché")
	b := bob.Send(one, "m.room.message", object{"msgtype": "m.file", "body": "marché.pdf", "url": "mxc://x/y"})
	c := alice.SendText(two, "marchés publics")
	react(bob, one, a, "👍")
	indexed(t, s)
	for what, check := range map[string]struct {
		filter object
		want   []string
	}{
		"rooms":        {object{"rooms": []string{two, "!none:x"}}, []string{c}},
		"no rooms":     {object{"rooms": []string{}}, nil},
		"not_rooms":    {object{"not_rooms": []string{one}}, []string{c}},
		"senders":      {object{"senders": []string{bob.UserID, "@none:x"}}, []string{b}},
		"not_senders":  {object{"not_senders": []string{bob.UserID}, "types": []string{"m.room.message"}}, []string{c, a}},
		"types":        {object{"types": []string{"m.room.mess*"}}, []string{c, b, a}},
		"not_types":    {object{"not_types": []string{"m.room.name"}}, []string{c, b, a}},
		"url":          {object{"contains_url": true}, []string{b}},
		"no url":       {object{"contains_url": false, "types": []string{"m.room.message"}}, []string{c, a}},
		"limit":        {object{"limit": 1}, []string{c}},
		"related":      {object{"related_by_senders": []string{bob.UserID}}, []string{a}},
		"related type": {object{"related_by_rel_types": []string{"m.thread"}}, nil},
	} {
		same(t, what, find(alice, "marché", "", object{"order_by": "recent", "filter": check.filter}).ids(), check.want)
	}
}

func TestSearchFindsWhatAnUpgradeLeftBehind(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	old := alice.CreateRoom(object{})
	said := alice.SendText(old, "vieille histoire")
	var upgraded struct {
		Room string `json:"replacement_room"`
	}
	alice.Must("POST", roomPath(old)+"/upgrade", object{"new_version": "12"}, &upgraded)
	now := alice.SendText(upgraded.Room, "histoire nouvelle")
	indexed(t, s)
	same(t, "by the new room", find(alice, "histoire", "", object{"order_by": "recent", "filter": object{"rooms": []string{upgraded.Room}}}).ids(),
		[]string{now, said})
	same(t, "by the old room", find(alice, "histoire", "", object{"filter": object{"rooms": []string{old}}}).ids(), []string{said})
	same(t, "without the old room", find(alice, "histoire", "", object{"filter": object{"rooms": []string{upgraded.Room}, "not_rooms": []string{old}}}).ids(),
		[]string{now})
}

func TestSearchShowsContextAndState(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	alice.Must("PUT", "/_matrix/client/v3/profile/"+url.PathEscape(alice.UserID)+"/displayname", object{"displayname": "Alice la maire"}, nil)
	room := alice.CreateRoom(object{"name": "Conseil"})
	var sent []string
	for i := range 9 {
		body := fmt.Sprint("point ", i)
		if i == 4 {
			body = "le vote"
		}
		sent = append(sent, alice.SendText(room, body))
	}
	reply(alice, room, sent[3], "dans le fil")
	indexed(t, s)
	alice.Must("PUT", "/_matrix/client/v3/profile/"+url.PathEscape(alice.UserID)+"/displayname", object{"displayname": "Alice"}, nil)
	if got := find(alice, "vote", "", nil); got.Results[0].Context != nil || got.State != nil {
		t.Errorf("nobody asked for %+v", got)
	}
	got := find(alice, "vote", "", object{"include_state": true, "event_context": object{"before_limit": 2, "after_limit": 3, "include_profile": true}})
	c := got.Results[0].Context
	same(t, "before", ids(c.Before), []string{sent[3], sent[2]})
	same(t, "after", ids(c.After), sent[5:8])
	if c.Profiles[alice.UserID].Name != "Alice la maire" {
		t.Errorf("profiles %+v", c.Profiles)
	}
	if c.Before[0].Unsigned.Relations == nil || c.Before[0].Unsigned.Relations.Thread == nil {
		t.Error("the context has no aggregations")
	}
	var page struct{ Chunk []bundled }
	alice.Must("GET", roomPath(room)+"/messages?dir=b&limit=1&from="+url.QueryEscape(c.Start), nil, &page)
	same(t, "start", ids(page.Chunk), []string{sent[1]})
	alice.Must("GET", roomPath(room)+"/messages?dir=f&limit=1&from="+url.QueryEscape(c.End), nil, &page)
	same(t, "end", ids(page.Chunk), []string{sent[8]})
	if len(got.State[room]) < 5 {
		t.Errorf("state %+v", got.State)
	}
	all := find(alice, "vote", "", object{"event_context": object{}}).Results[0].Context
	if len(all.Before) != 5 || len(all.After) != 5 {
		t.Errorf("%d before, %d after", len(all.Before), len(all.After))
	}
	alice.MustFail(400, "M_INVALID_PARAM", "POST", searchPath, searchBody("vote", object{"event_context": object{"before_limit": -1}}))
}

// A full page has a token also where nothing follows, as clients know it of Synapse ("if this field is absent, there are no more results" says no more than
// that); a page that is not full, or empty, has none.
func TestSearchAfterAFullPage(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	room := alice.CreateRoom(object{})
	first, second := alice.SendText(room, "marché de Noël"), alice.SendText(room, "marché couvert")
	indexed(t, s)
	for _, order := range []string{"recent", "rank"} {
		full := find(alice, "marche", "", object{"order_by": order, "filter": object{"limit": 2}})
		if ids := full.ids(); full.Next == "" || full.Count != 2 || len(ids) != 2 || !slices.Contains(ids, first) || !slices.Contains(ids, second) {
			t.Errorf("%s: %+v", order, full)
		}
		if after := find(alice, "marche", full.Next, object{"order_by": order, "filter": object{"limit": 2}}); after.Next != "" || after.Count != 2 || len(after.Results) != 0 {
			t.Errorf("%s: %+v", order, after)
		}
		if part := find(alice, "marche", "", object{"order_by": order, "filter": object{"limit": 3}}); part.Next != "" || len(part.Results) != 2 {
			t.Errorf("%s: %+v", order, part)
		}
	}
}

func TestSearchPagesAndGroups(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	one, two := alice.CreateRoom(object{"preset": "public_chat"}), alice.CreateRoom(object{"preset": "public_chat"})
	bob.Join(one)
	var want []string // the latest first
	var inOne []string
	for i := range 12 {
		u, room := alice, one
		if i%3 == 0 {
			u = bob
		} else if i%3 == 1 {
			room = two
		}
		id := u.SendText(room, fmt.Sprint("tournoi de pétanque ", strings.Repeat("x ", i%4)))
		want = slices.Insert(want, 0, id)
		if room == one {
			inOne = slices.Insert(inOne, 0, id)
		}
	}
	indexed(t, s)
	for _, order := range []string{"recent", "rank"} {
		options := object{"order_by": order, "filter": object{"limit": 5}, "groupings": object{"group_by": []object{{"key": "room_id"}, {"key": "sender"}}}}
		var got, grouped []string
		page := find(alice, "pétanque", "", options)
		first := page
		for n := 0; ; n++ {
			if page.Count != 12 || n > 5 {
				t.Fatalf("%s: count %d, page %d", order, page.Count, n)
			}
			got = append(got, page.ids()...)
			if page.Next == "" {
				break
			}
			late := alice.SendText(one, "pétanque en retard")
			indexed(t, s)
			page = find(alice, "pétanque", page.Next, options)
			redact(alice, one, late) // what comes and goes meanwhile moves nothing
			indexed(t, s)
		}
		if order == "recent" {
			same(t, "pages", got, want)
		} else if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
			t.Errorf("pages by rank: %v", got)
		}
		group := first.Groups["room_id"][one]
		if len(first.Groups["room_id"]) != 2 || len(first.Groups["sender"]) != 2 || group.Order == 0 {
			t.Errorf("groups %+v", first.Groups)
		}
		for grouped = group.Results; group.Next != ""; grouped = append(grouped, group.Results...) {
			page := find(alice, "pétanque", group.Next, options)
			if len(page.Groups["room_id"]) > 1 || len(grouped) > 20 {
				t.Fatalf("a page of one group has %+v", page.Groups)
			}
			group = page.Groups["room_id"][one]
		}
		if order == "recent" {
			same(t, "group", grouped, inOne)
		} else if len(grouped) != len(inOne) {
			t.Errorf("a group by rank: %v", grouped)
		}
	}
}

func TestSearchRefuses(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	refuse := func(errcode string, body any) {
		t.Helper()
		alice.MustFail(400, errcode, "POST", searchPath, body)
	}
	refuse("M_MISSING_PARAM", object{})
	refuse("M_MISSING_PARAM", searchBody("", object{"search_term": nil}))
	refuse("M_BAD_JSON", searchBody("", object{"search_term": 1}))
	refuse("M_INVALID_PARAM", searchBody("x", object{"keys": []string{"content.secret"}}))
	refuse("M_INVALID_PARAM", searchBody("x", object{"order_by": "size"}))
	refuse("M_INVALID_PARAM", searchBody("x", object{"groupings": object{"group_by": []object{{"key": "type"}}}}))
	refuse("M_BAD_JSON", searchBody("x", object{"filter": object{"rooms": []string{"x"}}}))
	for _, token := range []string{"x", "q1", "q1.1.2.3.4.5..", "q1.-1.0.0.0.0..0", "q1.1.0.0.0.0.type.1", "q1.9999999999999999999.0.0.0.0..0"} {
		alice.MustFail(400, "M_INVALID_PARAM", "POST", searchPath+"?next_batch="+token, searchBody("x", nil))
	}
	var none struct {
		Categories map[string]any `json:"search_categories"`
	}
	alice.Must("POST", searchPath, object{"search_categories": object{}}, &none)
	if len(none.Categories) != 0 {
		t.Errorf("nothing was asked: %+v", none)
	}
}

// An index that is gone is made anew, also by the next start.
func TestSearchIndexIsMadeAnew(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	room := alice.CreateRoom(object{})
	for i := range 40 {
		alice.SendText(room, fmt.Sprintf("message numéro %d", i))
	}
	indexed(t, s)
	if err := s.DB().Write(t.Context(), func(tx *store.Tx) error { return tx.ClearIndex() }); err != nil {
		t.Fatal(err)
	}
	if got := find(alice, "message", "", nil); got.Count != 0 {
		t.Errorf("an empty index finds %d", got.Count)
	}
	s.Restart()
	indexed(t, s)
	if got := find(alice, "message numéro", "", object{"filter": object{"limit": 30}}); got.Count != 40 || len(got.Results) != 30 {
		t.Errorf("%d found", got.Count)
	}
}

func TestSearchForgetsPurgedRooms(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	kept, room := alice.CreateRoom(object{}), alice.CreateRoom(object{"name": "Passage éphémère"})
	alice.SendText(kept, "reste durable")
	said := alice.SendText(room, "fugitif")
	edit(alice, room, said, "fugace")
	indexed(t, s)
	alice.Must("POST", roomPath(room)+"/leave", object{}, nil)
	alice.Must("POST", roomPath(room)+"/forget", object{}, nil)
	purge(t, s.DB(), room)
	gone(t, s, "fugac", "ephemer", "passag")
	if len(find(alice, "durable", "", nil).Results) != 1 {
		t.Error("another room's words are gone too")
	}
}

// The index is in no backup, since it is made anew, and the scrub reads it like everything else.
func TestSearchComesBackAfterARestore(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	room := alice.CreateRoom(object{"name": "Cimetière"})
	for i := range 30 {
		said := alice.SendText(room, fmt.Sprint("concession ", i))
		if i%3 == 0 {
			edit(alice, room, said, fmt.Sprint("concession perpétuelle ", i))
		}
		if i%7 == 0 {
			redact(alice, room, said)
		}
	}
	indexed(t, s)
	report, err := scrub.Run(t.Context(), scrub.Config{DataDir: s.DataDir()})
	if err != nil || len(report.Findings) > 0 {
		t.Errorf("the scrub found %+v, %v", report.Findings, err)
	}
	want := find(alice, "concession", "", recent())
	if want.Count != 25 {
		t.Fatalf("%d found", want.Count)
	}
	restored := copyOf(t, filepath.Join(s.DataDir(), store.FileName))
	got := func() (n int) {
		t.Helper()
		err := restored.Read(t.Context(), func(r *store.Reader) error {
			hits, err := r.Hits(`body : "concession"`, []store.RoomRef{1}, 0, 1<<60, 100)
			n = len(hits)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := got(); n != 0 {
		t.Errorf("the backup held %d entries of the index", n)
	}
	if err := search.New(restored, zerolog.Nop()).CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := got(); n != 25 {
		t.Errorf("%d found after the restore", n)
	}
}

// copyOf is a database as a restored backup has it.
func copyOf(t *testing.T, path string) *store.DB {
	t.Helper()
	ctx := t.Context()
	fail := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	from, err := snapshot.Open(ctx, path)
	fail(err)
	defer func() { fail(from.Close()) }()
	to := filepath.Join(t.TempDir(), store.FileName)
	f, err := snapshot.Create(ctx, to, store.SchemaVersion())
	fail(err)
	for _, table := range from.Tables() {
		if store.Derived(table.Name) {
			t.Errorf("the backup holds %s", table.Name)
		}
		fail(f.Table(ctx, table.Name, table.Columns))
		fail(from.Rows(ctx, table, func(row []any) error { return f.Row(ctx, row) }))
	}
	fail(f.Finish(ctx))
	fail(f.Close())
	db, err := store.Open(ctx, to, zerolog.Nop())
	fail(err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}
