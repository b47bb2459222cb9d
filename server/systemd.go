package server

import (
	"context"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/rs/zerolog"
)

// tellManager tells the service manager that started us (sd_notify(3)) that the server is ready, that the process is
// alive, twice in each period of its watchdog, and that it stops, when ctx ends; then it returns. Without a manager
// nobody is told. The process speaks, not the writer: a disk that is slow for a minute is no reason to be killed.
func tellManager(ctx context.Context, log zerolog.Logger) {
	tell := func(state string) {
		if _, err := daemon.SdNotify(false, state); err != nil {
			log.Warn().Err(err).Str("state", state).Msg("the service manager could not be told")
		}
	}
	tell(daemon.SdNotifyReady)
	var tick <-chan time.Time
	period, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn().Err(err).Msg("the service manager's watchdog is not fed")
	} else if period > 0 {
		ticker := time.NewTicker(period / 2)
		defer ticker.Stop()
		tick = ticker.C
	}
	for {
		select {
		case <-tick:
			tell(daemon.SdNotifyWatchdog)
		case <-ctx.Done():
			tell(daemon.SdNotifyStopping)
			return
		}
	}
}
