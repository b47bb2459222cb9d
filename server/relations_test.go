package server_test

import (
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"

	"beffroi/server/servertest"
)

// bundled is an event with what is aggregated of those that relate to it.
type bundled struct {
	ID       string `json:"event_id"`
	Sender   string
	Content  object
	Unsigned struct {
		Relations *struct {
			Replace   *bundled `json:"m.replace"`
			Reference *struct {
				Chunk []struct {
					EventID string `json:"event_id"`
				}
			} `json:"m.reference"`
			Thread *struct {
				Latest       bundled `json:"latest_event"`
				Count        int
				Participated bool `json:"current_user_participated"`
			} `json:"m.thread"`
		} `json:"m.relations"`
	}
}

type relating struct {
	Chunk      []bundled
	Next, Prev string
	NextBatch  string `json:"next_batch"`
	PrevBatch  string `json:"prev_batch"`
	Depth      *int   `json:"recursion_depth"`
}

func relationsPath(room, event, rest string) string {
	return "/_matrix/client/v1/rooms/" + url.PathEscape(room) + "/relations/" + url.PathEscape(event) + rest
}

func threadsPath(room, query string) string {
	return "/_matrix/client/v1/rooms/" + url.PathEscape(room) + "/threads" + query
}

func relatesTo(event, relType string, more object) object {
	relates := object{"rel_type": relType, "event_id": event}
	for k, v := range more {
		relates[k] = v
	}
	return relates
}

func reply(u *servertest.User, room, root, body string) string {
	return u.Send(room, "m.room.message", object{"msgtype": "m.text", "body": body, "m.relates_to": relatesTo(root, "m.thread", nil)})
}

func edit(u *servertest.User, room, event, body string) string {
	return u.Send(room, "m.room.message", object{"msgtype": "m.text", "body": "* " + body, "m.relates_to": relatesTo(event, "m.replace", nil),
		"m.new_content": object{"msgtype": "m.text", "body": body}})
}

func react(u *servertest.User, room, event, key string) string {
	return u.Send(room, "m.reaction", object{"m.relates_to": relatesTo(event, "m.annotation", object{"key": key})})
}

func refer(u *servertest.User, room, event string) string {
	return u.Send(room, "org.example.vote", object{"m.relates_to": relatesTo(event, "m.reference", nil)})
}

func redact(u *servertest.User, room, event string) {
	u.Must("PUT", roomPath(room)+"/redact/"+url.PathEscape(event)+"/r"+url.PathEscape(event), object{}, nil)
}

func ids(events []bundled) (out []string) {
	for _, e := range events {
		out = append(out, e.ID)
	}
	return out
}

