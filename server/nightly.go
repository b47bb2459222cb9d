package server

import (
	"context"
	"encoding/json"
	"time"

	"beffroi/server/jobs"
	"beffroi/server/scrub"
	"beffroi/server/store"
)

// nightly is what is done while the town hall sleeps.
func (s *Server) nightly() []jobs.Job {
	return []jobs.Job{
		{Name: "trust lists", When: "3 * * * *", Spread: 20 * time.Minute, Run: s.policy.FetchAll},
		{Name: "old delayed events", When: "7 2 * * *", Spread: time.Hour, Run: s.delayed.Forget},
		{Name: "who asked for mails", When: "12 2 * * *", Spread: time.Hour, Run: s.mail.Forget},
		{Name: "proofs of addresses that nobody made", When: "14 2 * * *", Spread: time.Hour, Run: s.threepids.Forget},
		{Name: "journal of more than a year ago", When: "37 1 * * *", Spread: time.Hour, Run: s.journal.Prune},
		{Name: "rest of erased accounts", When: "12 2 * * *", Spread: time.Hour, Run: s.sweepErased},
		{Name: "purge of forgotten rooms", When: "17 2 * * *", Spread: time.Hour, Run: s.rooms.PurgeForgotten},
		{Name: "messages that are kept for some time only", When: "37 2 * * *", Spread: time.Hour, Run: s.rooms.Expire},
		{Name: "old previews", When: "37 2 * * *", Spread: 10 * time.Minute, Run: s.previews.Tidy},
		{Name: "files of nobody", When: "47 2 * * *", Spread: 20 * time.Minute, Run: s.media.Tidy},
		{Name: "scrub", When: "17 3 * * *", Spread: time.Hour, Run: s.scrub},
		{Name: "words of what was redacted", When: "17 4 * * *", Spread: time.Hour, Run: s.db.MergeIndex},
	}
}

// sweepErased removes what erasing an account left.
func (s *Server) sweepErased(ctx context.Context) error {
	return s.accounts.SweepErased(ctx, s.e2ee.EraseKeyBackups, s.media.Erase)
}

func (s *Server) runJobs(ctx context.Context) error { return jobs.Run(ctx, s.log, s.nightly()...) }

// scrubRest leaves two thirds of the time to others.
const scrubRest = 2

// scrub reads everything, and tells what is damaged in the log and in meta, for who asks later.
func (s *Server) scrub(ctx context.Context) error {
	report, err := scrub.Run(ctx, scrub.Config{DataDir: s.cfg.DataDir, Rest: scrubRest})
	if err != nil {
		return err
	}
	for _, f := range report.Findings {
		s.log.Error().Str("damage", string(f.Kind)).Str("table", f.Table).Int64("count", f.Count).Strs("events", f.EventIDs).Strs("details", f.Details).
			Msg(f.Sentence())
	}
	told, err := json.Marshal(report.Brief())
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx *store.Tx) error { return tx.PutMeta(store.MetaScrub, told) })
}

// tellMissing says what the database lacked when it was opened.
func (s *Server) tellMissing() {
	if m, lacks := s.db.Missing(); lacks {
		s.log.Error().Str("damage", string(scrub.Missing)).Int64("count", m.Events).Msg(scrub.MissingSentence(m.Events, m.From, m.To))
	}
}
