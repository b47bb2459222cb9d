//go:build interop

package federation

import (
	"bytes"
	"fmt"
	"image/color"
	"image/png"
	"net/url"
	"slices"

	goimage "image"

	"beffroi/server/servertest"
)

// image is a PNG file.
func image() []byte {
	img := goimage.NewRGBA(goimage.Rect(0, 0, 100, 100))
	for i := range 100 {
		img.Set(i, i, color.White)
	}
	var b bytes.Buffer
	_ = png.Encode(&b, img) // a Buffer takes all
	return b.Bytes()
}

// A shown event is one that a server shows of a room's history.
type shown struct {
	EventID string `json:"event_id"`
	Type    string
	Content struct{ Body string }
}

// timeline is a room's history as a user's server shows it, from the last to the first.
func timeline(u *servertest.User, room string) (events []shown) {
	from := ""
	for {
		var page struct {
			End   string
			Chunk []shown
		}
		u.Must("GET", at(room, "/messages?dir=b&limit=500"+from), nil, &page)
		events = append(events, page.Chunk...)
		if page.End == "" || len(page.Chunk) == 0 { // the rest may have to come from a server that can't be reached now
			return events
		}
		from = "&from=" + url.QueryEscape(page.End)
	}
}

// history is what was said in it.
func history(u *servertest.User, room string) (bodies []string) {
	for _, e := range timeline(u, room) {
		if e.Type == "m.room.message" {
			bodies = append(bodies, e.Content.Body)
		}
	}
	return bodies
}

// backfills has bob read what was said before he came.
func (s *scene) backfills() {
	room := s.alice.CreateRoom(object{"preset": "public_chat", "initial_state": []object{{"type": "m.room.history_visibility", "state_key": "", "content": object{"history_visibility": "shared"}}}})
	var want []string
	for i := range 500 {
		body := fmt.Sprint("message ", i)
		s.alice.SendText(room, body)
		want = append([]string{body}, want...)
	}
	join(s.bob, room, s.host)
	s.agree(room)
	var got []string
	until(s, "bob reads 500 messages", func() bool {
		got = history(s.bob, room)
		return len(got) >= len(want)
	})
	if !slices.Equal(got, want) {
		s.Errorf("bob reads %d messages, %q", len(got), got)
	}
}

// outage has the guest away for a while.
func (s *scene) outage() {
	room := s.shared(public("11"))
	a, b := newReader(s, s.alice), newReader(s, s.bob)
	b.is(room, "join")
	s.guest.Stop()
	var last string
	for i := range 60 { // more than a transaction takes
		last = s.alice.SendText(room, fmt.Sprint("absent ", i))
	}
	s.alice.Must("PUT", at(room, "/state/m.room.topic"), object{"topic": "Pendant l'absence"}, nil)
	s.guest.Start()
	b.sees(room, last)
	s.agree(room)
	a.sees(room, s.bob.SendText(room, "De retour"))
	until(s, "bob reads all of it", func() bool { return len(history(s.bob, room)) == 61 })
}

// partition has each server alone for a while, in a room that both write in and lead.
func (s *scene) partition() {
	room := s.shared(public("11"))
	levels := object{}
	s.alice.Must("GET", at(room, "/state/m.room.power_levels"), nil, &levels)
	levels["state_default"] = 0
	s.alice.Must("PUT", at(room, "/state/m.room.power_levels"), levels, nil)
	s.agree(room)
	for round := range 3 {
		s.host.relay.cut()
		s.guest.relay.cut()
		for i := range 20 {
			for _, u := range []*servertest.User{s.alice, s.bob} {
				u.SendText(room, fmt.Sprint(u.Localpart, " ", round, " ", i))
				u.Must("PUT", at(room, fmt.Sprint("/state/fr.beffroi.fork/", i%3)), object{"by": u.UserID, "n": i}, nil)
			}
		}
		s.host.relay.mend()
		s.guest.relay.mend()
		for _, u := range []*servertest.User{s.alice, s.bob} {
			u.SendText(room, fmt.Sprint(u.Localpart, " ", round, " est là"))
		}
		s.agree(room)
		all := (round + 1) * 42
		for _, u := range []*servertest.User{s.alice, s.bob} {
			until(s, fmt.Sprint(u.UserID, " reads ", all, " messages"), func() bool { return len(history(u, room)) == all })
		}
	}
	got := [2][]string{history(s.alice, room), history(s.bob, room)}
	for i := range got {
		slices.Sort(got[i])
	}
	if !slices.Equal(got[0], got[1]) || len(slices.Compact(slices.Clone(got[0]))) != len(got[0]) {
		s.Errorf("alice reads %q, bob %q", got[0], got[1])
	}
}