func same[T comparable](t *testing.T, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// everywhere reads an event from each place that shows aggregations.
func everywhere(t *testing.T, u *servertest.User, room, event string) map[string]bundled {
	t.Helper()
	found := map[string]bundled{}
	look := func(where string, events ...bundled) {
		for _, e := range events {
			if e.ID == event {
				found[where] = e
			}
		}
	}
	var one bundled
	u.Must("GET", roomPath(room)+"/event/"+url.PathEscape(event), nil, &one)
	look("event", one)
	var page struct{ Chunk []bundled }
	u.Must("GET", roomPath(room)+"/messages?dir=b&limit=100", nil, &page)
	look("messages", page.Chunk...)
	var around struct {
		Event  bundled
		Before []bundled `json:"events_before"`
		After  []bundled `json:"events_after"`
	}
	u.Must("GET", roomPath(room)+"/context/"+url.PathEscape(event)+"?limit=4", nil, &around)
	look("context", around.Event)
	var sync struct {
		Rooms struct {
			Join map[string]struct{ Timeline struct{ Events []bundled } }
		}
	}
	u.Must("GET", clientV3+"/sync?filter="+url.QueryEscape(`{"room":{"timeline":{"limit":15}}}`), nil, &sync)
	look("sync", sync.Rooms.Join[room].Timeline.Events...)
	if len(found) != 4 {
		t.Fatalf("%s is found in %d places", event, len(found))
	}
	return found
}

func TestAggregationsAreBundledWhereverTheEventIsShown(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	room := alice.CreateRoom(object{"preset": "public_chat"})
	bob.Join(room)
	for i := range 10 {
		alice.SendText(room, fmt.Sprint("before ", i))
	}
	root := alice.SendText(room, "roof")
	edit(alice, room, root, "roofs")
	for begun := time.Now().UnixMilli(); time.Now().UnixMilli() == begun; { // of one millisecond the id decides
	}
	last := edit(alice, room, root, "root")
	edit(bob, room, root, "not mine to edit")
	votes := []string{refer(bob, room, root), refer(alice, room, root)}
	reply(bob, room, root, "one")
	latest := reply(bob, room, root, "too")
	fixed := edit(bob, room, latest, "two")
	react(bob, room, root, "👍")
	for where, e := range everywhere(t, bob, room, root) {
		r := e.Unsigned.Relations
		if r == nil || r.Replace == nil || r.Reference == nil || r.Thread == nil {
			t.Errorf("%s: %+v", where, r)
			continue
		}
		if r.Replace.ID != last || r.Replace.Content["body"] != "* root" || e.Content["body"] != "roof" {
			t.Errorf("%s: replaced by %+v", where, r.Replace)
		}
		if len(r.Reference.Chunk) != 2 || r.Reference.Chunk[0].EventID != votes[0] || r.Reference.Chunk[1].EventID != votes[1] {
			t.Errorf("%s: referred to by %+v", where, r.Reference)
		}
		if r.Thread.Latest.ID != latest || r.Thread.Count != 2 || !r.Thread.Participated {
			t.Errorf("%s: thread %+v", where, r.Thread)
		}
		if in := r.Thread.Latest.Unsigned.Relations; in == nil || in.Replace == nil || in.Replace.ID != fixed {
			t.Errorf("%s: the last message of the thread has %+v", where, in)
		}
	}
}

func TestRedactionsEndRelations(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	room := alice.CreateRoom(object{})
	root := alice.SendText(room, "root")
	first, second := edit(alice, room, root, "one"), edit(alice, room, root, "two")
	vote := refer(alice, room, root)
	one, two := reply(alice, room, root, "one"), reply(alice, room, root, "two")
	at := func() bundled {
		var e bundled
		alice.Must("GET", roomPath(room)+"/event/"+url.PathEscape(root), nil, &e)
		return e
	}
	redact(alice, room, second)
	redact(alice, room, two)
	if r := at().Unsigned.Relations; r.Replace.ID != first || r.Thread.Count != 1 || r.Thread.Latest.ID != one || r.Reference.Chunk[0].EventID != vote {
		t.Errorf("%+v", r)
	}
	var list relating
	alice.Must("GET", relationsPath(room, root, ""), nil, &list)
	same(t, "what is left", ids(list.Chunk), []string{one, vote, first})
	redact(alice, room, root)
	if r := at().Unsigned.Relations; r.Replace != nil || r.Thread.Count != 1 || len(r.Reference.Chunk) != 1 {
		t.Errorf("of the redacted event: %+v", r)
	}
	for _, id := range []string{first, one, vote} {
		redact(alice, room, id)
	}
	if r := at().Unsigned.Relations; r != nil {
		t.Errorf("nothing relates to it, but %+v", r)
	}
	var threads relating
	alice.Must("GET", threadsPath(room, ""), nil, &threads)
	same(t, "threads", ids(threads.Chunk), nil)
}

func TestRelationsAreListed(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	room := alice.CreateRoom(object{"preset": "public_chat"})
	root := alice.SendText(room, "root")
	var all []string
	for i := range 3 {
		all = append(all, reply(alice, room, root, fmt.Sprint(i)))
	}
	thumb := react(alice, room, root, "👍")
	deep := react(alice, room, all[0], "👍")
	vote := refer(alice, room, deep)
	list := func(rest string) (r relating) {
		t.Helper()
		alice.Must("GET", relationsPath(room, root, rest), nil, &r)
		return r
	}
	same(t, "all", ids(list("").Chunk), []string{thumb, all[2], all[1], all[0]})
	same(t, "forward", ids(list("?dir=f").Chunk), []string{all[0], all[1], all[2], thumb})
	same(t, "of a type", ids(list("/m.thread").Chunk), []string{all[2], all[1], all[0]})
	same(t, "of an event type", ids(list("/m.annotation/m.reaction").Chunk), []string{thumb})
	same(t, "of none", ids(list("/m.annotation/m.room.message").Chunk), nil)
	same(t, "of an unknown type", ids(list("/org.example.unknown").Chunk), nil)
	same(t, "of an unknown event type", ids(list("/m.thread/org.example.unknown").Chunk), nil)
	same(t, "with theirs", ids(list("?recurse=true").Chunk), []string{vote, deep, thumb, all[2], all[1], all[0]})
	same(t, "with theirs, forward", ids(list("?recurse=true&dir=f&limit=4").Chunk), []string{all[0], all[1], all[2], thumb})
	same(t, "with theirs, of a type", ids(list("/m.annotation?recurse=true").Chunk), []string{thumb})
	if d := list("").Depth; d != nil {
		t.Error("a depth that nobody asked for:", *d)
	}
	if d := list("?recurse=true").Depth; d == nil || *d != 3 {
		t.Error("depth", d)
	}
	if d := list("?recurse=false").Depth; d == nil || *d != 0 {
		t.Error("depth", d)
	}
	pages := func(query string) (seen [][]string) {
		for page := list(query); ; {
			seen = append(seen, ids(page.Chunk))
			if page.NextBatch == "" {
				return seen
			}
			from := page.NextBatch
			page = list(query + "&from=" + url.QueryEscape(from))
			if page.PrevBatch != from {
				t.Errorf("the page before begins at %q, want %q", page.PrevBatch, from)
			}
		}
	}
	same(t, "pages", pageText(pages("?limit=2")), pageText([][]string{{thumb, all[2]}, {all[1], all[0]}}))
	same(t, "pages forward", pageText(pages("?limit=3&dir=f")), pageText([][]string{{all[0], all[1], all[2]}, {thumb}}))
	same(t, "pages with theirs", pageText(pages("?limit=4&recurse=true")), pageText([][]string{{vote, deep, thumb, all[2]}, {all[1], all[0]}}))
	half := list("?limit=2").NextBatch
	same(t, "up to a place", ids(list("?to="+url.QueryEscape(half)).Chunk), []string{thumb, all[2]})
	same(t, "back from a place", ids(list("?dir=f&from="+url.QueryEscape(half)).Chunk), []string{all[2], thumb})
	since := alice.Sync("", "").NextBatch
	more := reply(alice, room, root, "more")
	same(t, "from a token of /sync", ids(list("?limit=1&from="+url.QueryEscape(since)).Chunk), []string{thumb})
	same(t, "up to a token of /sync", ids(list("?to="+url.QueryEscape(since)).Chunk), []string{more})

	alice.MustFail(404, "M_NOT_FOUND", "GET", relationsPath(room, "$nothing", ""), nil)
	bob.MustFail(404, "M_NOT_FOUND", "GET", relationsPath("!elsewhere:x", root, ""), nil)
	other := alice.CreateRoom(object{})
	alice.MustFail(404, "M_NOT_FOUND", "GET", relationsPath(other, root, ""), nil)
	for _, query := range []string{"?dir=x", "?limit=x", "?limit=-1", "?from=x", "?to=x", "?recurse=x"} {
		alice.MustFail(400, "M_INVALID_PARAM", "GET", relationsPath(room, root, query), nil)
	}
	private := alice.CreateRoom(object{"preset": "private_chat"})
	secret := alice.SendText(private, "secret")
	bob.MustFail(404, "M_NOT_FOUND", "GET", relationsPath(private, secret, ""), nil)
	bob.MustFail(403, "M_FORBIDDEN", "GET", threadsPath(private, ""), nil)
}

func pageText(pages [][]string) (out []string) {
	for _, p := range pages {
		out = append(out, fmt.Sprint(p))
	}
	return out
}

func TestThreadsAreListedByTheirLatestMessage(t *testing.T) {
	s := servertest.Start(t)
	alice, bob, carol := s.Register(t, "alice"), s.Register(t, "bob"), s.Register(t, "carol")
	room := alice.CreateRoom(object{"preset": "public_chat"})
	bob.Join(room)
	carol.Join(room)
	var roots []string
	for i := range 4 {
		roots = append(roots, alice.SendText(room, fmt.Sprint("root ", i)))
	}
	reply(bob, room, roots[2], "a")
	reply(alice, room, roots[0], "b")
	reply(bob, room, roots[1], "c")
	reply(alice, room, roots[2], "d")
	react(bob, room, roots[0], "👍") // no message of the thread
	list := func(u *servertest.User, query string) (r relating) {
		t.Helper()
		u.Must("GET", threadsPath(room, query), nil, &r)
		return r
	}
	same(t, "all", ids(list(carol, "").Chunk), []string{roots[2], roots[1], roots[0]})
	same(t, "alice's", ids(list(alice, "?include=participated").Chunk), []string{roots[2], roots[1], roots[0]})
	same(t, "bob's", ids(list(bob, "?include=participated").Chunk), []string{roots[2], roots[1]})
	same(t, "carol's", ids(list(carol, "?include=participated").Chunk), nil)
	first := list(carol, "?include=all&limit=2")
	same(t, "first page", ids(first.Chunk), []string{roots[2], roots[1]})
	second := list(carol, "?limit=2&from="+url.QueryEscape(first.NextBatch))
	same(t, "second page", ids(second.Chunk), []string{roots[0]})
	if second.NextBatch != "" {
		t.Error("a third page is promised")
	}
	if th := first.Chunk[0].Unsigned.Relations.Thread; th.Count != 2 || th.Participated || th.Latest.Content["body"] != "d" {
		t.Errorf("%+v", th)
	}
	ignore := object{"ignored_users": object{alice.UserID: object{}}}
	carol.Must("PUT", clientV3+"/user/"+url.PathEscape(carol.UserID)+"/account_data/m.ignored_user_list", ignore, nil)
	left := list(carol, "")
	same(t, "without alice's messages", ids(left.Chunk), []string{roots[1], roots[2]})
	if e := left.Chunk[0]; len(e.Content) != 0 || e.Unsigned.Relations.Thread.Count != 1 {
		t.Errorf("a root by somebody ignored is shown as %+v", e)
	}
	for _, query := range []string{"?include=x", "?limit=0", "?limit=x", "?from=x"} {
		alice.MustFail(400, "M_INVALID_PARAM", "GET", threadsPath(room, query), nil)
	}
}

func TestWhatMayNotRelate(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	room := alice.CreateRoom(object{"preset": "public_chat"})
	root := alice.SendText(room, "root")
	inThread := reply(alice, room, root, "one")
	send := func(eventType, txn string, relates object) string {
		return roomPath(room) + "/send/" + eventType + "/" + txn
	}
	nested := object{"msgtype": "m.text", "body": "x", "m.relates_to": relatesTo(inThread, "m.thread", nil)}
	alice.MustFail(400, "M_UNKNOWN", "PUT", send("m.room.message", "nested", nil), nested)
	alice.MustFail(400, "M_UNKNOWN", "PUT", send("m.room.message", "nested2", nil),
		[]byte(`{"msgtype":"m.text","body":"x","m.\u0072elates_to":{"rel_type":"m.thread","event_id":"`+inThread+`"}}`))
	bob.MustFail(403, "M_FORBIDDEN", "PUT", send("m.room.message", "nested", nil), nested)
	bob.Join(room)

	thumb := react(alice, room, root, "👍")
	again := object{"m.relates_to": relatesTo(root, "m.annotation", object{"key": "👍"})}
	alice.MustFail(400, "M_DUPLICATE_ANNOTATION", "PUT", send("m.reaction", "again", nil), again)
	react(alice, room, root, "👎")
	react(bob, room, root, "👍")
	alice.Send(room, "org.example.reaction", again)
	redact(alice, room, thumb)
	second := react(alice, room, root, "👍")
	path := send("m.reaction", "retry", nil)
	heart := object{"m.relates_to": relatesTo(root, "m.annotation", object{"key": "❤"})}
	var one, two struct {
		EventID string `json:"event_id"`
	}
	alice.Must("PUT", path, heart, &one)
	alice.Must("PUT", path, heart, &two)
	if one != two || one.EventID == second {
		t.Error("a retry is another event")
	}
	// What relates to nothing that is here, or to an event of another room, is a message like any other.
	elsewhere := alice.SendText(alice.CreateRoom(object{}), "elsewhere")
	reply(alice, room, "$nothing", "x")
	reply(alice, room, elsewhere, "x")
	react(alice, room, elsewhere, "x")
	react(alice, room, elsewhere, "x")
	var threads relating
	alice.Must("GET", threadsPath(room, ""), nil, &threads)
	same(t, "threads", ids(threads.Chunk), []string{root})
}

// Of two equal annotations that are sent at the same time one is refused.
func TestOneOfManyEqualAnnotationsIsTaken(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	room := alice.CreateRoom(object{})
	root := alice.SendText(room, "root")
	results := make(chan int, 8)
	for i := range cap(results) {
		go func() {
			body := object{"m.relates_to": relatesTo(root, "m.annotation", object{"key": "👍"})}
			results <- alice.Do("PUT", roomPath(room)+fmt.Sprint("/send/m.reaction/", i), body, nil)
		}()
	}
	taken := 0
	for range cap(results) {
		if status := <-results; status == 200 {
			taken++
		} else if status != 400 {
			t.Error("status", status)
		}
	}
	if taken != 1 {
		t.Errorf("%d were taken", taken)
	}
}

// Who does not see all of a room learns nothing by aggregations of what is hidden.
func TestAggregationsHoldOnlyWhatTheirReaderSees(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	room := alice.CreateRoom(object{"preset": "public_chat"})
	bob.Join(room)
	root, later := alice.SendText(room, "root"), alice.SendText(room, "later")
	seen := reply(alice, room, root, "one")
	bob.Must("POST", roomPath(room)+"/leave", object{}, nil)
	reply(alice, room, root, "two")
	reply(alice, room, later, "three")
	refer(alice, room, root)
	edit(alice, room, root, "hidden")
	var e bundled
	bob.Must("GET", roomPath(room)+"/event/"+url.PathEscape(root), nil, &e)
	if r := e.Unsigned.Relations; r == nil || r.Replace != nil || r.Reference != nil || r.Thread.Count != 1 || r.Thread.Latest.ID != seen {
		t.Errorf("%+v", r)
	}
	var list relating
	bob.Must("GET", relationsPath(room, root, ""), nil, &list)
	same(t, "relations", ids(list.Chunk), []string{seen})
	bob.Must("GET", threadsPath(room, ""), nil, &list)
	same(t, "threads", ids(list.Chunk), []string{root})
	alice.Must("GET", threadsPath(room, ""), nil, &list)
	same(t, "all threads", ids(list.Chunk), []string{later, root})
}

// The filters of MSC3440: events to which certain others relate.
func TestEventsAreFilteredByWhatRelatesToThem(t *testing.T) {
	s := servertest.Start(t)
	alice, bob := s.Register(t, "alice"), s.Register(t, "bob")
	room := alice.CreateRoom(object{"preset": "public_chat"})
	bob.Join(room)
	one, two, three := alice.SendText(room, "one"), alice.SendText(room, "two"), alice.SendText(room, "three")
	reply(alice, room, one, "x")
	reply(bob, room, two, "x")
	gone := reply(bob, room, three, "x")
	react(bob, room, three, "👍")
	redact(bob, room, gone)
	for filter, want := range map[string][]string{
		`{"related_by_rel_types":["m.thread"]}`:                                                       {one, two},
		`{"related_by_senders":["` + bob.UserID + `"]}`:                                               {two, three},
		`{"related_by_rel_types":["m.thread"],"related_by_senders":["` + bob.UserID + `"]}`:           {two},
		`{"related_by_rel_types":["m.thread","m.annotation"],"senders":["` + alice.UserID + `"]}`:     {one, two, three},
		`{"related_by_rel_types":["m.thread","m.annotation"],"not_senders":["` + alice.UserID + `"]}`: nil,
		`{"related_by_rel_types":[]}`:                                                                 nil,
		`{"related_by_senders":["@nobody:x"]}`:                                                        nil,
		`{"related_by_rel_types":["org.example.unknown"]}`:                                            nil,
	} {
		var page struct{ Chunk []bundled }
		alice.Must("GET", roomPath(room)+"/messages?dir=f&limit=100&filter="+url.QueryEscape(filter), nil, &page)
		same(t, "messages, "+filter, ids(page.Chunk), want)
		var sync struct {
			Rooms struct {
				Join map[string]struct{ Timeline struct{ Events []bundled } }
			}
		}
		alice.Must("GET", clientV3+"/sync?filter="+url.QueryEscape(`{"room":{"timeline":`+filter+`}}`), nil, &sync)
		same(t, "sync, "+filter, ids(sync.Rooms.Join[room].Timeline.Events), want)
	}
	alice.MustFail(400, "M_BAD_JSON", "GET", roomPath(room)+"/messages?dir=f&filter="+url.QueryEscape(`{"related_by_senders":["bob"]}`), nil)
	bob.Must("POST", roomPath(room)+"/leave", object{}, nil)
	reply(alice, room, three, "x") // which bob does not see
	var page struct{ Chunk []bundled }
	bob.Must("GET", roomPath(room)+"/messages?dir=f&limit=100&filter="+url.QueryEscape(`{"related_by_rel_types":["m.thread"]}`), nil, &page)
	same(t, "for who has left", ids(page.Chunk), []string{one, two})
}
