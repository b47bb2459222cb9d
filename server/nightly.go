package server

import (
	"context"

	"beffroi/server/jobs"
)

// nightly is what is done while the town hall sleeps.
func (s *Server) nightly() []jobs.Job {
	return nil
}

func (s *Server) runJobs(ctx context.Context) error { return jobs.Run(ctx, s.log, s.nightly()...) }
