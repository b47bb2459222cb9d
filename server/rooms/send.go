package rooms

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/store"
)

// Send sends a message event. The same transaction id of the same device gives the same event.
//
// Spec: client-server API, "PUT /_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}".
func (s *Service) Send(ctx context.Context, u User, roomID, eventType, txnID string, content json.RawMessage) (string, error) {
	if eventType == "m.room.redaction" {
		return s.redact(ctx, u, roomID, redactsOf(content), txnID, content)
	}
	return s.once(ctx, roomID, txnKey{u.Device, "send/" + eventType, txnID}, func(l *live) (draft, error) {
		d := draft{sender: u, kind: eventType, content: content}
		return d, s.relatable(ctx, l, &d)
	})
}

// SetState sends a state event. What the same user set before and still stands is not sent again: its event is given.
//
// Spec: client-server API, "PUT /_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}".
func (s *Service) SetState(ctx context.Context, u User, roomID, eventType, stateKey string, content json.RawMessage) (string, error) {
	if err := s.settableIn(ctx, roomID, eventType, stateKey, content); err != nil {
		return "", err
	}
	if eventType == "m.room.member" {
		if err := s.ownMembership(ctx, u, roomID, stateKey, content); err != nil {
			return "", err
		}
		content = withoutAuthoriser(content)
	}
	if id, err := s.standing(ctx, u, roomID, eventType, stateKey, content); err != nil || id != "" {
		return id, err
	}
	var room store.RoomRef
	e, err := s.post(ctx, roomID, func(l *live) (draft, error) {
		room = l.Ref
		return draft{sender: u, kind: eventType, stateKey: &stateKey, content: content}, nil
	})
	if err != nil {
		return "", err
	}
	return e.ID(), s.stopTyping(ctx, room, e)
}

// maxTxnID is the most bytes of a transaction id. It is stored with its event.
const maxTxnID = 255

// once is post with a transaction id.
func (s *Service) once(ctx context.Context, roomID string, key txnKey, draw func(l *live) (draft, error)) (string, error) {
	if len(key.txnID) > maxTxnID {
		return "", merr.InvalidParam("A transaction id has %d bytes at most", maxTxnID)
	}
	for {
		w, eventID, err := s.beginOnce(ctx, roomID, key, draw)
		if u := (*unrecommended)(nil); errors.As(err, &u) {
			return s.sendRecommendedOnce(ctx, u)
		}
		if err != nil || eventID != "" {
			return eventID, err
		}
		e, err := w.settled()
		if err == nil || !isStale(err) {
			return idOf(e), err
		}
	}
}

// beginOnce finds the event that the transaction id stands for, durable or queued, or queues it.
func (s *Service) beginOnce(ctx context.Context, roomID string, key txnKey, draw func(l *live) (draft, error)) (*write, string, error) {
	l, err := s.cache.acquireToSend(ctx, roomID)
	if err != nil {
		return nil, "", err
	}
	defer l.mu.Unlock()
	key.scope += "/" + strconv.FormatInt(int64(l.Ref), 10) // a transaction id is good for one endpoint, the room included
	if w := l.pending[key]; w != nil && !w.failed() {
		return w, "", nil
	}
	var eventID string
	err = s.db.Peek(ctx, func(r *store.Reader) (err error) {
		eventID, err = r.TxnEvent(key.device, key.scope, key.txnID)
		return err
	})
	if err != nil || eventID != "" {
		return nil, eventID, err
	}
	w, err := s.draw(ctx, l, func(l *live) (draft, error) {
		d, err := draw(l)
		d.txn = key
		return d, err
	})
	return w, "", err
}

// Redact redacts an event: the redaction is sent, and the event loses its content.
//
// Spec: client-server API, "Redactions"; rooms/v3, "Handling redactions".
func (s *Service) Redact(ctx context.Context, u User, roomID, eventID, txnID, reason string) (string, error) {
	content, err := json.Marshal(struct {
		Reason string `json:"reason,omitempty"`
	}{reason})
	if err != nil {
		return "", err
	}
	return s.redact(ctx, u, roomID, eventID, txnID, content)
}

func (s *Service) redact(ctx context.Context, u User, roomID, eventID, txnID string, content json.RawMessage) (string, error) {
	return s.once(ctx, roomID, txnKey{u.Device, "redact/" + eventID, txnID}, func(l *live) (draft, error) {
		if _, joined := l.joined[u.ID]; !joined {
			return draft{}, notIn()
		}
		target, err := s.redactable(ctx, l, eventID)
		if err != nil {
			return draft{}, err
		}
		levels := l.levels()
		everybodys := levels.For(u.ID) >= levels.Level("redact")
		if !everybodys && (target.redacted == nil || target.redacted.Sender() != u.ID) {
			return draft{}, merr.Forbidden("You may not delete other people's messages in this room")
		}
		return draft{sender: u, kind: "m.room.redaction", content: content, redacts: target}, nil
	})
}

// redactable reads the event to redact: it must be in the room, and the create event stays. One that is not there may be in the room of another server that takes part:
// that one applies the redaction at once, and this one when the event comes.
func (s *Service) redactable(ctx context.Context, l *live, eventID string) (*redaction, error) {
	t := &redaction{id: eventID}
	known := false
	err := s.db.Peek(ctx, func(r *store.Reader) (err error) {
		if t.target, known, err = r.EventByID(eventID); err != nil || known && t.target.Room == l.Ref {
			return err
		}
		others, err := r.ServersIn(l.Ref)
		if err == nil && (known || len(others) == 0 || !mayBeEventID(eventID)) {
			err = merr.NotFound("The event to delete is not in this room")
		}
		return err
	})
	if err != nil || !known {
		return t, err
	}
	whole, err := t.target.PDU(l.rules)
	if err != nil {
		return nil, err
	}
	if whole.IsCreate() {
		return nil, merr.Forbidden("The creation of a room can't be deleted")
	}
	t.redacted = whole.Redact()
	key, _ := whole.StateKey()
	return t, l.know(ctx, auth.Key{Type: whole.Type(), StateKey: key})
}

// mayBeEventID tells whether an id is one that some room version could have. Source: appendices, "Event IDs".
func mayBeEventID(id string) bool { return len(id) > 1 && len(id) <= 255 && id[0] == '$' }

// redactsOf reads which event a redaction's content names, as rooms from version 11 on have it.
func redactsOf(content json.RawMessage) string {
	o, err := pdu.ParseObject(content)
	if err != nil {
		return ""
	}
	id, _ := o.Text("redacts")
	return id
}

func idOf(e *pdu.Event) string {
	if e == nil {
		return ""
	}
	return e.ID()
}
