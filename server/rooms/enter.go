package rooms

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// Entry is how somebody enters a room.
type Entry struct {
	Reason string
	Via    []string                   // servers that may be in the room
	More   map[string]json.RawMessage // members of the client's own in the event's content. The specification doesn't have them; other servers do
}

const (
	// maxAskedToEnter is how many servers are asked to let somebody in.
	maxAskedToEnter = 10
	// arrivalTime is how long a room may take to arrive, from the join on.
	arrivalTime = 8 * time.Minute
	// giveBackTime is how long it is tried to leave a room again that did not arrive.
	giveBackTime = 20 * time.Second
)

// JoinWith joins the user to a room: here where somebody of this server is in it, else by a server that is. Joining again changes nothing.
//
// Spec: client-server API, "Joining rooms"; server-server API, "Joining Rooms".
func (s *Service) JoinWith(ctx context.Context, u User, roomID string, how Entry) error {
	if err := s.enterable(ctx, roomID); err != nil {
		return err
	}
	content, err := s.joinContent(ctx, u, how.Reason)
	if err != nil {
		return err
	}
	content.more = how.More
	return s.passage(ctx, u, roomID, how.Via, func() error { return s.joinHere(ctx, u, roomID, content) }, func(server string) error {
		return s.joinThrough(ctx, u, roomID, server, content)
	})
}

// passage changes the user's own membership: here where somebody of this server is in the room, else through servers that may be, one after another.
func (s *Service) passage(ctx context.Context, u User, roomID string, via []string, here func() error, through func(server string) error) error {
	if s.Remote == nil {
		return here()
	}
	if in, err := s.participates(ctx, roomID); err != nil {
		return err
	} else if in {
		if err = here(); !merr.Is(err, "M_UNABLE_TO_AUTHORISE_JOIN") {
			return err
		}
	}
	leave, err := s.doors.enter(ctx, roomID)
	if err != nil {
		return err
	}
	defer leave()
	in, err := s.participates(ctx, roomID)
	if err != nil {
		return err
	}
	servers, err := s.entrances(ctx, u, roomID, via)
	if err != nil {
		return err
	}
	if in || len(servers) == 0 { // somebody else was faster, or nobody is there to ask
		if err = here(); !merr.Is(err, "M_UNABLE_TO_AUTHORISE_JOIN") || len(servers) == 0 {
			return err
		}
	}
	return s.oneOf(ctx, servers, through)
}

// participates tells whether somebody of this server is in a room. Where nobody is, what this server knows of it may be old.
func (s *Service) participates(ctx context.Context, roomID string) (bool, error) {
	l, err := s.cache.acquire(ctx, roomID)
	if merr.Is(err, "M_FORBIDDEN") {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer l.mu.Unlock()
	return len(l.joined) > 0, nil
}

// entrances lists the servers to ask for a room that nobody of this server is in: those that the client names and that of who invited the user; where it
// names no other server, those that were in it when it was last seen from here, and the one in its id. There are none where the room was made here and nobody else was left in it.
func (s *Service) entrances(ctx context.Context, u User, roomID string, via []string) ([]string, error) {
	e := entrances{own: s.ServerName, most: maxAskedToEnter}
	e.add(via...)
	named := len(e.list) > 0
	err := s.db.Peek(ctx, func(r *store.Reader) error {
		room, ok, err := r.FindRoom(roomID)
		if err != nil || !ok {
			return err
		}
		inviter, err := inviterOf(r, room.Ref, u.Atom)
		if err != nil {
			return err
		}
		told, _, err := r.Stripped(room.Ref, u.Atom)
		if err != nil {
			return err
		}
		inside, err := r.LargestServers(room.Ref, maxAskedToEnter)
		if err != nil {
			return err
		}
		e.add(pdu.ServerOf(inviter), told.Via)
		if !named {
			e.add(inside...)
		}
		return e.madeHere(r, room)
	})
	if _, server, ok := pdu.SplitID(roomID); ok && !named {
		e.add(server)
	}
	return e.list, err
}

// inviterOf is who invited the user; "" where nobody did.
func inviterOf(r *store.Reader, room store.RoomRef, user store.Atom) (string, error) {
	m, _, err := r.Member(room, user)
	if err != nil || m.Membership != store.Invite {
		return "", err
	}
	e, ok, err := r.Event(m.NID)
	if err != nil || !ok {
		return "", err
	}
	return r.Text(e.Sender)
}

// entrances are the servers to ask for a room.
type entrances struct {
	own  string
	most int
	list []string
}

func (e *entrances) add(servers ...string) {
	for _, server := range servers {
		if pdu.ValidServerName(server) && server != e.own && !slices.Contains(e.list, server) && len(e.list) < e.most {
			e.list = append(e.list, server)
		}
	}
}

// madeHere forgets the servers that a client named for a room of this server's in which no other one is.
func (e *entrances) madeHere(r *store.Reader, room store.Room) error {
	create, ok, err := current(r, room.Ref, createKey())
	if err != nil || !ok {
		return err
	}
	creator, err := r.Text(create.Sender)
	if err != nil || pdu.ServerOf(creator) != e.own {
		return err
	}
	inside, err := r.LargestServers(room.Ref, 1)
	if err == nil && len(inside) == 0 {
		e.list = nil
	}
	return err
}

// oneOf asks servers until one does what it is asked. Of the refusals the first that says more than that the room is not there is given; where no server could be asked, 502 M_UNKNOWN.
func (s *Service) oneOf(ctx context.Context, servers []string, ask func(server string) error) error {
	var refusal, cause error
	for _, server := range servers {
		err := ask(server)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.Log.Info().Err(err).Str("server", server).Msg("a server did not let somebody in")
		cause = errors.Join(cause, err)
		if refused := (*merr.Error)(nil); errors.As(err, &refused) && (refusal == nil || merr.Is(refusal, "M_NOT_FOUND")) {
			refusal = refused
		}
	}
	if refusal != nil {
		return refusal
	}
	return merr.New(http.StatusBadGateway, "M_UNKNOWN", "No server that is in the room could be reached").Because(cause)
}
