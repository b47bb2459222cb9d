//go:build goolm

package main

import (
	"context"
	"slices"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// found is a message that was found, with the events before and after it.
type found struct {
	EventID id.EventID `json:"event_id"`
	Before  id.EventID `json:"before,omitempty"`
	After   id.EventID `json:"after,omitempty"`
}

// search gives all messages that are found, page by page.
func (c *client) search(ctx context.Context, a arguments) (any, error) {
	q := &mautrix.ReqSearch{SearchTerm: a.Body, OrderBy: "recent", EventContext: mautrix.SearchEventContext{BeforeLimit: 1, AfterLimit: 1, IncludeProfile: true}}
	results, highlights, count := []found{}, []string{}, 0
	for {
		page, err := c.mx.Search(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, r := range page.Results {
			results = append(results, found{r.Event.ID, first(r.Context.EventsBefore), first(r.Context.EventsAfter)})
		}
		highlights, count = append(highlights, page.Highlights...), page.Count
		if q.NextBatch = page.NextBatch; q.NextBatch == "" {
			break
		}
	}
	slices.Sort(highlights)
	return map[string]any{"count": count, "highlights": slices.Compact(highlights), "results": results}, nil
}

func first(events []*event.Event) id.EventID {
	if len(events) == 0 {
		return ""
	}
	return events[0].ID
}
