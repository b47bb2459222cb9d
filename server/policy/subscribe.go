package policy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"beffroi/server/dial"
	"beffroi/server/journal"
	"beffroi/server/merr"
	"beffroi/server/store"
)

// errCode is the errcode of a list that can't be accepted; the sentence is French.
const errCode = "FR.BEFFROI.TRUST_LIST"

func refusedList(err error) error {
	return merr.New(http.StatusBadRequest, errCode, "%s", err.Error())
}

// Subscribe subscribes to the list at an address, or to one that is given as a document. It is fetched, and refused where it can't be had: 400 FR.BEFFROI.TRUST_LIST
// with a French sentence. The key is what the publisher gave by another way.
func (s *Service) Subscribe(ctx context.Context, actor, address string, document []byte, key string) (Effect, error) {
	pinned, err := ParseKey(key)
	if err == nil && (address == "") == (document == nil) {
		err = problemf("il faut l'adresse de la liste, ou la liste elle-même")
	}
	if err == nil && address != "" {
		document, err = s.fetch(ctx, address)
	}
	if err != nil {
		return Effect{}, refusedList(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l, err := Verify(document, pinned)
	switch {
	case err != nil:
	case s.set.Load().lists[l.ID] != nil:
		err = problemf("vous êtes déjà abonné à %s", l.ID)
	case len(s.set.Load().lists) >= maxLists:
		err = problemf("vous êtes déjà abonné à %d listes", maxLists)
	default:
		err = l.Current(s.now())
	}
	if err != nil {
		return Effect{}, refusedList(err)
	}
	return s.accept(ctx, actor, &Subscription{TrustList: store.TrustList{ID: l.ID, Address: address, KeyID: pinned.ID, Key: pinned.Key}}, l, document)
}

// Renew takes in a newer document of a list that is given by hand.
func (s *Service) Renew(ctx context.Context, actor, id string, document []byte) (Effect, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.renew(ctx, actor, id, document)
}

// Refetch fetches a list now. What failed is kept with the list, too, which goes on as it was.
func (s *Service) Refetch(ctx context.Context, actor, id string) (Effect, error) {
	sub := s.set.Load().lists[id]
	if sub == nil {
		return Effect{}, errNoList(id)
	}
	if sub.Address == "" {
		return Effect{}, refusedList(problemf("%s n'a pas d'adresse : donnez-la par un fichier", id))
	}
	document, err := s.fetch(ctx, sub.Address)
	if err != nil && ctx.Err() != nil {
		return Effect{}, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	effect := Effect{Servers: []Lost{}}
	if err == nil {
		effect, err = s.renew(ctx, actor, id, document)
	} else {
		err = refusedList(err)
	}
	return effect, errors.Join(err, s.note(ctx, id, err))
}

func errNoList(id string) error { return merr.NotFound("There is no subscription to %.255s", id) }

// FetchAll fetches all lists that have an address: it is for the schedule. What begins or ends by its date is told of, too.
func (s *Service) FetchAll(ctx context.Context) error {
	defer s.tellChanged()
	var failed error
	for id, sub := range s.set.Load().lists {
		if sub.Address == "" {
			continue
		}
		if _, err := s.Refetch(ctx, journal.Console, id); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", id, err))
		}
	}
	return failed
}

// fetch reads what is at an address. The error is a Problem.
func (s *Service) fetch(ctx context.Context, address string) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || len(address) > 2000 {
		return nil, problemf("%.200q n'est pas une adresse en https", address)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, problemf("%.200q n'est pas une adresse : %v", address, err)
	}
	resp, err := s.Client.Do(req)
	if err != nil {
		return nil, problemf("la liste n'a pas pu être lue : %v", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, problemf("la liste n'a pas pu être lue : %s répond %d", u.Host, resp.StatusCode)
	}
	b, err := dial.ReadAll(resp.Body, MaxDocument)
	var large *dial.TooLarge
	switch {
	case errors.As(err, &large):
		return nil, problemf("la liste a plus de %d octets", MaxDocument)
	case err != nil:
		return nil, problemf("la liste n'a pas pu être lue jusqu'au bout : %v", err)
	}
	return b, nil
}

// read checks a document of the list against its pinned key and its name.
func (s *Subscription) read(b []byte) (*List, error) {
	l, err := Verify(b, s.pinned())
	if err == nil && l.ID != s.TrustList.ID {
		err = problemf("c'est la liste %s, pas %s", l.ID, s.TrustList.ID)
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

// renew takes in a document of a list, if it is newer than the one that holds.
func (s *Service) renew(ctx context.Context, actor, id string, document []byte) (Effect, error) {
	sub := s.set.Load().lists[id]
	if sub == nil {
		return Effect{}, errNoList(id)
	}
	l, err := sub.read(document)
	if err == nil {
		err = l.Current(s.now())
	}
	if err == nil && l.Number < sub.TrustList.Number {
		err = problemf("c'est la liste n° %d, plus ancienne que la n° %d qui est déjà là", l.Number, sub.TrustList.Number)
	}
	if err != nil {
		return Effect{}, refusedList(err)
	}
	if l.Number == sub.TrustList.Number && sub.List != nil {
		return Effect{Servers: []Lost{}}, s.same(ctx, sub, document)
	}
	return s.accept(ctx, actor, sub, l, document)
}

// same holds a document to the one of the same number: a number is given once.
func (s *Service) same(ctx context.Context, sub *Subscription, document []byte) error {
	stored, err := store.Get(ctx, s.db, func(r *store.Reader) ([]byte, error) { return r.TrustDocument(sub.TrustList.ID) })
	if err != nil {
		return err
	}
	if !sameServers(stored, document) {
		return refusedList(problemf("la liste n° %d n'est plus ce qu'elle était : son éditeur doit lui donner un nouveau numéro", sub.TrustList.Number))
	}
	return nil
}

// accept makes a document count, and tells what that does to rooms. The journal tells what changed.
func (s *Service) accept(ctx context.Context, actor string, sub *Subscription, l *List, document []byte) (Effect, error) {
	before := s.set.Load()
	changes := compare(sub.List, l)
	raw, err := json.Marshal(changes)
	if err != nil {
		return Effect{}, err
	}
	fresh := &Subscription{TrustList: sub.TrustList, List: l}
	fresh.TrustList.Number, fresh.Accepted, fresh.Tried, fresh.Failure, fresh.TrustList.Changes = l.Number, s.millis(), s.millis(), "", raw
	next := before.clone()
	next.lists[l.ID] = fresh
	next.index()
	effect, err := s.effect(ctx, before, next)
	if err != nil {
		return effect, err
	}
	row := journal.Entry{Actor: actor, Act: journal.ChangeTrustList, Target: l.ID, Detail: changes.brief(l, sub, effect)}
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		return errors.Join(tx.PutTrustList(fresh.TrustList), tx.PutTrustDocument(l.ID, document), journal.Append(tx, s.now(), row))
	})
	if err == nil {
		s.replace(next)
	}
	return effect, err
}

// note keeps how asking for a list went.
func (s *Service) note(ctx context.Context, id string, failed error) error {
	before := s.set.Load()
	sub := before.lists[id]
	if sub == nil {
		return nil
	}
	noted := *sub
	noted.Tried, noted.Failure = s.millis(), ""
	if failed != nil {
		noted.Failure = merr.From(failed).Text
	}
	if err := s.db.Write(ctx, func(tx *store.Tx) error { return tx.TryTrustList(id, noted.Tried, noted.Failure) }); err != nil {
		return err
	}
	next := before.clone()
	next.lists[id] = &noted
	next.index()
	s.set.Store(next)
	return nil
}
