package pusher

import (
	"context"
	"time"

	"beffroi/server/store"
)

// work is what a message is about.
type work int

const (
	nothing    work = iota
	event           // an event
	counts          // there is less unread than the device was told
	activation      // a Web Push client shows that it receives
	digest          // an e-mail
)

// job is a message that is to be made and sent.
type job struct {
	what   work
	pusher store.Pusher
	about  about
	data   pusherData
	host   string
	badge  int   // what the device was told
	note   note  // the event
	last   int64 // the position of the last event that waits
}

// verdict is what became of a message.
type verdict int

const (
	settled verdict = iota // told, or there is nothing to tell any more
	failed                 // try again
	gone                   // the pusher has ended
)

// outcome is a job that was done.
type outcome struct {
	job
	verdict verdict
	badge   int           // what the device knows now; -1: as before
	after   time.Duration // how long to wait at least before the next attempt
	told    int64         // when the digest was sent, in milliseconds
	err     error         // why it failed
}

// run makes and sends a message.
func (s *Service) run(ctx context.Context, j job) outcome {
	o := outcome{job: j, badge: -1, told: j.pusher.Told}
	if err := s.deliver(ctx, &o); err != nil {
		o.verdict, o.err = failed, err
	}
	if o.verdict == gone {
		if err := s.end(ctx, &j.pusher); err != nil {
			o.verdict, o.err = failed, err
		}
	}
	return o
}

func (s *Service) deliver(ctx context.Context, o *outcome) error {
	if o.what == digest {
		return s.mail(ctx, o)
	}
	m, err := store.Get(ctx, s.db, func(r *store.Reader) (*message, error) { return s.compose(r, &o.job) })
	if err != nil {
		return err
	}
	if m == nil {
		return nil
	}
	o.badge = m.unread
	if o.what == counts && m.unread >= o.job.badge {
		return nil
	}
	if isWebPush(o.pusher.Kind) {
		return s.push(ctx, o, m)
	}
	return s.notify(ctx, o, m)
}

// end deletes a pusher that the other side does not know any more, unless the client has set it anew meanwhile.
func (s *Service) end(ctx context.Context, p *store.Pusher) error {
	s.Log.Info().Str("user", p.UserID).Str("app", p.AppID).Msg("a pusher was ended, because it was refused")
	defer s.tell()
	return s.db.Write(ctx, func(tx *store.Tx) error {
		now, found, err := tx.Pusher(p.ID)
		if err != nil || !found || now.Since != p.Since {
			return err
		}
		return tx.DeletePusher(p.ID)
	})
}
