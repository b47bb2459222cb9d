package inbox

import (
	"context"

	"beffroi/server/store"
)

// keep makes the events of a transaction durable that are still being worked on, so that it can be answered.
func (s *Service) keep(f *flight) error {
	var waiting []*job
	s.mu.Lock()
	for _, j := range f.jobs {
		if !j.ended {
			waiting = append(waiting, j)
		}
	}
	s.mu.Unlock()
	rows := map[*job][]int64{}
	err := s.db.Write(s.living, func(tx *store.Tx) error {
		clear(rows)
		for _, j := range waiting {
			for _, raw := range j.pdus {
				id, err := tx.AddIncoming(store.Incoming{Server: f.origin.name, RoomID: j.room, JSON: raw})
				if err != nil {
					return err
				}
				rows[j] = append(rows[j], id)
			}
		}
		return nil
	})
	if err == nil {
		s.endKept(s.hold(rows))
	}
	return err
}

// hold tells jobs of their rows. It gives those of jobs that ended meanwhile.
func (s *Service) hold(rows map[*job][]int64) (ended []int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for j, ids := range rows {
		if j.rows = ids; j.ended {
			ended = append(ended, ids...)
		}
	}
	return ended
}

// endKept forgets events that were judged. Where that fails they are judged once more after the next start, which does nothing.
func (s *Service) endKept(ids []int64) {
	if len(ids) == 0 {
		return
	}
	if err := s.db.Write(context.WithoutCancel(s.living), func(tx *store.Tx) error { return tx.EndIncoming(ids...) }); err != nil {
		s.Log.Warn().Err(err).Msg("events that were judged are still kept")
	}
}

const (
	// maxTries is how many starts take up an event that is never judged: it may be what ends them.
	maxTries  = 3
	keptBatch = 50
)

// Run takes up what was kept when the process ended.
func (s *Service) Run(ctx context.Context) error {
	if err := s.db.Write(ctx, func(tx *store.Tx) error { return tx.TryIncoming(maxTries) }); err != nil {
		return err
	}
	var last int64
	for {
		batch, err := store.Get(ctx, s.db, func(r *store.Reader) ([]store.Incoming, error) { return r.IncomingAfter(last, keptBatch) })
		if err != nil || len(batch) == 0 {
			return err
		}
		if !s.resume(batch) {
			return nil
		}
		last = batch[len(batch)-1].ID
	}
}

// resume puts events back into their lanes. It tells whether there is still somebody at work there.
func (s *Service) resume(kept []store.Incoming) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.living.Err() != nil {
		return false
	}
	for _, e := range kept {
		s.enqueue(s.origin(e.Server), &job{batch: batch{room: e.RoomID, pdus: [][]byte{e.JSON}}, rows: []int64{e.ID}})
	}
	return true
}
