package rooms

import "context"

// Knock asks to be let into a room. Knocking again changes nothing.
//
// Spec: client-server API, "Knocking on rooms"; server-server API, "Knocking upon a room".
func (s *Service) Knock(ctx context.Context, u User, roomID string, how Entry) error {
	if err := s.enterable(ctx, roomID); err != nil {
		return err
	}
	content, err := s.joinContent(ctx, u, how.Reason)
	if err != nil {
		return err
	}
	content.Membership = "knock"
	return s.passage(ctx, u, roomID, how.Via, func() error { return s.knockHere(ctx, u, roomID, content) }, func(server string) error {
		return s.knockThrough(ctx, u, roomID, server, content)
	})
}

// knockHere knocks by what this server knows of the room.
func (s *Service) knockHere(ctx context.Context, u User, roomID string, content memberContent) error {
	return s.member(ctx, u, roomID, u.ID, content, func(_ *live, now string) error {
		if now == "knock" {
			return errNothingToDo
		}
		return nil
	})
}

// knockThrough knocks by a server that is in the room. What the room is, the user knows by its word.
func (s *Service) knockThrough(ctx context.Context, u User, roomID, server string, content memberContent) error {
	if err := s.mayEnter(roomID, server); err != nil {
		return err
	}
	knock, err := s.propose(ctx, u, roomID, server, content)
	if err != nil {
		return err
	}
	told, err := s.Remote.SendKnock(ctx, server, knock.Event)
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx) // the others have it now
	state, err := s.identify(ctx, knock.Event, told)
	if err != nil {
		s.Log.Info().Err(err).Str("room", roomID).Str("server", server).Msg("what a room is was not told rightly")
		state = nil
	}
	return s.hear(ctx, hearsay{Event: knock.Event, version: knock.rules.Version, via: server, state: state})
}
