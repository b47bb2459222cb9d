package mail

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"time"

	"beffroi/server/store"
)

const (
	atOnce    = 20                     // mails of one connection
	askedKept = 24 * time.Hour         // how long it is kept who asked for mails
	firstWait = time.Minute            // after the first failure; then twice as long each time
	longest   = 15 * time.Minute       // between attempts while the mail server is away
	longestMy = 6 * time.Hour          // between attempts at a mail that alone is refused
	afterOurs = 10 * time.Second       // where this server failed
	forever   = time.Duration(1) << 62 // until somebody says something
)

// Run sends what is due, until ctx ends. While the mail server is away, all mails wait together, and none of their attempts count.
func (s *Service) Run(ctx context.Context) error {
	for failures := 0; ; {
		wait, wrong, err := s.round(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			s.cfg.Log.Error().Err(err).Msg("mail: the queue could not be worked off")
			wait = afterOurs
		case wrong != nil:
			s.cfg.Log.Warn().Err(wrong).Msg("mail: what waits can't go")
			wait = backOff(failures, longest)
			failures++
		default:
			failures = 0
		}
		sooner := s.sooner
		if wrong != nil || err != nil {
			sooner = nil // more mail does not bring the server back
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-sooner:
		case <-s.anew:
			failures = 0
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

func backOff(failures int, most time.Duration) time.Duration {
	return min(most, firstWait<<min(failures, 16))
}

// round works off what is due, and gives how long nothing else will be, or what keeps all mail from going.
func (s *Service) round(ctx context.Context) (wait time.Duration, wrong *failure, err error) {
	for {
		settings, due, next, err := s.look(ctx)
		if err != nil {
			return 0, nil, err
		}
		late, due := s.late(due)
		if err := s.drop(ctx, late, settings); err != nil {
			return 0, nil, err
		}
		if settings.Host == "" || len(due) == 0 && len(late) == 0 {
			return next, nil, nil
		}
		if wrong, err := s.batch(ctx, settings, due); wrong != nil || err != nil {
			return 0, wrong, err
		}
	}
}

// look reads the settings and what is due, or when something will be.
func (s *Service) look(ctx context.Context) (settings Settings, due []store.QueuedMail, next time.Duration, err error) {
	now := store.Millis(s.cfg.Now())
	err = s.db.Read(ctx, func(r *store.Reader) (err error) {
		if settings, err = readSettings(r); err != nil {
			return err
		}
		if due, err = r.MailDue(now, atOnce); err != nil {
			return err
		}
		at, found, err := r.NextMail()
		next = time.Duration(max(at-now, 1)) * time.Millisecond
		if settings.Host == "" {
			next = longestMy // what waits is dropped in its time
		}
		if !found {
			next = forever
		}
		return err
	})
	return settings, due, next, err
}

// late parts mails whose time is over from the others.
func (s *Service) late(due []store.QueuedMail) (late, rest []store.QueuedMail) {
	now := store.Millis(s.cfg.Now())
	for _, q := range due {
		if q.Expires <= now {
			late = append(late, q)
		} else {
			rest = append(rest, q)
		}
	}
	return late, rest
}

func (s *Service) drop(ctx context.Context, late []store.QueuedMail, settings Settings) error {
	for _, q := range late {
		s.cfg.Log.Error().Int64("mail", q.ID).Str("template", string(about(q).Template)).Int("attempts", q.Attempts).Msg("mail: could not go in time, dropped")
		if err := s.note(ctx, q, &failure{trouble: troubleLate, mine: true, final: true}, settings); err != nil {
			return err
		}
	}
	return nil
}

// batch sends mails over one connection.
func (s *Service) batch(ctx context.Context, settings Settings, due []store.QueuedMail) (*failure, error) {
	if len(due) == 0 {
		return nil, nil
	}
	c, wrong := s.transport().open(ctx, settings)
	if wrong != nil {
		return wrong, s.noteTrouble(ctx, wrong, settings)
	}
	defer c.close()
	for _, q := range due {
		wrong := s.deliver(c, q)
		if wrong != nil && !wrong.mine {
			return wrong, errors.Join(s.noteTrouble(ctx, wrong, settings), s.stepBack(ctx, q, wrong))
		}
		if wrong != nil {
			s.cfg.Log.Warn().Err(wrong).Int64("mail", q.ID).Bool("dropped", wrong.final).Msg("mail: refused")
		}
		if err := s.note(ctx, q, wrong, settings); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// stepBack lets other mails go first after one with which the connection broke: it may be what breaks it.
func (s *Service) stepBack(ctx context.Context, q store.QueuedMail, wrong *failure) error {
	if ctx.Err() != nil || wrong.trouble != troubleBroken && wrong.trouble != troubleSilent {
		return nil
	}
	return s.db.Write(ctx, func(tx *store.Tx) error { return s.postpone(tx, q) })
}

// postpone lets a mail wait longer each time, but not longer than its time: then it is told that it did not go.
func (s *Service) postpone(tx *store.Tx, q store.QueuedMail) error {
	q.Due = min(store.Millis(s.cfg.Now().Add(backOff(q.Attempts, longestMy))), q.Expires)
	q.Attempts++
	return tx.PostponeMail(q)
}

func about(q store.QueuedMail) (m Message) {
	_ = json.Unmarshal(q.Message, &m) // what can't be read says nothing
	return m
}

func (s *Service) deliver(c *connection, q store.QueuedMail) *failure {
	m := about(q)
	msg, err := s.writer.write(&m, q.ID, c.settings)
	if err != nil {
		return &failure{trouble: troubleContent, cause: err, mine: true, final: true}
	}
	return c.deliver(c.settings.From, m.To, msg)
}

// note keeps what became of a mail. It was handed over, so that is kept whoever still waits.
func (s *Service) note(ctx context.Context, q store.QueuedMail, wrong *failure, settings Settings) error {
	return s.db.Write(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		now := store.Millis(s.cfg.Now())
		if err := s.change(tx, func(st *state) { st.note(now, wrong, settings.Host) }); err != nil {
			return err
		}
		if wrong == nil || wrong.final {
			return tx.DeleteMail(q.ID)
		}
		return s.postpone(tx, q)
	})
}

// noteTrouble keeps what keeps all mail from going.
func (s *Service) noteTrouble(ctx context.Context, wrong *failure, settings Settings) error {
	if ctx.Err() != nil {
		return nil // it is the stop
	}
	return s.db.Write(ctx, func(tx *store.Tx) error {
		return s.change(tx, func(st *state) { st.note(store.Millis(s.cfg.Now()), wrong, settings.Host) })
	})
}

func (st *state) note(now int64, wrong *failure, server string) {
	if wrong == nil {
		*st = state{LastSent: now, Dropped: st.Dropped}
		return
	}
	if wrong.final {
		st.Dropped++
	}
	if st.Trouble != wrong.trouble || st.Server != server {
		st.Trouble, st.Server, st.Since = wrong.trouble, server, now
	}
}

func (s *Service) change(tx *store.Tx, change func(*state)) error {
	st, err := readState(&tx.Reader)
	if err != nil {
		return err
	}
	change(&st)
	b, err := json.Marshal(st)
	if err != nil {
		return err
	}
	return tx.PutMeta(store.MetaMailState, b)
}

// Forget deletes what is kept of who asked for mails.
func (s *Service) Forget(ctx context.Context) error {
	until := store.Millis(s.cfg.Now().Add(-askedKept))
	return s.db.Write(ctx, func(tx *store.Tx) error { return tx.ForgetMailAsked(until) })
}

func (s *Service) transport() *transport {
	return &transport{dial: s.cfg.Dial, roots: s.cfg.Roots, hello: helloName(s.cfg.ServerName)}
}

// helloName is what a mail server is told who speaks: the host of the server name. Source: RFC 5321, 4.1.3.
func helloName(serverName string) string {
	host := serverName
	if h, _, err := net.SplitHostPort(serverName); err == nil {
		host = h
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is4() {
		return "[" + host + "]"
	} else if err == nil {
		return "[IPv6:" + host + "]"
	}
	return host
}
