package delayed

import (
	"context"
	"encoding/json"
	"net/http"

	"beffroi/server/accounts"
	"beffroi/server/merr"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// The actions on delayed events.
const (
	ActionSend    = "send"
	ActionCancel  = "cancel"
	ActionRestart = "restart"
)

// Manage sends a scheduled event now, cancels it, or lets its delay begin anew. What is finalised already in the wanted way is a success; in another
// it is 409 M_UNKNOWN. An event that can't be sent stays scheduled.
// Source: MSC4140, "Managing scheduled delayed events".
func (s *Service) Manage(ctx context.Context, session *accounts.Session, delayID, action string) error {
	if action != ActionSend && action != ActionCancel && action != ActionRestart {
		return merr.InvalidParam("The action must be send, cancel or restart")
	}
	mu := s.lock(delayID)
	mu.Lock()
	defer mu.Unlock()
	e, err := s.Get(ctx, session, delayID)
	switch {
	case err != nil:
		return err
	case e.Finalised != 0:
		return alreadyFinalised(&e, action)
	case action == ActionSend:
		if e.EventID, err = s.send(ctx, &e); err != nil {
			return err
		}
		return s.finalise(ctx, &e)
	case action == ActionCancel:
		return s.finalise(ctx, &e)
	}
	return s.db.Write(ctx, func(tx *store.Tx) error { return tx.RestartDelayed(e.ID, store.Millis(s.now())) })
}

func alreadyFinalised(e *store.DelayedEvent, action string) error {
	sent := e.EventID != ""
	if action == ActionSend && sent || action == ActionCancel && !sent {
		return nil
	}
	became := "cancelled"
	if sent {
		became = "sent"
	}
	return merr.New(http.StatusConflict, "M_UNKNOWN", "The delayed event was %s already", became)
}

// send sends an event as its user, if that account may still write.
func (s *Service) send(ctx context.Context, e *store.DelayedEvent) (eventID string, err error) {
	u := rooms.User{Atom: e.User, Device: e.Device}
	err = s.db.Peek(ctx, func(r *store.Reader) error {
		account, _, err := r.Account(e.User)
		if err != nil {
			return err
		}
		if u.ID, err = r.Text(e.User); err != nil {
			return err
		}
		session := accounts.Session{Suspended: account.State != store.AccountActive}
		return session.Writable()
	})
	if err != nil {
		return "", err
	}
	return s.sender.SendDelayed(ctx, u, e.RoomID, e.Type, e.StateKey, e.ID, e.Content)
}

// finalise keeps what became of an event. Once it was sent that is known whoever still waits for the answer.
func (s *Service) finalise(ctx context.Context, e *store.DelayedEvent) error {
	e.Finalised = store.Millis(s.now())
	return s.db.Write(context.WithoutCancel(ctx), func(tx *store.Tx) error { return tx.FinaliseDelayed(e, keptFor1User) })
}

// fail keeps why an event could not be sent.
func (s *Service) fail(ctx context.Context, e *store.DelayedEvent, why *merr.Error) error {
	var err error
	if e.Error, err = json.Marshal(why); err != nil {
		return err
	}
	return s.finalise(ctx, e)
}
