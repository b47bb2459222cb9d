//go:build goolm

package main

import (
	"context"
	"encoding/json"
	"fmt"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// content gives what an event says once it is decrypted, and what it relates to as its wire form says.
func (c *client) content(ctx context.Context, a arguments) (any, error) {
	plain := c.find(ctx, id.RoomID(a.Room), id.EventID(a.Event))
	if plain == nil {
		return nil, fmt.Errorf("no event %s", a.Event)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, evt := range c.room(id.RoomID(a.Room)).events {
		if evt.ID == plain.ID {
			return map[string]any{"content": plain.Content.Raw, "relates_to": evt.Content.Raw["m.relates_to"]}, nil
		}
	}
	return nil, fmt.Errorf("no event %s", a.Event)
}

// sendContent sends a message whose content is written out.
func (c *client) sendContent(ctx context.Context, a arguments) (any, error) {
	content := new(event.MessageEventContent)
	if err := json.Unmarshal(a.Content, content); err != nil {
		return nil, err
	}
	return c.sendMessage(ctx, id.RoomID(a.Room), content)
}
