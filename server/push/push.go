// Package push keeps users' push rules and counts what they have not read.
//
// A user's rules are stored as differences from the specification's default rules, so that those can change with the
// specification. Matching is our own: maunium.net/go/mautrix/pushrules matches event_match anywhere in a value and turns other types into
// strings, where the specification wants whole strings; it knows no creators of room version 12, and loses the order of
// room and sender rules when it writes them.
//
// Spec: client-server API, "Push Notifications".
package push

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"beffroi/server/merr"
	"beffroi/server/notify"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// maxStored is the most bytes of a user's own rules.
const maxStored = 128 << 10

// Service serves push rules and unread counts.
type Service struct {
	db        *store.DB
	hub       *notify.Hub
	law       pdu.Rules // of events that are made up
	defaults  matchers  // the default rules, as far as they count
	usual     *compiled // all of the default rules
	authors   authors
	ignorers  ignorers
	audiences *cache[string, *audience] // by room id
	compiled  *cache[string, *compiled] // by the name of a group
	wholes    *cache[string, *compiled] // by the user and their last change
	tallies   *cache[unreadKey, tally]
}

// Bounds of what is remembered, twice each: users in audiences, bytes of compiled rules, and what users have not read of rooms.
const (
	maxAudience = 50_000
	maxCompiled = 4 << 20
	maxTallies  = 10_000
)

// New makes the service.
func New(db *store.DB, hub *notify.Hub) *Service {
	usual, rules := Defaults(""), Defaults("")
	rules.withoutOneToOne()
	law, _ := pdu.RulesFor("12")
	return &Service{db: db, hub: hub, law: law, defaults: compile(&rules), usual: &compiled{matchers: compile(&usual)},
		authors: authors{users: map[store.Atom]author{}}, ignorers: newIgnorers(),
		audiences: newCache[string, *audience](maxAudience), compiled: newCache[string, *compiled](maxCompiled),
		wholes: newCache[string, *compiled](maxCompiled), tallies: newCache[unreadKey, tally](maxTallies)}
}

// Rules gives a user's push rules in full.
func (s *Service) Rules(ctx context.Context, user store.Atom, userID string) (Ruleset, error) {
	c, _, err := s.load(ctx, user)
	return c.expand(userID), err
}

// Content gives the content of m.push_rules as clients read it, from what is stored (nil where there is nothing).
func Content(stored []byte, userID string) (json.RawMessage, error) {
	c, err := parseChanges(stored)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]Ruleset{"global": c.expand(userID)})
}

func (s *Service) load(ctx context.Context, user store.Atom) (*changes, store.AccountData, error) {
	data, err := store.Get(ctx, s.db, func(r *store.Reader) (store.AccountData, error) {
		return r.AccountData(user, 0, store.AtomPushRules)
	})
	if err != nil {
		return &changes{}, data, err
	}
	c, err := parseChanges(data.Content)
	return c, data, err
}

var errChangedMeanwhile = errors.New("push rules were changed meanwhile")

// change edits a user's rules and wakes the user's devices. The edit is made outside of the writer, and made again where another
// one came in between.
func (s *Service) change(ctx context.Context, user store.Atom, edit func(*changes) error) error {
	for {
		c, old, err := s.load(ctx, user)
		if err != nil {
			return err
		}
		if err := edit(c); err != nil {
			return err
		}
		content, err := json.Marshal(c)
		if err != nil {
			return err
		}
		if len(content) > maxStored {
			return merr.TooLarge("Your push rules are larger than %d bytes", maxStored)
		}
		if bytes.Equal(content, old.Content) {
			return nil
		}
		if err = s.replace(ctx, user, old, content); !errors.Is(err, errChangedMeanwhile) {
			return err
		}
	}
}

// replace stores rules where they still are the old ones.
func (s *Service) replace(ctx context.Context, user store.Atom, old store.AccountData, content []byte) error {
	return s.db.Write(ctx, func(tx *store.Tx) error {
		now, err := tx.AccountData(user, 0, store.AtomPushRules)
		if err != nil {
			return err
		}
		if now.Pos != old.Pos {
			return errChangedMeanwhile
		}
		pos, err := tx.NextPos()
		if err != nil {
			return err
		}
		id, err := tx.Text(user)
		if err != nil {
			return err
		}
		tx.OnCommit(func() {
			s.authors.note(user, id)
			s.hub.Wake(int64(user))
		})
		return tx.PutAccountData(user, store.AccountData{Type: store.AtomPushRules, Content: content, Pos: pos})
	})
}

func parseChanges(stored []byte) (*changes, error) {
	c := &changes{}
	if len(stored) == 0 {
		return c, nil
	}
	if err := json.Unmarshal(stored, c); err != nil {
		return c, fmt.Errorf("stored push rules: %w", err)
	}
	return c, nil
}
