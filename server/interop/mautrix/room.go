//go:build goolm

package main

import (
	"context"
	"slices"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// A room is what sync and history have told of one.
type room struct {
	membership event.Membership
	name       string
	encrypted  bool
	members    map[id.UserID]event.Membership
	typing     []id.UserID
	receipts   map[id.UserID]id.EventID
	events     []*event.Event // the timeline, as it came over the wire
	plain      map[id.EventID]*event.Event
	before     string // where the history goes on
}

// remember keeps an answer of sync.
func (c *client) remember(resp *mautrix.RespSync) {
	c.mu.Lock()
	for roomID, part := range resp.Rooms.Invite {
		r := c.room(roomID)
		r.membership = event.MembershipInvite
		r.state(part.State.Events)
	}
	for roomID, part := range resp.Rooms.Join {
		r := c.room(roomID)
		r.membership = event.MembershipJoin
		if len(r.events) == 0 {
			r.before = part.Timeline.PrevBatch
		}
		r.state(part.State.Events)
		r.state(part.Timeline.Events)
		r.events = append(r.events, part.Timeline.Events...)
		r.ephemeral(part.Ephemeral.Events)
	}
	c.mu.Unlock()
	c.announce()
}

// room is called with c.mu held.
func (c *client) room(roomID id.RoomID) *room {
	r := c.rooms[roomID]
	if r == nil {
		r = &room{
			members: map[id.UserID]event.Membership{}, receipts: map[id.UserID]id.EventID{}, plain: map[id.EventID]*event.Event{},
		}
		c.rooms[roomID] = r
	}
	return r
}

func (r *room) state(events []*event.Event) {
	for _, evt := range events {
		if evt.StateKey == nil {
			continue
		}
		evt.Type.Class = event.StateEventType
		_ = evt.Content.ParseRaw(evt.Type)
		switch content := evt.Content.Parsed.(type) {
		case *event.MemberEventContent:
			r.members[id.UserID(*evt.StateKey)] = content.Membership
		case *event.EncryptionEventContent:
			r.encrypted = true
		case *event.RoomNameEventContent:
			r.name = content.Name
		}
	}
}

func (r *room) ephemeral(events []*event.Event) {
	for _, evt := range events {
		evt.Type.Class = event.EphemeralEventType
		_ = evt.Content.ParseRaw(evt.Type)
		switch content := evt.Content.Parsed.(type) {
		case *event.TypingEventContent:
			r.typing = content.UserIDs
		case *event.ReceiptEventContent:
			for eventID, receipts := range *content {
				for user := range receipts[event.ReceiptTypeRead] {
					r.receipts[user] = eventID
				}
			}
		}
	}
}

// history loads what was sent before this device existed, down to the creation of the room.
func (c *client) history(ctx context.Context, a arguments) (any, error) {
	roomID := id.RoomID(a.Room)
	c.mu.Lock()
	from := c.room(roomID).before
	c.mu.Unlock()
	for from != "" {
		page, err := c.mx.Messages(ctx, roomID, from, "", mautrix.DirectionBackward, nil, 10)
		if err != nil {
			return nil, err
		}
		slices.Reverse(page.Chunk)
		c.mu.Lock()
		r := c.room(roomID)
		r.events, r.before = append(page.Chunk, r.events...), page.End
		c.mu.Unlock()
		from = page.End
	}
	c.announce()
	return struct{}{}, nil
}

// nextChange gives a channel that is closed when anything was learned.
func (c *client) nextChange() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

func (c *client) announce() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes++
	close(c.changed)
	c.changed = make(chan struct{})
}
