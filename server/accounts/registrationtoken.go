package accounts

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"

	"beffroi/server/limits"
	"beffroi/server/merr"
	"beffroi/server/store"
)

const (
	maxRegistrationTokens     = 10_000
	maxRegistrationTokenBytes = 64
	newTokenBytes             = 16
)

// RegistrationToken lets people register who were given it.
type RegistrationToken struct {
	Token       string // see checkRegistrationToken; empty in a new one: the server makes it
	UsesAllowed *int64 // nil: any number
	Pending     int64  // how many have shown it and have not registered yet
	Completed   int64  // how many registered with it
	Expires     *int64 // milliseconds; nil: never
}

// usable tells whether one more may register.
func (t RegistrationToken) usable(now int64) bool {
	return (t.UsesAllowed == nil || t.Completed+t.Pending < *t.UsesAllowed) && (t.Expires == nil || now < *t.Expires)
}

// RegistrationTokens lists all, the oldest first.
func (s *Service) RegistrationTokens(ctx context.Context) ([]RegistrationToken, error) {
	rows, err := store.Get(ctx, s.db, func(r *store.Reader) ([]store.RegistrationToken, error) { return r.RegistrationTokens() })
	if err != nil {
		return nil, err
	}
	tokens := make([]RegistrationToken, len(rows))
	for i, row := range rows {
		if tokens[i], err = s.openRegistrationToken(row); err != nil {
			return nil, err
		}
	}
	return tokens, nil
}

// RegistrationToken gives one, or 404 M_NOT_FOUND.
func (s *Service) RegistrationToken(ctx context.Context, token string) (t RegistrationToken, err error) {
	err = s.db.Read(ctx, func(r *store.Reader) (err error) {
		t, err = s.findRegistrationToken(r, token)
		return err
	})
	return t, err
}

// AddRegistrationToken makes one and gives it. It refuses with 400 M_INVALID_PARAM what is malformed, over in advance or there already.
func (s *Service) AddRegistrationToken(ctx context.Context, t RegistrationToken) (_ RegistrationToken, err error) {
	if t.Token == "" {
		if t.Token, err = s.randomLetters(newTokenBytes, 'a'); err != nil {
			return t, err
		}
	}
	if err := checkRegistrationToken(t.Token); err != nil {
		return t, err
	}
	if err := checkUses(t.UsesAllowed); err != nil {
		return t, err
	}
	if err := s.checkExpiry(t.Expires); err != nil {
		return t, err
	}
	t.Pending, t.Completed = 0, 0
	row := store.RegistrationToken{Hash: s.sealer.hash(t.Token), Sealed: s.sealer.seal(t.Token), UsesAllowed: t.UsesAllowed, Expires: t.Expires,
		Created: store.Millis(s.now())}
	return t, s.db.Write(ctx, func(tx *store.Tx) error {
		n, err := tx.CountRegistrationTokens()
		if err != nil {
			return err
		}
		if n >= maxRegistrationTokens {
			return merr.InvalidParam("There can be %d registration tokens", maxRegistrationTokens)
		}
		fresh, err := tx.PutRegistrationToken(row)
		if err == nil && !fresh {
			err = merr.InvalidParam("This registration token is there already")
		}
		return err
	})
}

// ChangeRegistrationToken lets change set UsesAllowed and Expires of one, and gives it. It refuses with 404 M_NOT_FOUND or 400 M_INVALID_PARAM.
func (s *Service) ChangeRegistrationToken(ctx context.Context, token string, change func(*RegistrationToken)) (t RegistrationToken, err error) {
	err = s.db.Write(ctx, func(tx *store.Tx) (err error) {
		if t, err = s.findRegistrationToken(&tx.Reader, token); err != nil {
			return err
		}
		before := t.Expires
		change(&t)
		if err := checkUses(t.UsesAllowed); err != nil {
			return err
		}
		if t.Expires != before {
			if err := s.checkExpiry(t.Expires); err != nil {
				return err
			}
		}
		return tx.LimitRegistrationToken(store.RegistrationToken{Hash: s.sealer.hash(token), UsesAllowed: t.UsesAllowed, Expires: t.Expires})
	})
	return t, err
}

