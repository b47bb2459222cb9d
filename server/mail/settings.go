package mail

import (
	"context"
	"encoding/json"
	"net/netip"
	"strings"
	"time"
	"unicode"

	"golang.org/x/net/idna"

	"beffroi/server/merr"
	"beffroi/server/store"
)

// TLSMode says how the way to the mail server is encrypted.
type TLSMode string

// The modes. There is none that falls back to plain text.
const (
	StartTLS TLSMode = "starttls" // begins in plain text, usually on port 587
	Implicit TLSMode = "implicit" // from the first byte, usually on port 465
	None     TLSMode = "none"     // to this machine only
)

// Settings say through which mail server mails go. They are the town hall's and stand in the database.
type Settings struct {
	Host     string  `json:"host"` // name or address; empty: this server sends no mail
	Port     int     `json:"port"`
	TLS      TLSMode `json:"tls"`
	User     string  `json:"user"` // empty: without log-in
	Password string  `json:"password,omitempty"`
	From     string  `json:"from"`            // the sender's address
	Name     string  `json:"name"`            // the sender's name; empty: the commune's
	Timeout  int     `json:"timeout_seconds"` // of a whole connection

	town string // the commune's name as it is now; empty: not known
}

const defaultTimeout = 30 // seconds

// timeout is how long a connection may last.
func (s Settings) timeout() time.Duration { return time.Duration(s.Timeout) * time.Second }

// Settings gives the settings without the password, and whether there is one.
func (s *Service) Settings(ctx context.Context) (Settings, bool, error) {
	settings, err := store.Get(ctx, s.db, readSettings)
	has := settings.Password != ""
	settings.Password = ""
	return settings, has, err
}

func readSettings(r *store.Reader) (s Settings, err error) {
	if s.town, err = r.MetaText(store.MetaCommuneName); err != nil {
		return s, err
	}
	b, err := r.MetaBytes(store.MetaMail)
	if err != nil || b == nil {
		return s, err
	}
	return s, json.Unmarshal(b, &s)
}

// Configure keeps new settings, and tries what waits with them. Without a password the one of before stays, where server and user are the same: it must
// not go to another server. 400 M_INVALID_PARAM tells what is wrong.
func (s *Service) Configure(ctx context.Context, next Settings) error {
	if err := next.check(); err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx *store.Tx) error {
		last, err := readSettings(&tx.Reader)
		if err != nil {
			return err
		}
		if next.Password == "" && next.User == last.User && next.Host == last.Host && next.Port == last.Port && next.TLS == last.TLS {
			next.Password = last.Password
		}
		b, err := json.Marshal(next)
		if err != nil {
			return err
		}
		tx.OnCommit(func() {
			s.ready.Store(next.Host != "")
			s.again()
		})
		return tx.PutMeta(store.MetaMail, b)
	})
}

// check completes settings, or says what is wrong with them.
func (s *Settings) check() (err error) {
	if s.Host == "" {
		*s = Settings{}
		return nil
	}
	if s.Timeout == 0 {
		s.Timeout = defaultTimeout
	}
	if s.Host, err = hostName(s.Host); err != nil {
		return err
	}
	if s.From, err = ParseAddress(s.From); err != nil {
		return merr.InvalidParam("from is not an e-mail address")
	}
	switch {
	case s.Port < 1 || s.Port > 65535:
		return merr.InvalidParam("port is not between 1 and 65535")
	case s.TLS != StartTLS && s.TLS != Implicit && s.TLS != None:
		return merr.InvalidParam("tls is none of starttls, implicit and none")
	case s.Timeout < 1 || s.Timeout > 300:
		return merr.InvalidParam("timeout_seconds is not between 1 and 300")
	case len(s.User) > 255 || len(s.Password) > 255 || len(s.Name) > 100:
		return merr.InvalidParam("user and password have 255 bytes at most, name 100")
	case unprintable(s.User) || unprintable(s.Password) || unprintable(s.Name):
		return merr.InvalidParam("user, password and name have no control characters")
	case s.User == "" && s.Password != "":
		return merr.InvalidParam("user is missing")
	}
	return nil
}

// hostName gives a host in the form in which it is looked up, and compared with certificates.
func hostName(host string) (string, error) {
	if ip, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return ip.String(), nil
	}
	ascii, err := idna.Lookup.ToASCII(host)
	if err != nil || len(ascii) > 253 {
		return "", merr.InvalidParam("host is neither a name nor an address")
	}
	return ascii, nil
}

func unprintable(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
