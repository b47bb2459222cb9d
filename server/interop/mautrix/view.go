//go:build goolm

package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// A message of a conversation as a person sees it: edits, reactions and redactions are applied.
type message struct {
	EventID   id.EventID        `json:"event_id"`
	Sender    id.UserID         `json:"sender"`
	Redacted  bool              `json:"redacted,omitempty"`
	Failure   string            `json:"failure,omitempty"`
	Encrypted bool              `json:"encrypted,omitempty"`
	Kind      event.MessageType `json:"kind,omitempty"`
	Body      string            `json:"body,omitempty"`
	Edited    bool              `json:"edited,omitempty"`
	Reactions string            `json:"reactions,omitempty"` // "KEY USER, …", sorted
}

// view gives what this device shows of a room, as soon as there are more changes than a.After.
func (c *client) view(ctx context.Context, a arguments) (any, error) {
	changes, err := c.waitChange(ctx, a.After)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.rooms[id.RoomID(a.Room)]
	if r == nil {
		return map[string]any{"changes": changes}, nil
	}
	notMe := func(user id.UserID) bool { return user != c.mx.UserID }
	receipts := map[id.UserID]id.EventID{}
	for user, eventID := range r.receipts {
		if notMe(user) {
			receipts[user] = eventID
		}
	}
	return map[string]any{
		"changes": changes, "membership": r.membership, "name": r.name, "encrypted": r.encrypted,
		"joined": r.joined(), "typing": keep(r.typing, notMe), "receipts": receipts, "messages": c.messages(ctx, r),
	}, nil
}

func (c *client) waitChange(ctx context.Context, after int) (int, error) {
	for {
		c.mu.Lock()
		changes, changed := c.changes, c.changed
		c.mu.Unlock()
		if changes > after {
			return changes, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

func (r *room) joined() []id.UserID {
	joined := []id.UserID{}
	for user, membership := range r.members {
		if membership == event.MembershipJoin {
			joined = append(joined, user)
		}
	}
	slices.Sort(joined)
	return joined
}

func keep(users []id.UserID, wanted func(id.UserID) bool) []id.UserID {
	kept := []id.UserID{}
	for _, user := range users {
		if wanted(user) {
			kept = append(kept, user)
		}
	}
	return kept
}

// messages is called with c.mu held.
func (c *client) messages(ctx context.Context, r *room) []*message {
	shown, byID := []*message{}, map[id.EventID]*message{}
	for _, evt := range r.events {
		if evt.StateKey != nil {
			continue
		}
		plain, err := c.plain(ctx, r, evt)
		switch content := plain.Content.Parsed.(type) {
		case *event.MessageEventContent, *event.EncryptedEventContent:
			if relation := relation(evt); relation.GetReplaceID() != "" {
				byID[relation.GetReplaceID()].edit(plain)
				continue
			}
			m := &message{EventID: evt.ID, Sender: evt.Sender, Redacted: evt.Unsigned.RedactedBecause != nil}
			if !m.Redacted {
				m.fill(evt, plain, err)
			}
			shown, byID[evt.ID] = append(shown, m), m
		case *event.ReactionEventContent:
			byID[content.RelatesTo.EventID].react(content.RelatesTo.Key + " " + evt.Sender.String())
		case *event.RedactionEventContent:
			byID[redacts(evt, content)].redact()
		}
	}
	return shown
}

// plain decrypts an event, once.
func (c *client) plain(ctx context.Context, r *room, evt *event.Event) (*event.Event, error) {
	if plain := r.plain[evt.ID]; plain != nil {
		return plain, nil
	}
	if err := evt.Content.ParseRaw(evt.Type); err != nil && !errors.Is(err, event.ErrContentAlreadyParsed) {
		return evt, nil // of a type that nobody shows
	}
	if evt.Type != event.EventEncrypted || evt.Unsigned.RedactedBecause != nil {
		return evt, nil
	}
	plain, err := c.mach.DecryptMegolmEvent(ctx, evt)
	if err != nil {
		return evt, err
	}
	r.plain[evt.ID] = plain
	return plain, nil
}

func relation(evt *event.Event) *event.RelatesTo {
	switch content := evt.Content.Parsed.(type) {
	case *event.MessageEventContent:
		return content.RelatesTo
	case *event.EncryptedEventContent:
		return content.RelatesTo
	}
	return nil
}

// Since room version 11 the redacted event is named in the content.
func redacts(evt *event.Event, content *event.RedactionEventContent) id.EventID {
	if content.Redacts != "" {
		return content.Redacts
	}
	return evt.Redacts
}

func (m *message) fill(wire, plain *event.Event, err error) {
	content, ok := plain.Content.Parsed.(*event.MessageEventContent)
	if !ok {
		m.Failure = "not a message"
		if err != nil {
			m.Failure = err.Error()
		}
		return
	}
	m.Encrypted, m.Kind, m.Body = wire.Type == event.EventEncrypted, content.MsgType, content.Body
}

func (m *message) edit(plain *event.Event) {
	content, ok := plain.Content.Parsed.(*event.MessageEventContent)
	if m == nil || !ok || content.NewContent == nil || plain.Sender != m.Sender {
		return
	}
	m.Body, m.Edited = content.NewContent.Body, true
}

func (m *message) react(reaction string) {
	if m != nil {
		all := append(strings.Split(m.Reactions, ", "), reaction)
		slices.Sort(all)
		m.Reactions = strings.TrimPrefix(strings.Join(all, ", "), ", ")
	}
}

func (m *message) redact() {
	if m != nil {
		*m = message{EventID: m.EventID, Sender: m.Sender, Redacted: true}
	}
}

// find gives an event of a room, decrypted, or nil.
func (c *client) find(ctx context.Context, roomID id.RoomID, eventID id.EventID) *event.Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.room(roomID)
	for _, evt := range r.events {
		if evt.ID == eventID {
			plain, _ := c.plain(ctx, r, evt)
			return plain
		}
	}
	return nil
}
