// Package threepid keeps the e-mail addresses of accounts, and lets people prove that an address is theirs: this server sends the mails itself, there is
// no identity server. Whether an address belongs to an account is told to who reads its mail, and to nobody else.
//
// Source: client-server API, "Adding Account Administrative Contact Information"; appendices, "3PID Types".
package threepid

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/rs/zerolog"

	"beffroi/server/mail"
	"beffroi/server/merr"
	"beffroi/server/store"
)

// Email is the only medium there is.
const Email = "email"

// maxAddresses is how many an account has at most.
const maxAddresses = 10

// Service knows whose which address is.
type Service struct {
	db      *store.DB
	mail    *mail.Service
	baseURL string // where this server's pages are, without a slash at the end
	now     func() time.Time
	log     zerolog.Logger
}

// New makes the service. The links in mails begin with baseURL.
func New(db *store.DB, mail *mail.Service, baseURL string, now func() time.Time, log zerolog.Logger) *Service {
	return &Service{db: db, mail: mail, baseURL: baseURL, now: now, log: log}
}

// List gives the addresses of an account, the oldest first.
func (s *Service) List(ctx context.Context, user store.Atom) ([]store.Threepid, error) {
	return store.Get(ctx, s.db, func(r *store.Reader) ([]store.Threepid, error) { return r.ThreepidsOf(user) })
}

// Owner gives the user id of the account that an address belongs to, "" where it is nobody's or not of a medium that is known here.
func (s *Service) Owner(ctx context.Context, medium, address string) (userID string, err error) {
	parsed, wrong := mail.ParseAddress(address)
	if medium != Email || wrong != nil {
		return "", nil
	}
	return store.Get(ctx, s.db, func(r *store.Reader) (string, error) {
		t, found, err := r.Threepid(parsed)
		if err != nil || !found {
			return "", err
		}
		return r.Text(t.User)
	})
}

// Owns tells whether an address is a user's.
func (s *Service) Owns(r *store.Reader, user store.Atom, address string) (bool, error) {
	parsed, wrong := mail.ParseAddress(address)
	if wrong != nil {
		return false, nil
	}
	t, found, err := r.Threepid(parsed)
	return found && t.User == user, err
}

// Add gives an account the address that a session has proven, and tells its other addresses. Errors: 400 M_THREEPID_AUTH_FAILED where the session proves
// nothing, 400 M_THREEPID_IN_USE where the address is another account's, 403 M_THREEPID_DENIED where the account has too many.
func (s *Service) Add(ctx context.Context, user store.Atom, sid, clientSecret string) error {
	return s.db.Write(ctx, func(tx *store.Tx) error {
		session, proven, err := s.proven(&tx.Reader, Add, sid, clientSecret)
		if err != nil {
			return err
		}
		if !proven {
			return merr.New(http.StatusBadRequest, "M_THREEPID_AUTH_FAILED", "The address was not confirmed")
		}
		others, err := tx.ThreepidsOf(user)
		if err != nil {
			return err
		}
		if len(others) >= maxAddresses {
			return merr.New(http.StatusForbidden, "M_THREEPID_DENIED", "An account has %d addresses at most", maxAddresses)
		}
		if err := s.give(tx, user, session); err != nil {
			return err
		}
		return s.tell(tx, user, mail.AddressAdded, session.Address, without(others, session.Address))
	})
}

// give gives an account the address of a session, which is used up.
func (s *Service) give(tx *store.Tx, user store.Atom, session store.ThreepidSession) error {
	owner, taken, err := tx.Threepid(session.Address)
	if err != nil {
		return err
	}
	if taken && owner.User != user {
		return merr.New(http.StatusBadRequest, "M_THREEPID_IN_USE", "This address belongs to another account")
	}
	t := store.Threepid{Address: session.Address, User: user, Validated: session.Validated, Added: store.Millis(s.now()), Language: session.Language}
	return errors.Join(tx.PutThreepid(t), tx.DeleteThreepidSession(session.SID))
}

// Delete takes an address from an account, and tells it and the others. 404 M_THREEPID_NOT_FOUND where the account doesn't have it.
func (s *Service) Delete(ctx context.Context, user store.Atom, medium, address string) error {
	parsed, wrong := mail.ParseAddress(address)
	return s.db.Write(ctx, func(tx *store.Tx) error {
		t, found, err := tx.Threepid(parsed)
		if err != nil {
			return err
		}
		if medium != Email || wrong != nil || !found || t.User != user {
			return merr.New(http.StatusNotFound, "M_THREEPID_NOT_FOUND", "This account has no such address")
		}
		told, err := tx.ThreepidsOf(user)
		if err != nil {
			return err
		}
		return errors.Join(tx.DeleteThreepid(user, parsed), s.tell(tx, user, mail.AddressRemoved, parsed, told))
	})
}

// PasswordChanged tells an account's addresses that its password was changed, inside the write that does it.
func (s *Service) PasswordChanged(tx *store.Tx, user store.Atom) error {
	told, err := tx.ThreepidsOf(user)
	if err != nil {
		return err
	}
	return s.tell(tx, user, mail.PasswordChanged, "", told)
}

// AccountEnded frees an account's addresses, inside the write that ends it.
func (s *Service) AccountEnded(tx *store.Tx, user store.Atom) error { return tx.DeleteThreepids(user) }

// tell writes to addresses what became of their account. What was done stays done where no mail can go: that is told in the log, and by package mail.
func (s *Service) tell(tx *store.Tx, user store.Atom, about mail.Template, address string, to []store.Threepid) error {
	if !s.mail.Ready() || len(to) == 0 {
		return nil
	}
	userID, err := tx.Text(user)
	if err != nil {
		return err
	}
	for _, t := range to {
		m := mail.Message{To: t.Address, Language: t.Language, Template: about, Data: mail.Data{UserID: userID, Address: address}}
		err := s.mail.SendIn(tx, m)
		if public := new(merr.Error); errors.As(err, &public) {
			s.log.Warn().Err(err).Str("mail", string(about)).Msg("threepid: somebody could not be told")
		} else if err != nil {
			return err
		}
	}
	return nil
}

// Forget ends the sessions whose time is over.
func (s *Service) Forget(ctx context.Context) error {
	return s.db.Write(ctx, func(tx *store.Tx) error { return tx.ForgetThreepidSessions(store.Millis(s.now())) })
}

func without(all []store.Threepid, address string) (others []store.Threepid) {
	for _, t := range all {
		if t.Address != address {
			others = append(others, t)
		}
	}
	return others
}

// ours tells whether a link leads to this server.
func (s *Service) ours(link string) bool {
	u, err := url.Parse(link)
	base, baseErr := url.Parse(s.baseURL)
	return err == nil && baseErr == nil && u.Scheme == base.Scheme && u.Host == base.Host && u.User == nil
}

// PasswordLink mails a link by which somebody chooses a password, to all addresses of their account. Without mail or addresses nothing is sent.
func (s *Service) PasswordLink(ctx context.Context, user store.Atom, userID, url string, until time.Time) error {
	to, err := s.List(ctx, user)
	if err != nil || !s.mail.Ready() {
		return err
	}
	for _, t := range to {
		m := mail.Message{To: t.Address, Language: t.Language, Template: mail.PasswordLink, Data: mail.Data{UserID: userID, Link: url, Until: until}}
		err = errors.Join(err, s.mail.Send(ctx, m))
	}
	return err
}
