package rooms

import "context"

// Knock asks to be let into a room of this server. Knocking again changes nothing.
//
// Spec: client-server API, "Knocking on rooms".
func (s *Service) Knock(ctx context.Context, u User, roomID, reason string) error {
	if err := s.enterable(ctx, roomID); err != nil {
		return err
	}
	content, err := s.joinContent(ctx, u, reason)
	if err != nil {
		return err
	}
	content.Membership = "knock"
	return s.member(ctx, u, roomID, u.ID, content, func(_ *live, now string) error {
		if now == "knock" {
			return errNothingToDo
		}
		return nil
	})
}
