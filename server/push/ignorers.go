package push

import (
	"context"
	"maps"
	"sync"

	"beffroi/server/accounts"
	"beffroi/server/store"
)

// maxIgnored is how many ignored users of one user are looked at: messages of the others count as unread.
const maxIgnored = 1000

// ignorers are who ignores whom, by the ids of users. Nobody is told of messages of those whom they ignore.
//
// Spec: client-server API, "Ignoring Users".
type ignorers struct {
	reading sync.Mutex // held while lists are read, so that the last one read is the last one written

	mu    sync.Mutex
	read  bool                             // everybody's lists, once
	stale map[store.Atom]string            // whose lists changed since
	lists map[store.Atom][]string          // whom a user ignores
	of    map[string]map[string]store.Atom // who ignores a user
}

func newIgnorers() ignorers {
	return ignorers{stale: map[store.Atom]string{}, lists: map[store.Atom][]string{}, of: map[string]map[string]store.Atom{}}
}

// IgnoredChanged is called when a user's list of ignored users has changed.
func (s *Service) IgnoredChanged(user store.Atom, id string) {
	s.ignorers.mu.Lock()
	defer s.ignorers.mu.Unlock()
	s.ignorers.stale[user] = id
}

// ignoring gives who ignores a user.
func (s *Service) ignoring(ctx context.Context, id string) (map[string]store.Atom, error) {
	if all, fresh := s.ignorers.known(id); fresh {
		return all, nil
	}
	if err := s.ignorers.refresh(ctx, s.db); err != nil {
		return nil, err
	}
	all, _ := s.ignorers.known(id)
	return all, nil
}

func (g *ignorers) known(id string) (all map[string]store.Atom, fresh bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return maps.Clone(g.of[id]), g.read && len(g.stale) == 0
}

// refresh reads the lists that changed.
func (g *ignorers) refresh(ctx context.Context, db *store.DB) error {
	g.reading.Lock()
	defer g.reading.Unlock()
	users, read := g.takeStale()
	lists := map[store.Atom][]string{}
	err := db.Read(ctx, func(r *store.Reader) (err error) {
		if !read {
			if users, err = r.UsersWithIgnored(); err != nil {
				return err
			}
		}
		for user, id := range users {
			if lists[user], err = accounts.IgnoredIDs(r, user, id); err != nil {
				return err
			}
		}
		return nil
	})
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil {
		maps.Copy(g.stale, users)
		return err
	}
	g.read = true
	for user, list := range lists {
		g.set(user, users[user], list[:min(len(list), maxIgnored)])
	}
	return nil
}

func (g *ignorers) takeStale() (users map[store.Atom]string, read bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	users, g.stale = g.stale, map[store.Atom]string{}
	return users, g.read
}

func (g *ignorers) set(user store.Atom, id string, list []string) {
	for _, other := range g.lists[user] {
		if delete(g.of[other], id); len(g.of[other]) == 0 {
			delete(g.of, other)
		}
	}
	for _, other := range list {
		if g.of[other] == nil {
			g.of[other] = map[string]store.Atom{}
		}
		g.of[other][id] = user
	}
	if g.lists[user] = list; len(list) == 0 {
		delete(g.lists, user)
	}
}
