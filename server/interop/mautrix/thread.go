//go:build goolm

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// related is an event with what the server aggregates of those that relate to it, of which mautrix-go has another idea.
type related struct {
	*event.Event
	replace *event.Event
	thread  struct {
		Latest       *event.Event `json:"latest_event"`
		Count        int          `json:"count"`
		Participated bool         `json:"current_user_participated"`
	}
}

// UnmarshalJSON reads the event twice.
func (r *related) UnmarshalJSON(raw []byte) error {
	var aggregated struct {
		Unsigned struct {
			Relations struct {
				Replace *event.Event    `json:"m.replace"`
				Thread  json.RawMessage `json:"m.thread"`
			} `json:"m.relations"`
		} `json:"unsigned"`
	}
	if err := json.Unmarshal(raw, &aggregated); err != nil {
		return err
	}
	relations := aggregated.Unsigned.Relations
	r.replace = relations.Replace
	if relations.Thread != nil {
		if err := json.Unmarshal(relations.Thread, &r.thread); err != nil {
			return err
		}
	}
	return json.Unmarshal(raw, &r.Event)
}

// reply sends a message in the thread of an event.
func (c *client) reply(ctx context.Context, a arguments) (any, error) {
	content := &event.MessageEventContent{MsgType: event.MsgText, Body: a.Body}
	content.RelatesTo = (&event.RelatesTo{}).SetThread(id.EventID(a.Event), id.EventID(a.Event))
	return c.sendMessage(ctx, id.RoomID(a.Room), content)
}

// thread gives the thread of an event as the room's list of threads has it, and what its messages say, edits applied.
func (c *client) thread(ctx context.Context, a arguments) (any, error) {
	threads, err := c.related(ctx, mautrix.ClientURLPath{"v1", "rooms", a.Room, "threads"})
	if err != nil {
		return nil, err
	}
	if len(threads) == 0 || threads[0].ID != id.EventID(a.Event) || threads[0].thread.Latest == nil {
		return nil, fmt.Errorf("%s is not the first of %d threads", a.Event, len(threads))
	}
	messages, err := c.related(ctx, mautrix.ClientURLPath{"v1", "rooms", a.Room, "relations", a.Event, "m.thread", "m.room.encrypted"})
	if err != nil {
		return nil, err
	}
	var bodies []string
	for _, m := range messages {
		body, err := c.body(ctx, id.RoomID(a.Room), m)
		if err != nil {
			return nil, err
		}
		bodies = append([]string{body}, bodies...) // the latest comes first
	}
	th := threads[0].thread
	return map[string]any{"count": th.Count, "latest": th.Latest.ID, "participated": th.Participated, "bodies": bodies}, nil
}

func (c *client) related(ctx context.Context, path mautrix.ClientURLPath) ([]*related, error) {
	var list struct {
		Chunk []*related `json:"chunk"`
	}
	_, err := c.mx.MakeRequest(ctx, http.MethodGet, c.mx.BuildURL(path), nil, &list)
	return list.Chunk, err
}

// body decrypts a message, or what it was edited to.
func (c *client) body(ctx context.Context, roomID id.RoomID, m *related) (string, error) {
	evt := m.Event
	if m.replace != nil {
		evt = m.replace
	}
	evt.RoomID = roomID
	if err := evt.Content.ParseRaw(evt.Type); err != nil {
		return "", err
	}
	plain, err := c.mach.DecryptMegolmEvent(ctx, evt)
	if err != nil {
		return "", err
	}
	content := plain.Content.AsMessage()
	if m.replace != nil && content.NewContent != nil {
		content = content.NewContent
	}
	return content.Body, nil
}
