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
	return s.knockHere(ctx, u, roomID, content)
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
