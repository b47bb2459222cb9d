package admin

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"beffroi/server/journal"
	"beffroi/server/merr"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// LinkPath is where links begin, below the server's address.
const LinkPath = "/_beffroi/mot-de-passe/"

// linkLifetime is how long a link is good.
const linkLifetime = 48 * time.Hour

// Link is a one-time link by which somebody chooses a password.
type Link struct {
	URL     string
	Expires time.Time
}

// PasswordLink makes a link by which a user chooses a password, as no administrator ever does for them. The password they had is gone at once and all devices are logged out;
// they are told by mail, and by a notice that they read when they log in.
func (s *Service) PasswordLink(ctx context.Context, by rooms.User, userID string) (link Link, err error) {
	a, err := s.account(ctx, userID)
	if err != nil {
		return link, err
	}
	err = s.act(ctx, by, journal.Entry{Act: journal.PasswordLink, Target: userID}, func(ctx context.Context) error {
		link, err = s.newLink(ctx, by, a.User)
		return err
	})
	if err != nil {
		return link, err
	}
	s.tellOfLink(context.WithoutCancel(ctx), by, a.User, userID, link)
	return link, nil
}

// newLink shuts the user out and makes a link.
func (s *Service) newLink(ctx context.Context, by rooms.User, user store.Atom) (Link, error) {
	raw := make([]byte, 16)
	if _, err := io.ReadFull(s.Random, raw); err != nil {
		return Link{}, err
	}
	token := strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw))
	now := s.now()
	link := Link{URL: s.BaseURL + LinkPath + token, Expires: now.Add(linkLifetime)}
	return link, s.db.Write(ctx, func(tx *store.Tx) error {
		if err := s.Accounts.ShutOut(tx, user); err != nil {
			return err
		}
		return tx.PutPasswordLink(store.PasswordLink{User: user, Token: hashed(token), Admin: by.Atom, Created: store.Millis(now), Expires: store.Millis(link.Expires)})
	})
}

// hashed is what is stored of a token. It is typed from paper: capitals and hyphens don't count.
func hashed(token string) []byte {
	sum := sha256.Sum256([]byte(strings.ToLower(strings.ReplaceAll(token, "-", ""))))
	return sum[:]
}

// tellOfLink tells the user, as far as there are ways to. The act is done: what can't be told is told in the log.
func (s *Service) tellOfLink(ctx context.Context, by rooms.User, user store.Atom, userID string, link Link) {
	if err := s.Threepids.PasswordLink(ctx, user, userID, link.URL, link.Expires); err != nil {
		s.Log.Error().Err(err).Str("user", userID).Msg("a password link could not be mailed")
	}
	s.tell(ctx, user, userID, "L'administration ("+by.ID+") a demandé que vous choisissiez un nouveau mot de passe. Toutes vos connexions ont été fermées. "+
		"Si vous ne vous y attendiez pas, parlez-en à votre mairie.\n\n"+
		"The administration ("+by.ID+") asked you to choose a new password. All your sessions were closed.")
}

// TellLink sends a link to the administrator who asked for it, as a notice: the tools of the ecosystem have no place to show one.
func (s *Service) TellLink(ctx context.Context, to rooms.User, userID string, link Link) {
	s.tell(ctx, to.Atom, to.ID, "Lien pour que "+userID+" choisisse son mot de passe, une seule fois, avant le "+link.Expires.Local().Format("02/01/2006 à 15 h 04")+
		" :\n"+link.URL+"\nTransmettez-le à cette personne seule.\n\nLink for "+userID+" to choose a password, once.")
}

// tell sends a notice of the server; a failure is told in the log only.
func (s *Service) tell(ctx context.Context, user store.Atom, userID, text string) {
	if s.Custodian.ID == "" {
		return
	}
	content, err := json.Marshal(map[string]string{"msgtype": "m.text", "body": text})
	if err == nil {
		_, err = s.notify(ctx, notice{user: user, userID: userID, content: content})
	}
	if err != nil {
		s.Log.Error().Err(err).Str("user", userID).Msg("a notice of the server could not be sent")
	}
}

// LinkUser tells whose password a link is for: 404 M_NOT_FOUND for one that was used, replaced, is too old or none.
func (s *Service) LinkUser(ctx context.Context, token string) (userID string, err error) {
	return store.Get(ctx, s.db, func(r *store.Reader) (string, error) {
		l, err := s.goodLink(r, token)
		if err != nil {
			return "", err
		}
		return r.Text(l.User)
	})
}

func (s *Service) goodLink(r *store.Reader, token string) (l store.PasswordLink, err error) {
	l, found, err := r.PasswordLink(hashed(token))
	if err != nil {
		return l, err
	}
	a, there, err := r.Account(l.User)
	if err == nil && (!found || !there || store.Millis(s.now()) >= l.Expires || a.State.Is(store.AccountDeactivated)) {
		err = merr.New(http.StatusNotFound, "M_NOT_FOUND", "This link was used, or is too old")
	}
	return l, err
}

// ChoosePassword sets the password of the link's user, once, and stands in the journal. Who calls it has looked whether the password is good enough.
func (s *Service) ChoosePassword(ctx context.Context, token, password string) error {
	userID, err := s.LinkUser(ctx, token)
	if err != nil {
		return err
	}
	phc, err := s.Accounts.HashPassword(ctx, password)
	if err != nil {
		return err
	}
	return s.Journal.Do(ctx, journal.Entry{Actor: userID, Act: journal.PasswordChosen, Target: userID}, func(ctx context.Context) error {
		return s.db.Write(ctx, func(tx *store.Tx) error {
			l, err := s.goodLink(&tx.Reader, token)
			if err != nil {
				return err
			}
			if err := s.Accounts.ShutOut(tx, l.User); err != nil { // nobody stays logged in whom the old password let in
				return err
			}
			return s.Accounts.PutPassword(tx, l.User, phc)
		})
	})
}
