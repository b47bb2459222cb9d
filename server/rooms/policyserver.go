package rooms

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net/http"
	"strconv"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/store"
)

// Policing is what the room core asks of the policy servers of rooms.
type Policing interface {
	// Recommend asks a policy server for its signature on an event. A refusal is a *merr.Error, as the server gave it; any other error says that it could not be asked. Source:
	// server-server API, "POST /_matrix/policy/v1/sign".
	Recommend(ctx context.Context, server string, e *pdu.Event) (signature string, err error)
}

// policyKey is the id of the key with which policy servers sign, always.
const policyKey = "ed25519:policy_server"

// policyServer is the server that recommends a room's events, with its key as the room has it.
type policyServer struct {
	name string
	key  ed25519.PublicKey
}

// policyServer gives the policy server of the locked room; nil where it uses none.
//
// Spec: server-server API, "Determining if a Policy Server is enabled in a room".
func (l *live) policyServer(ctx context.Context) (*policyServer, error) {
	e := l.held.Event("m.room.policy", "")
	if e == nil {
		return nil, nil
	}
	via, named := e.Body().Text("via")
	text, keyed := e.Body().Object("public_keys").Text("ed25519")
	if !named || !keyed {
		return nil, nil
	}
	users, err := get(ctx, l, func(r *store.Reader) (map[string]store.Atom, error) { return r.JoinedOf(l.Ref, via) })
	if err != nil || len(users) == 0 {
		return nil, err
	}
	key, err := pdu.DecodeBase64(text)
	if err != nil || len(key) != ed25519.PublicKeySize {
		key = nil // with which nothing is signed
	}
	return &policyServer{via, key}, nil
}

// get is store.Get for what takes little time.
func get[T any](ctx context.Context, l *live, read func(r *store.Reader) (T, error)) (v T, err error) {
	err = l.db.Peek(ctx, func(r *store.Reader) error {
		v, err = read(r)
		return err
	})
	return v, err
}

// concerns tells whether an event needs a recommendation: all but the one that says who recommends.
func (p *policyServer) concerns(e *pdu.Event) bool { return !e.Is("m.room.policy", "") }

// recommends tells whether an event has the policy server's signature.
func (p *policyServer) recommends(e *pdu.Event) bool {
	return p.key != nil && e.HasSignature(p.name, policyKey, p.key)
}

// unrecommended says of an event that the room's policy server must be asked first, while the room is not locked.
type unrecommended struct {
	*pdu.Event
	draft  draft
	room   store.Room
	policy *policyServer
}

func (u *unrecommended) Error() string { return u.policy.name + " has not recommended " + u.ID() }

// policed gives an event that is not to be sent yet: nil where the locked room has no policy server.
func (s *Service) policed(ctx context.Context, l *live, d draft) error {
	if s.Remote == nil || l.Ref == 0 {
		return nil
	}
	p, err := l.policyServer(ctx)
	if err != nil || p == nil {
		return err
	}
	proto := s.proto(l, d, l.depth)
	if err := l.know(ctx, auth.Needed(l.rules, proto)...); err != nil {
		return err
	}
	e, err := s.buildOn(l, proto, l.tips[:min(len(l.tips), maxTips)], l.held)
	if err != nil || !p.concerns(e) {
		return err
	}
	return &unrecommended{e, d, l.Room, p}
}

// recommend asks the policy server, and gives the event with its signature.
func (s *Service) recommend(ctx context.Context, u *unrecommended) (*pdu.Event, error) {
	signature, err := s.Remote.Recommend(ctx, u.policy.name, u.Event)
	if err != nil {
		return nil, notRecommended(u.policy.name, err)
	}
	e, err := u.WithSignature(u.policy.name, policyKey, signature)
	if err != nil {
		return nil, err
	}
	if !u.policy.recommends(e) {
		return nil, merr.New(http.StatusBadGateway, "M_UNKNOWN", "The room's policy server signs with another key than the room has")
	}
	return e, nil
}

func notRecommended(server string, err error) error {
	var refused *merr.Error
	if errors.As(err, &refused) {
		return err
	}
	return merr.New(http.StatusBadGateway, "M_UNKNOWN", "The room's policy server %s could not be asked", server).Because(err)
}

// sendRecommended asks the policy server about an event of ours, and puts it into the room.
func (s *Service) sendRecommended(ctx context.Context, u *unrecommended) (*pdu.Event, error) {
	e, err := s.recommend(ctx, u)
	if err != nil {
		return nil, err
	}
	return e, s.enter(ctx, &arrival{Event: e, room: u.room, from: s.ServerName, relay: true, recommended: true, draft: u.draft, spent: new(spent)})
}

// sendRecommendedOnce is sendRecommended with a transaction id: one at a time, and whoever comes later finds the event of the first.
func (s *Service) sendRecommendedOnce(ctx context.Context, u *unrecommended) (string, error) {
	key := u.draft.txn
	leave, err := s.asking.enter(ctx, strconv.FormatInt(key.device, 10)+" "+key.scope+" "+key.txnID)
	if err != nil {
		return "", err
	}
	defer leave()
	known, err := store.Get(ctx, s.db, func(r *store.Reader) (string, error) { return r.TxnEvent(key.device, key.scope, key.txnID) })
	if err != nil || known != "" {
		return known, err
	}
	e, err := s.sendRecommended(ctx, u)
	return idOf(e), err
}

// weigh finds out whether an event that comes from outside is recommended: the error is an *unrecommended where the policy server must be asked. The room is locked.
//
// Spec: server-server API, "Validating Policy Server signatures".
func (l *live) weigh(ctx context.Context, a *arrival) error {
	if a.recommended || a.unwanted != nil {
		return nil
	}
	p, err := l.policyServer(ctx)
	if err != nil || p == nil || !p.concerns(a.Event) || p.recommends(a.Event) {
		return err
	}
	return &unrecommended{Event: a.Event, room: l.Room, policy: p}
}

// consult asks the policy server about an event from outside. One that it does not recommend fails softly, or is refused to who asked for it here.
func (s *Service) consult(ctx context.Context, a *arrival, u *unrecommended) error {
	e, err := s.recommend(ctx, u)
	switch {
	case err == nil:
		a.Event, a.recommended = e, true
	case ctx.Err() != nil:
		return ctx.Err()
	case a.relay:
		return merr.Forbidden("The room's policy server does not recommend this").Because(err)
	default:
		a.unwanted = &auth.Rejected{Reason: "the room's policy server does not recommend it"}
		s.Log.Info().Err(err).Str("room", u.room.ID).Str("event", a.ID()).Msg("event not recommended")
	}
	return nil
}
