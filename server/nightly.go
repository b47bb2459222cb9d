package server

import (
	"context"
	"time"

	"beffroi/server/jobs"
)

// nightly is what is done while the town hall sleeps.
func (s *Server) nightly() []jobs.Job {
	return []jobs.Job{
		{Name: "purge of forgotten rooms", When: "17 2 * * *", Spread: time.Hour, Run: s.rooms.PurgeForgotten},
		{Name: "words of what was redacted", When: "17 3 * * *", Spread: time.Hour, Run: s.db.MergeIndex},
	}
}

func (s *Server) runJobs(ctx context.Context) error { return jobs.Run(ctx, s.log, s.nightly()...) }
