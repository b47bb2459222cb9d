package rooms

import (
	"cmp"
	"context"
	"slices"

	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/store"
)

// maxTips is how many forward extremities an event of this server follows at most: the deepest, where there are more. The others wait for the next.
const maxTips = 10

// acquireToSend is acquire for who makes an event. Where that won't follow all extremities it is made in the graph, with nothing queued.
func (c *cache) acquireToSend(ctx context.Context, roomID string) (*live, error) {
	l, err := c.acquire(ctx, roomID)
	if err != nil || len(l.tips) <= maxTips {
		return l, err
	}
	l.mu.Unlock()
	return c.acquireAtRest(ctx, roomID)
}

// drawOnMany makes an event in a room that is forked more than one event can mend, and queues it.
func (s *Service) drawOnMany(ctx context.Context, l *live, d draft) (*write, error) {
	var e *pdu.Event
	var v *verdict
	err := s.db.Read(ctx, func(r *store.Reader) (err error) {
		g := newGraph(r, l)
		v = &verdict{nids: g.nids}
		if e, err = s.buildOnMany(g, v, d); err != nil {
			return err
		}
		if err := l.know(ctx, needed(e)...); err != nil {
			return err
		}
		if err := auth.Check(e, l.held); err != nil {
			return forbidden(err)
		}
		if err := g.stateAfter(v); err != nil {
			return err
		}
		if err := g.settleTips(v); err != nil {
			return err
		}
		return g.readMoves(v)
	})
	if err != nil {
		return nil, err
	}
	return s.queueVerdict(ctx, l, judged{Event: e, draft: d}, v)
}

// buildOnMany makes an event that follows the deepest extremities.
func (s *Service) buildOnMany(g *graph, v *verdict, d draft) (*pdu.Event, error) {
	all, err := g.tipsNow()
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b *vertex) int { return cmp.Or(cmp.Compare(b.e.Depth(), a.e.Depth()), cmp.Compare(a.ID, b.ID)) })
	var tips []tip
	var states []*state
	for _, t := range all[:min(len(all), maxTips)] {
		tips = append(tips, g.tipOf(t.e))
		states = append(states, ofGroup(t.State))
	}
	if v.before, err = g.resolve(states); err != nil {
		return nil, err
	}
	e, err := s.buildOn(g.live, s.proto(g.live, d, all[0].e.Depth()), tips, standing{g, v.before})
	if err != nil || g.err != nil {
		return nil, errOr(err, g.err)
	}
	v.event, v.status = e, store.StatusAside
	g.judges(e)
	return e, nil
}
