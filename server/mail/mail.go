// Package mail writes this server's mails, French or English, and takes them to the town hall's mail server. What is to be sent waits in a queue in the
// database, so no mail is lost to a mail server that is away, or to a restart.
package mail

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"beffroi/server/merr"
	"beffroi/server/store"
)

// Config is what the service needs of others.
type Config struct {
	ServerName string
	Dial       Dial           // reaches the mail server, wherever the town hall has it
	Roots      *x509.CertPool // that mail servers' certificates are held against; nil: the machine's
	Now        func() time.Time
	Log        zerolog.Logger
}

// Service sends mails.
type Service struct {
	db     *store.DB
	cfg    Config
	writer *writer
	ready  atomic.Bool   // there are settings
	sooner chan struct{} // there is more to send than Run knows
	anew   chan struct{} // what kept mail from going may be over
}

// New makes the service. Run sends what is given to it.
func New(ctx context.Context, db *store.DB, cfg Config) (*Service, error) {
	s := &Service{db: db, cfg: cfg, sooner: make(chan struct{}, 1), anew: make(chan struct{}, 1)}
	err := db.Read(ctx, func(r *store.Reader) error {
		settings, err := readSettings(r)
		if err != nil {
			return err
		}
		s.ready.Store(settings.Host != "")
		s.writer, err = newWriter(cfg.ServerName)
		return err
	})
	return s, err
}

// Ready tells whether the town hall has set up a mail server. Without one Send refuses.
func (s *Service) Ready() bool { return s.ready.Load() }

// Send queues a mail; it is sent soon after, or when the mail server is there again. Errors: 400 M_INVALID_PARAM where To is no address, 400 M_UNKNOWN
// where this server sends no mail, 429 M_LIMIT_EXCEEDED where too many wait.
func (s *Service) Send(ctx context.Context, m Message) error {
	return s.db.Write(ctx, func(tx *store.Tx) error { return s.SendIn(tx, m) })
}

// SendIn is Send inside a write: the mail goes if that is durable.
func (s *Service) SendIn(tx *store.Tx, m Message) error {
	if !s.Ready() {
		return merr.New(http.StatusBadRequest, "M_UNKNOWN", "This server sends no e-mail")
	}
	q, err := m.queued(s.cfg.Now())
	if err != nil {
		return err
	}
	waiting, _, err := tx.MailWaiting()
	if err != nil {
		return err
	}
	if waiting >= maxQueued {
		return merr.New(http.StatusTooManyRequests, "M_LIMIT_EXCEEDED", "Too many e-mails are waiting").With("retry_after_ms", time.Hour.Milliseconds())
	}
	tx.OnCommit(func() { poke(s.sooner) })
	return tx.QueueMail(q)
}

// Health says how sending goes, for the administrators' page.
type Health struct {
	Ready    bool      // a mail server is set up
	Waiting  int       // mails
	Oldest   time.Time // of those that wait; zero: none does
	LastSent time.Time // zero: never
	Trouble  string    // what keeps mail from going, or kept the last one, in words; empty: nothing
	Since    time.Time // of Trouble
	Dropped  int       // mails that were given up, ever
}

// state is what is remembered of how sending goes.
type state struct {
	LastSent int64   `json:"last_sent,omitempty"` // milliseconds
	Trouble  trouble `json:"trouble,omitempty"`
	Server   string  `json:"server,omitempty"` // the mail server's name in Trouble
	Since    int64   `json:"since,omitempty"`
	Dropped  int     `json:"dropped,omitempty"`
}

func readState(r *store.Reader) (s state, err error) {
	b, err := r.MetaBytes(store.MetaMailState)
	if err != nil || b == nil {
		return s, err
	}
	return s, json.Unmarshal(b, &s)
}

// Health tells how sending goes, in a language of mails.
func (s *Service) Health(ctx context.Context, language string) (Health, error) {
	h := Health{Ready: s.Ready()}
	err := s.db.Read(ctx, func(r *store.Reader) error {
		waiting, oldest, err := r.MailWaiting()
		if err != nil {
			return err
		}
		st, err := readState(r)
		if err != nil {
			return err
		}
		if !h.Ready {
			st.Trouble = troubleOff
		}
		h.Waiting, h.Oldest, h.LastSent, h.Since, h.Dropped = waiting, moment(oldest), moment(st.LastSent), moment(st.Since), st.Dropped
		if st.Trouble != "" {
			h.Trouble, err = s.words(language, st)
		}
		return err
	})
	return h, err
}

func (s *Service) words(language string, st state) (string, error) {
	return s.writer.say(language, "trouble_"+string(st.Trouble), map[string]any{"Server": st.Server})
}

// Try sends the Test mail to an address at once, past the queue, and gives in words what keeps it from going; nil where it went.
func (s *Service) Try(ctx context.Context, to, language string) error {
	q, err := Message{To: to, Language: language, Template: Test}.queued(s.cfg.Now())
	if err != nil {
		return err
	}
	settings, err := store.Get(ctx, s.db, readSettings)
	if err != nil {
		return err
	}
	wrong := s.tryNow(ctx, settings, q)
	if wrong == nil {
		return nil
	}
	text, err := s.words(language, state{Trouble: wrong.trouble, Server: settings.Host})
	return errors.Join(err, merr.New(http.StatusBadGateway, "M_UNKNOWN", "%s", text).Because(wrong))
}

func (s *Service) tryNow(ctx context.Context, settings Settings, q store.QueuedMail) *failure {
	if settings.Host == "" {
		return &failure{trouble: troubleOff, cause: errors.New("no settings")}
	}
	c, wrong := s.transport().open(ctx, settings)
	if wrong != nil {
		return wrong
	}
	defer c.close()
	return s.deliver(c, q)
}

// moment is a time of milliseconds, zero for 0.
func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// again lets Run try at once what failed.
func (s *Service) again() { poke(s.anew) }

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it is told already
	}
}
