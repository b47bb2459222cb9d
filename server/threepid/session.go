package threepid

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"beffroi/server/mail"
	"beffroi/server/merr"
	"beffroi/server/store"
)

// Purpose is what an address is proven for. What proves one thing proves nothing for another.
type Purpose string

// The purposes.
const (
	Add      Purpose = "add"      // to an account
	Reset    Purpose = "reset"    // the password of the account that has it
	Register Purpose = "register" // an account that will have it
)

// How long a session lasts, and how long at least once it is proven.
const (
	lifetime      = 24 * time.Hour
	resetLifetime = time.Hour
	provenFor     = 15 * time.Minute
)

const (
	maxSecretBytes = 255
	maxLinkBytes   = 2000
)

// Request asks for a mail that lets its reader prove that an address is theirs.
type Request struct {
	Purpose      Purpose
	ClientSecret string
	Address      string // as it was typed
	SendAttempt  int64
	NextLink     string // where the browser goes afterwards; empty, or not to this server: nowhere
	Language     string // of mail.Language
	From         netip.Addr
	User         store.Atom // who asks; 0: somebody without an account
}

// RequestToken begins a session and sends its mail, and gives the session's id. The same address, client secret and purpose continue the session; another
// mail goes only where SendAttempt is higher. A mail goes whether the address is somebody's or not: what doesn't fit is told in it, and the session
// is never proven then.
//
// Errors: 400 M_INVALID_PARAM, 400 M_THREEPID_MEDIUM_NOT_SUPPORTED or 403 M_THREEPID_DENIED where this server sends no mail or to no such address,
// 429 M_LIMIT_EXCEEDED.
// Source: client-server API, "POST /_matrix/client/v3/account/3pid/email/requestToken", and identity service API, "Establishing associations".
func (s *Service) RequestToken(ctx context.Context, q Request) (sid string, err error) {
	if q.Address, err = s.check(ctx, q); err != nil {
		return "", err
	}
	secret := sha256.Sum256([]byte(q.ClientSecret))
	token := rand.Text()
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		session, found, err := tx.ThreepidSessionAsked(q.Address, string(q.Purpose), secret[:])
		if err != nil {
			return err
		}
		now := s.now()
		if !found || session.Expires <= store.Millis(now) {
			session = store.ThreepidSession{SID: rand.Text(), Purpose: string(q.Purpose), ClientSecret: secret[:], Address: q.Address, SendAttempt: q.SendAttempt - 1}
		}
		sid = session.SID
		if q.SendAttempt <= session.SendAttempt || session.Validated != 0 {
			return nil
		}
		if err := s.bound(tx, q); err != nil {
			return err
		}
		session.SendAttempt, session.Language, session.NextLink, session.Asked = q.SendAttempt, q.Language, "", store.Millis(now)
		session.Expires = store.Millis(now.Add(q.Purpose.lifetime()))
		if s.ours(q.NextLink) {
			session.NextLink = q.NextLink
		}
		return s.ask(tx, session, token)
	})
	return sid, err
}

func (p Purpose) lifetime() time.Duration {
	if p == Reset {
		return resetLifetime
	}
	return lifetime
}

// check gives the address of a request in the form in which it is kept.
func (s *Service) check(ctx context.Context, q Request) (string, error) {
	switch {
	case !s.mail.Ready() && q.Purpose == Add:
		return "", merr.New(http.StatusBadRequest, "M_THREEPID_MEDIUM_NOT_SUPPORTED", "This server sends no e-mail")
	case !s.mail.Ready():
		return "", merr.New(http.StatusForbidden, "M_THREEPID_DENIED", "This server sends no e-mail")
	case !isSecret(q.ClientSecret):
		return "", merr.InvalidParam("client_secret has 1 to %d characters of 0-9 a-z A-Z . = _ -", maxSecretBytes)
	case q.SendAttempt < 0:
		return "", merr.InvalidParam("send_attempt is less than 0")
	case len(q.NextLink) > maxLinkBytes:
		return "", merr.InvalidParam("next_link is longer than %d bytes", maxLinkBytes)
	}
	address, err := mail.ParseAddress(q.Address)
	if err != nil || q.Purpose != Register {
		return address, err
	}
	return address, s.admits(ctx, address)
}

