package interop

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"beffroi/server/servertest"
)

// found is all that a search found, the latest first.
type found struct {
	Count      int
	Highlights []string
	Results    []struct {
		EventID       string `json:"event_id"`
		Before, After string
	}
}

func (f found) ids() []string {
	ids := []string{}
	for _, r := range f.Results {
		ids = append(ids, r.EventID)
	}
	return ids
}

// Both clients search a room that is not encrypted for words of French, whatever their accents, number and elision, and find the same.
func TestTwoClientsSearch(t *testing.T) {
	js, mx := javascript(t), mautrix(t)
	server := servertest.Start(t)
	for _, user := range []string{"alice", "bob"} {
		server.Register(t, user)
	}
	r := startRelay(t, server.URL)
	alice, bob := login(t, js, r, "alice"), login(t, mx, r, "bob")
	k := startPlain(t, alice, bob)
	school, schools := k.writes(alice, "L'École de musique rouvre lundi"), k.writes(bob, "les écoles ferment à 18 h")
	works, work := k.writes(alice, "travaux d’été rue de la Mairie"), k.writes(bob, "le travail avance à la mairie")
	wrong, secret := k.writes(alice, "la patinoire"), k.writes(bob, "école buissonnière")
	k.send(alice, "edit", k.args("event", wrong, "body", "la piscine de l’œuvre"))
	k.send(bob, "redact", k.args("event", secret))
	var agenda []string
	for i := range 25 {
		agenda = append([]string{k.writes(k.devices[i%2], fmt.Sprintf("point n° %d de l'ordre du jour", i))}, agenda...)
	}
	for term, expected := range map[string][]string{
		"ecole": {schools, school}, "ÉCOLES": {schools, school}, "l'école": {schools, school}, "travail": {work, works}, "travaux mairie": {work, works},
		"d'été": {works}, `"rue de la mairie"`: {works}, `"la mairie rue"`: {}, "buissonniere": {}, "patinoire": {}, "oeuvre": {wrong}, "piscines": {wrong},
		"l’ordre du jour": agenda, "absente": {},
	} {
		var all []found
		for _, d := range k.devices {
			var f found
			d.must("search", map[string]any{"body": term}, &f)
			all = append(all, f)
			if !slices.Equal(f.ids(), expected) || f.Count != len(expected) {
				t.Errorf("%s, %s: %d found, %+v, want %v", d.name, term, f.Count, f.Results, expected)
			}
		}
		if !reflect.DeepEqual(all[0], all[1]) {
			t.Errorf("%s: %s finds %+v, %s %+v", term, alice.name, all[0], bob.name, all[1])
		}
	}
	r.verify(t)
}

// startPlain has one create a room that is not encrypted, and the other join it.
func startPlain(t testing.TB, host, guest *device) *talk {
	t.Helper()
	var created struct {
		RoomID string `json:"room_id"`
	}
	host.must("createPlain", map[string]any{"name": "Annonces"}, &created)
	k := &talk{t: t, room: created.RoomID, devices: []*device{host, guest}}
	host.must("invite", k.args("user", guest.UserID), nil)
	guest.until(k.room, "the invitation", func(v view) bool { return v.Membership == "invite" })
	guest.must("join", k.args(), nil)
	for _, d := range k.devices {
		d.until(k.room, "both members", func(v view) bool {
			return v.Membership == "join" && !v.Encrypted && slices.Contains(v.Joined, host.UserID) && slices.Contains(v.Joined, guest.UserID)
		})
	}
	return k
}

// writes sends a message in a room that is not encrypted.
func (k *talk) writes(d *device, body string) string {
	k.t.Helper()
	return k.send(d, "send", k.args("body", body))
}