// DeleteRegistrationToken removes one, or gives 404 M_NOT_FOUND.
func (s *Service) DeleteRegistrationToken(ctx context.Context, token string) error {
	return s.db.Write(ctx, func(tx *store.Tx) error {
		found, err := tx.DeleteRegistrationToken(s.sealer.hash(token))
		if err == nil && !found {
			err = errNoRegistrationToken()
		}
		return err
	})
}

// RegistrationTokenUsable tells whether somebody could register with a token now; not with one that is nobody's. limits.WithClient says in ctx who guesses.
// Source: client-server API, "Token-authenticated registration".
func (s *Service) RegistrationTokenUsable(ctx context.Context, token string) (bool, error) {
	a := limits.Attempt{Addr: limits.ClientOf(ctx)}
	if err := s.cfg.Guesses.Admit(a); err != nil {
		return false, err
	}
	t, err := s.RegistrationToken(ctx, token)
	if merr.Is(err, "M_NOT_FOUND") {
		s.cfg.Guesses.Wrong(a)
		return false, nil
	}
	return err == nil && t.usable(store.Millis(s.now())), err
}

// registrationTokenStage is completed with a token that is usable, and uses it when the account is made.
// Source: client-server API, "Token-authenticated registration".
func (s *Service) registrationTokenStage() Stage {
	return Stage{Type: TypeRegistrationToken,
		Check: func(ctx context.Context, auth json.RawMessage) (string, bool, error) {
			var sent struct {
				Token string `json:"token"`
			}
			if err := json.Unmarshal(auth, &sent); err != nil {
				return "", false, merr.BadJSON("auth has the wrong shape").Because(err)
			}
			usable, err := s.RegistrationTokenUsable(ctx, sent.Token)
			return sent.Token, usable, err
		},
		Settle: func(tx *store.Tx, _ store.Atom, token string) error {
			used, err := tx.UseRegistrationToken(s.sealer.hash(token), store.Millis(s.now()))
			if err == nil && !used {
				err = merr.Forbidden("This registration token was used up meanwhile")
			}
			return err
		},
	}
}

func (s *Service) findRegistrationToken(r *store.Reader, token string) (t RegistrationToken, err error) {
	row, found, err := r.RegistrationToken(s.sealer.hash(token))
	if err != nil {
		return t, err
	}
	if !found {
		return t, errNoRegistrationToken()
	}
	return s.openRegistrationToken(row)
}

func (s *Service) openRegistrationToken(row store.RegistrationToken) (t RegistrationToken, err error) {
	t = RegistrationToken{UsesAllowed: row.UsesAllowed, Completed: row.Completed, Expires: row.Expires}
	if t.Token, err = s.sealer.open(row.Hash, row.Sealed); err != nil {
		return t, fmt.Errorf("registration token: %w", err)
	}
	t.Pending = s.uia.holding(TypeRegistrationToken, t.Token)
	return t, nil
}

// checkRegistrationToken: Source: appendices, "Opaque Identifiers".
func checkRegistrationToken(token string) error {
	if len(token) > maxRegistrationTokenBytes || !regexp.MustCompile(`^[0-9A-Za-z._~-]+$`).MatchString(token) {
		return merr.InvalidParam("A registration token has 1 to %d of the characters A-Z, a-z, 0-9 and . _ ~ -", maxRegistrationTokenBytes)
	}
	return nil
}

func checkUses(n *int64) error {
	if n != nil && *n < 0 {
		return merr.InvalidParam("A registration token can't be used less often than never")
	}
	return nil
}

func (s *Service) checkExpiry(ts *int64) error {
	if ts != nil && *ts <= store.Millis(s.now()) {
		return merr.InvalidParam("A registration token can't have expired in advance")
	}
	return nil
}

func errNoRegistrationToken() error { return merr.NotFound("There is no such registration token") }
