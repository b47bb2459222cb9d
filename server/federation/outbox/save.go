package outbox

import (
	"context"
	"time"

	"beffroi/server/federation/remote"
	"beffroi/server/store"
)

// load begins where the last run ended.
func (s *Service) load(ctx context.Context) error {
	var rows []store.Destination
	names := map[store.Atom]store.NamedServer{}
	err := s.db.Read(ctx, func(r *store.Reader) (err error) {
		if s.looked, err = r.MetaInt(store.MetaOutbox); err != nil {
			return err
		}
		if rows, err = r.TroubledDestinations(); err != nil {
			return err
		}
		servers := make([]store.Atom, len(rows))
		for i, row := range rows {
			servers[i] = row.Server
		}
		named, err := r.Named(servers)
		for _, n := range named {
			names[n.Server] = n
		}
		return err
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written = s.looked
	for _, row := range rows {
		if n, known := names[row.Server]; known {
			s.restore(n, row)
		}
	}
	return err
}

// restore makes a destination of its row.
func (s *Service) restore(n store.NamedServer, row store.Destination) {
	d := &destination{NamedServer: n, stored: row}
	s.all[n.Name] = d
	d.pos, d.missed, d.waits = row.Pos, row.Missed, row.Behind || row.Missed > 0
	d.failed, d.since, d.until = row.Failed, timeOf(row.Since), timeOf(row.Until)
	d.lastSuccess, d.lastError, d.dropped = timeOf(row.LastSuccess), row.LastError, row.Dropped
	if latest := s.now().Add(s.LongestPause); s.LongestPause > 0 && d.until.After(latest) && !s.isDead(d) {
		d.until = latest // the configuration or the clock was another
	}
	if d.failed > 0 && s.now().Before(d.until) {
		d.away = true
		s.Client.Pause(remote.Pause{Server: d.Name, Failed: d.failed, Since: d.since, Until: d.until})
	}
}

func (s *Service) toSave() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed && !s.now().Before(s.saveAt)
}

// save writes down how far the destinations are: all that waits or fails with its own cursor, and one for everybody else.
func (s *Service) save(ctx context.Context) error {
	s.mu.Lock()
	looked := s.looked
	var rows []store.Destination
	sent := map[store.Atom]int64{}
	for _, d := range s.all {
		if row := d.row(); d.differs(row) {
			rows = append(rows, row)
		}
		if d.unsent {
			sent[d.Server] = d.edus
		}
	}
	s.changed = false
	s.mu.Unlock()
	err := s.db.Write(ctx, func(tx *store.Tx) error {
		for server, upto := range sent {
			if err := tx.SentEDUs(server, upto); err != nil {
				return err
			}
		}
		for _, row := range rows {
			if err := tx.PutDestination(row); err != nil {
				return err
			}
		}
		return tx.PutMeta(store.MetaOutbox, looked)
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.change()
		return err
	}
	s.saved(looked, rows, sent)
	return nil
}

// saved notes what stands in the database, and forgets whom nothing must be known of.
func (s *Service) saved(looked int64, rows []store.Destination, sent map[store.Atom]int64) {
	s.written = looked
	byServer := map[store.Atom]store.Destination{}
	for _, row := range rows {
		byServer[row.Server] = row
	}
	for name, d := range s.all {
		if row, written := byServer[d.Server]; written {
			d.stored = row
		}
		if upto, removed := sent[d.Server]; removed && d.edus == upto {
			d.unsent = false
		}
		if d.atRest() && !d.differs(d.row()) {
			delete(s.all, name)
		}
	}
}

// How often rows that nobody needs are looked for, and how many go at a time.
const pruneEvery, pruneRows = time.Minute, 500

// prune removes what every server has got or missed.
func (s *Service) prune(ctx context.Context) error {
	if s.now().Sub(s.pruned) < pruneEvery {
		return nil
	}
	s.pruned = s.now()
	s.mu.Lock()
	kept, told := s.written, s.written
	for _, d := range s.all {
		if d.holds() {
			kept = min(kept, d.pos)
		}
		if d.stored.Behind {
			kept = min(kept, d.stored.Pos)
		}
		if d.missed > 0 {
			told = min(told, d.missed)
		}
	}
	s.mu.Unlock()
	for more := true; more; {
		err := s.db.Write(ctx, func(tx *store.Tx) (err error) {
			more, err = tx.ForgetOutgoing(kept, pruneRows)
			return err
		})
		if err != nil {
			return err
		}
	}
	if err := s.db.Write(ctx, func(tx *store.Tx) error { return tx.ForgetServers(min(kept, told)) }); err != nil {
		return err
	}
	return s.pruneEDUs(ctx)
}

// pruneEDUs ends the wait of what was too long for a server that does not come back.
func (s *Service) pruneEDUs(ctx context.Context) error {
	before := s.now().Add(-keptFor).UnixMilli()
	for n := int64(pruneRows); n == pruneRows; {
		err := s.db.Write(ctx, func(tx *store.Tx) (err error) {
			n, err = tx.ForgetEDUs(before, pruneRows)
			return err
		})
		if err != nil {
			return err
		}
		if n > 0 {
			s.Log.Warn().Int64("messages", n).Msg("messages to devices waited too long for their servers: they are dropped")
		}
	}
	return nil
}