func isSecret(s string) bool {
	return s != "" && len(s) <= maxSecretBytes &&
		strings.Trim(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.=_-") == ""
}

// ask keeps a session and queues its mail: with a link where the address is what the purpose wants, else with what is wrong.
func (s *Service) ask(tx *store.Tx, session store.ThreepidSession, token string) error {
	owner, taken, err := tx.Threepid(session.Address)
	if err != nil {
		return err
	}
	m := mail.Message{To: session.Address, Language: session.Language, Data: mail.Data{Address: session.Address, At: time.UnixMilli(session.Asked)}}
	purpose := Purpose(session.Purpose)
	if taken == (purpose == Reset) {
		sum := sha256.Sum256([]byte(token))
		session.Token = sum[:]
		m.Template, m.Data.Link, m.Data.Until = linking(purpose), s.baseURL+Path+"?jeton="+token, time.UnixMilli(session.Expires)
	} else {
		session.Token = []byte{}
		m.Template, m.Expires = explaining(purpose), time.UnixMilli(session.Expires)
	}
	if taken {
		if m.Data.UserID, err = tx.Text(owner.User); err != nil {
			return err
		}
	}
	if err := tx.PutThreepidSession(session); err != nil {
		return err
	}
	return s.mail.SendIn(tx, m)
}

// linking gives the mail of a purpose that lets its reader prove the address.
func linking(p Purpose) mail.Template {
	switch p {
	case Reset:
		return mail.ResetPassword
	case Register:
		return mail.ConfirmRegister
	default:
		return mail.ConfirmAddress
	}
}

// explaining gives the mail of a purpose that the address does not fit.
func explaining(p Purpose) mail.Template {
	switch p {
	case Reset:
		return mail.NoAccount
	case Register:
		return mail.AlreadyAccount
	default:
		return mail.AddressTaken
	}
}

// proven finds a session that a client names with its secret, and tells whether it proves its address for a purpose.
func (s *Service) proven(r *store.Reader, purpose Purpose, sid, clientSecret string) (store.ThreepidSession, bool, error) {
	session, found, err := r.ThreepidSession(sid)
	if err != nil || !found {
		return session, false, err
	}
	secret := sha256.Sum256([]byte(clientSecret))
	return session, session.Purpose == string(purpose) && session.Validated != 0 && session.Expires > store.Millis(s.now()) &&
		subtle.ConstantTimeCompare(session.ClientSecret, secret[:]) == 1, nil
}

// Path is the page that the links in mails lead to, below the base URL. The token is its query parameter "jeton".
const Path = "/_beffroi/courriel"

// Opened is what a mail's link is about, for the page that it leads to.
type Opened struct {
	Purpose  Purpose
	Address  string
	UserID   string // whose password is to be set; "": of another purpose
	Language string
	Proven   bool   // somebody has confirmed it already
	NextLink string // to a page of this server; "": none
}

// Look tells what a link is about. It changes nothing, since programs that look into mails open links. ok is false where the link is of no session that is
// still open.
func (s *Service) Look(ctx context.Context, token string) (o Opened, ok bool, err error) {
	err = s.db.Read(ctx, func(r *store.Reader) error {
		session, found, err := s.linked(r, token)
		if err != nil || !found {
			return err
		}
		o, ok = opened(session), true
		if o.Purpose != Reset {
			return nil
		}
		owner, found, err := r.Threepid(session.Address)
		if ok = found; err != nil || !found {
			return err
		}
		o.UserID, err = r.Text(owner.User)
		return err
	})
	return o, ok, err
}

// Confirm proves the address of a link's session. It may be done twice.
func (s *Service) Confirm(ctx context.Context, token string) (o Opened, ok bool, err error) {
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		session, found, err := s.linked(&tx.Reader, token)
		if err != nil || !found {
			return err
		}
		if session.Validated == 0 {
			session.Validated = store.Millis(s.now())
			session.Expires = max(session.Expires, store.Millis(s.now().Add(provenFor)))
			err = tx.PutThreepidSession(session)
		}
		o, ok = opened(session), true
		return err
	})
	return o, ok, err
}

func (s *Service) linked(r *store.Reader, token string) (store.ThreepidSession, bool, error) {
	sum := sha256.Sum256([]byte(token))
	session, found, err := r.ThreepidSessionByToken(sum[:])
	return session, found && session.Expires > store.Millis(s.now()), err
}

func opened(session store.ThreepidSession) Opened {
	return Opened{Purpose: Purpose(session.Purpose), Address: session.Address, Language: session.Language, Proven: session.Validated != 0, NextLink: session.NextLink}
}
