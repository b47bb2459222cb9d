package directory

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// People is what a search in the user directory finds.
type People struct {
	Results []Person `json:"results"`
	Limited bool     `json:"limited"` // there are more
}

// Person is somebody as their own profile shows them, never as they are called in some room; users of other servers, whose profiles are there, as they are called in a room
// that who asks may look into.
type Person struct {
	UserID      string `json:"user_id"`
	DisplayName string `json:"display_name,omitempty"`
	AvatarURL   string `json:"avatar_url,omitempty"`
	user        store.Atom
	name, id    string // folded
}

const (
	maxPeople       = 100
	maxPeopleSearch = 255 // bytes: as long as a user id can be
	maxVisitors     = 20_000
)

// FindPeople finds accounts of this server, and who else is in rooms with the user or in open ones, other than who asks, whose display name or id has every word of a text: those that are called so, then those
// that begin so, then the rest; with a display name first. A text without words finds nobody.
//
// Spec: client-server API, "User Directory".
func (s *Service) FindPeople(ctx context.Context, u rooms.User, text string, limit int) (found People, err error) {
	if len(text) > maxPeopleSearch {
		return found, merr.InvalidParam("search_term has %d bytes at most", maxPeopleSearch)
	}
	search := strings.TrimSpace(fold(text))
	found.Results = []Person{}
	if search == "" {
		return found, nil
	}
	err = s.db.Read(ctx, func(r *store.Reader) error {
		found.Results, err = s.namedLike(r, u.Atom, search)
		return err
	})
	slices.SortStableFunc(found.Results, func(a, b Person) int {
		return cmp.Or(cmp.Compare(a.distance(search), b.distance(search)), cmp.Compare(a.anonymous(), b.anonymous()), strings.Compare(a.name, b.name))
	})
	limit = min(limit, maxPeople)
	if found.Limited = len(found.Results) > limit; found.Limited {
		found.Results = found.Results[:limit]
	}
	return found, err
}

// namedLike lists whom a user may find, by their ids.
func (s *Service) namedLike(r *store.Reader, user store.Atom, search string) ([]Person, error) {
	all, err := r.People()
	if err != nil {
		return nil, err
	}
	matching := matchingOf(all, user, search)
	rooms, err := roomsVisibleTo(r, user)
	if err != nil {
		return nil, err
	}
	if !s.everybody && len(matching) > 0 {
		visible, err := visibleIn(r, rooms)
		if err != nil {
			return nil, err
		}
		matching = slices.DeleteFunc(matching, func(p Person) bool { return !visible[p.user] })
	}
	if s.remote == nil {
		return matching, nil
	}
	visitors, err := r.Visitors(rooms, maxVisitors)
	return append(matching, matchingOf(visitors, user, search)...), err
}

// matchingOf takes those, but for who asks, whose name or id has every word.
func matchingOf(all []store.Person, user store.Atom, search string) []Person {
	matching, f := []Person{}, newFolder()
	for _, one := range all {
		if p := personOf(one, f); one.User != user && matches(p.name+"\n"+p.id, search) {
			matching = append(matching, p)
		}
	}
	return matching
}

// personOf reads a profile; what is no text there is left out.
func personOf(one store.Person, f *folder) Person {
	p := Person{UserID: one.ID, user: one.User, id: f.fold(one.ID)}
	_ = json.Unmarshal(one.DisplayName, &p.DisplayName)
	_ = json.Unmarshal(one.AvatarURL, &p.AvatarURL)
	p.name = f.fold(p.DisplayName)
	return p
}

// distance tells how far somebody is from what is searched, the nearest first.
func (p *Person) distance(search string) int {
	local, _, _ := strings.Cut(strings.TrimPrefix(p.id, "@"), ":")
	switch {
	case p.name == search, p.id == search, local == search:
		return 0
	case strings.HasPrefix(p.name, search), strings.HasPrefix(p.id, search), strings.HasPrefix(local, search):
		return 1
	case strings.Contains(p.name, " "+search):
		return 2
	}
	return 3
}

func (p *Person) anonymous() int {
	if p.DisplayName == "" {
		return 1
	}
	return 0
}

// roomsVisibleTo lists the rooms whose members the specification lets a user find at least: those that they are in, and those that anybody may join or read.
func roomsVisibleTo(r *store.Reader, user store.Atom) ([]store.RoomRef, error) {
	all, err := r.RoomsOf(user)
	if err != nil {
		return nil, err
	}
	rooms := []store.RoomRef{}
	for _, m := range all {
		if m.Membership == store.Join {
			rooms = append(rooms, m.Room)
		}
	}
	openness, err := r.OpennessOfRooms()
	for _, e := range openness {
		content := pdu.StoredObject(e.JSON).Object("content")
		rule, _ := content.Text("join_rule")
		visibility, _ := content.Text("history_visibility")
		if rule == "public" || visibility == "world_readable" {
			rooms = append(rooms, e.Room)
		}
	}
	slices.Sort(rooms)
	return slices.Compact(rooms), err
}

// visibleIn is who is joined to some of these rooms.
func visibleIn(r *store.Reader, rooms []store.RoomRef) (map[store.Atom]bool, error) {
	visible := map[store.Atom]bool{}
	for _, room := range rooms {
		joined, err := r.UsersWith(room, store.Join, -1)
		if err != nil {
			return nil, err
		}
		for _, u := range joined {
			visible[u] = true
		}
	}
	return visible, nil
}
