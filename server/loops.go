package server

import (
	"context"
	"runtime/debug"
	"sync"

	"github.com/rs/zerolog"
)

// loops are the background loops of a server: each has a name, an owner that waits for it, and ends with the others.
type loops struct {
	log     zerolog.Logger
	ctx     context.Context //nolint:containedctx // it is what ends the loops
	cancel  context.CancelFunc
	running *sync.WaitGroup
}

func newLoops(log zerolog.Logger) loops {
	ctx, cancel := context.WithCancel(context.Background())
	return loops{log: log, ctx: ctx, cancel: cancel, running: &sync.WaitGroup{}}
}

// start runs a loop until the server stops. A panic or an error ends that loop alone, and is told.
func (l loops) start(name string, run func(context.Context) error) {
	l.running.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				l.log.Error().Str("loop", name).Any("panic", p).Bytes("stack", debug.Stack()).Msg("a background loop panicked")
			}
		}()
		if err := run(l.ctx); err != nil && l.ctx.Err() == nil {
			l.log.Error().Str("loop", name).Err(err).Msg("a background loop ended")
		}
	})
}

// stop ends the loops and waits for them.
func (l loops) stop() {
	l.cancel()
	l.running.Wait()
}
