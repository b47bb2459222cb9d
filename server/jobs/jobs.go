// Package jobs runs what is due at a time of the day: at night, when the town hall sleeps. One runs at a time, however many are due.
package jobs

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/robfig/cron/v3"
	"github.com/rs/zerolog"
)

// Job is work that comes again and again. It may run at any moment, so it paces itself.
type Job struct {
	Name string // for the log
	// When is a cron expression of five fields in the machine's time zone: "17 3 * * *" is every night at 3:17.
	When string
	// Spread delays each run by a random time below it, so that a hundred town halls don't do the same at the same minute.
	Spread time.Duration
	// Run ends with its context. Its error is told in the log; the next run comes all the same.
	Run func(context.Context) error
}

// Run runs jobs at their times until ctx ends; then it waits for the one that runs. A job that is still running, or waiting for another, when it is
// due again is left out that time. An error is that of an expression that can't be understood.
func Run(ctx context.Context, log zerolog.Logger, jobs ...Job) error {
	all := make([]scheduled, len(jobs))
	for i, job := range jobs {
		schedule, err := cron.ParseStandard(job.When)
		if err != nil {
			return fmt.Errorf("job %q: %w", job.Name, err)
		}
		all[i] = scheduled{job, schedule}
	}
	run(ctx, log, all)
	return nil
}

type scheduled struct {
	Job
	schedule cron.Schedule
}

// run is Run with schedules of any kind.
func run(ctx context.Context, log zerolog.Logger, jobs []scheduled) {
	c := cron.New(cron.WithLogger(cron.DiscardLogger), cron.WithChain(cron.SkipIfStillRunning(cron.DiscardLogger)))
	turn := make(chan struct{}, 1)
	for _, job := range jobs {
		c.Schedule(job.schedule, cron.FuncJob(func() { job.once(ctx, log, turn) }))
	}
	c.Start()
	<-ctx.Done()
	<-c.Stop().Done()
}

// once runs a job after its delay, when it is its turn.
func (j Job) once(ctx context.Context, log zerolog.Logger, turn chan struct{}) {
	if !j.delayed(ctx) {
		return
	}
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return
	}
	log = log.With().Str("job", j.Name).Logger()
	start := time.Now()
	if err := guarded(ctx, j.Run); ctx.Err() != nil {
		return // cut off by the stop, which is no failure
	} else if err != nil {
		log.Error().Err(err).Msg("job failed")
		return
	}
	log.Info().Dur("took", time.Since(start)).Msg("job done")
}

// delayed waits; false when ctx ended meanwhile.
func (j Job) delayed(ctx context.Context) bool {
	if j.Spread <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(rand.N(j.Spread)) //nolint:gosec // it hides nothing
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// guarded turns a panic into an error: a faulty job must not end the server.
func guarded(ctx context.Context, fn func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return fn(ctx)
}
