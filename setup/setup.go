// Package setup is the wizard: what a fresh machine shows before it is a town hall's server. It stands in front of the homeserver's handler, opens
// with a one-time token (SECURITY.md), asks one question a page, and at the end founds the server in one write; from then on it passes
// everything on, and answers 404 where it was. It works without JavaScript; French is the source of its texts.
package setup

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"beffroi/server/look"
	"beffroi/server/store"
)

// Root is the address of the wizard's first page; every other one is below.
const Root = "/installation"

// How long the last page can be seen again, by the browser that finished.
const farewell = 10 * time.Minute

// Answers are what the wizard asked for, checked.
type Answers struct {
	Commune         string
	ServerName      string
	Mode            string // with which other servers it speaks: open, trusted or closed
	Localpart       string // of the first administrator
	DisplayName     string
	PasswordHash    string // as HashPassword gave it
	BackupRecipient string // "age1...", the public half of the recovery key
}

// Options are what the wizard needs of others.
type Options struct {
	DB        *store.DB
	DataDir   string
	PublicURL string // where a proxy ends https; empty: none
	Reserved  string // localpart that no administrator can have; empty: none
	Now       func() time.Time
	Random    io.Reader // cryptographically secure
	Log       zerolog.Logger

	HashPassword func(ctx context.Context, password string) (string, error)
	Found        func(ctx context.Context, answers Answers) error // makes the server and starts it, or changes nothing
	Homeserver   func() http.Handler                              // what to pass on to, once Found succeeded
}

// A Wizard serves the installation, and then the homeserver behind it.
type Wizard struct {
	Options
	steps []step
	pages map[string]pages // by language

	mu       sync.Mutex
	state    state
	sheet    *sheet // nil: made when its page is opened
	throttle *throttle
	finished time.Time // zero: not yet
}

// New reads the answers that were given before the process started.
func New(ctx context.Context, o Options) (*Wizard, error) {
	s, err := loadState(ctx, o.DB)
	if err != nil {
		return nil, err
	}
	p, err := parsePages()
	if err != nil {
		return nil, err
	}
	return &Wizard{Options: o, steps: steps(), pages: p, state: s, throttle: newThrottle(o.Now)}, nil
}

// Announce makes a token and prints, for people, where to go with it. The tokens of before stay valid for their day: one may be on paper.
func (z *Wizard) Announce(out io.Writer, addresses []string) error {
	now := z.Now()
	others, err := readTokens(z.DataDir, now)
	if err != nil {
		z.Log.Warn().Err(err).Msg("setup: tokens of before are lost")
	}
	token, err := addToken(z.DataDir, others, z.Random, now)
	if err != nil {
		return fmt.Errorf("jeton d'installation : %w", err)
	}
	return Print(out, addresses, token)
}

// Print tells people where to go with a token.
func Print(out io.Writer, addresses []string, token string) error {
	var b strings.Builder
	b.WriteString("\nBeffroi attend son installation. Ouvrez dans un navigateur :\n\n")
	for _, address := range addresses {
		b.WriteString("    " + address + Root + "?jeton=" + token + "\n")
	}
	b.WriteString("\nJeton, si la page le demande : " + token + "\n")
	b.WriteString("Il est secret et vaut 24 heures. Pour en avoir un autre : beffroi setup token\n\n")
	_, err := io.WriteString(out, b.String())
	return err
}

// Closed is a server's handler without a wizard: nothing answers where it would be.
func Closed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ours(r.URL.Path) {
			look.Protect(w.Header())
			http.NotFound(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func ours(path string) bool { return path == Root || strings.HasPrefix(path, Root+"/") }

// ServeHTTP answers under /installation; the rest is the homeserver's, once it is there.
func (z *Wizard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !ours(r.URL.Path) && z.isFinished() {
		z.Homeserver().ServeHTTP(w, r)
		return
	}
	look.Protect(w.Header())
	req, failed := z.read(w, r)
	if failed != nil {
		z.send(w, req, *failed)
		return
	}
	z.send(w, req, z.answer(req))
}

func (z *Wizard) isFinished() bool {
	z.mu.Lock()
	defer z.mu.Unlock()
	return !z.finished.IsZero()
}
