// Package policy decides with which other servers this one speaks: with all but some (open), with those on trust lists and those that the town hall added
// (trusted), or with none (closed). It is asked where requests come in and where they go out, so a change counts at once and everywhere.
//
// FORMAT.md describes trust lists; ARCHITECTURE.md, "Other servers", says where the policy is asked.
package policy

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"beffroi/server/store"

	"github.com/rs/zerolog"
)

// Config is what the policy works with.
type Config struct {
	ServerName string
	Mode       Mode         // what holds until the town hall decides
	Client     *http.Client // fetches lists
	Log        zerolog.Logger
}

// Service is the policy of one server.
type Service struct {
	Config
	db      *store.DB
	now     func() time.Time
	changed chan struct{} // holds one, where something changed that nobody has looked at
	refused refusals

	mu  sync.Mutex // of who changes it
	set atomic.Pointer[ruleset]
}

// New reads what the town hall decided. A list that is damaged is told in the log, and counts as one that has not come yet.
func New(ctx context.Context, db *store.DB, now func() time.Time, c Config) (*Service, error) {
	s := &Service{Config: c, db: db, now: now, changed: make(chan struct{}, 1), refused: newRefusals(now)}
	set, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	s.set.Store(set)
	return s, nil
}

// Close ends the connections to where lists are.
func (s *Service) Close() { s.Client.CloseIdleConnections() }

// Changed gives a value when the policy has changed since the last one.
func (s *Service) Changed() <-chan struct{} { return s.changed }

func (s *Service) tellChanged() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// load reads everything from the database.
func (s *Service) load(ctx context.Context) (*ruleset, error) {
	set := newRuleset(s.ServerName, Settings{s.Mode, Refuse})
	err := s.db.Read(ctx, func(r *store.Reader) error {
		return errors.Join(s.readSettings(r, set), s.readServers(r, set), s.readLists(r, set))
	})
	set.index()
	return set, err
}

// readSettings closes the server where nobody knows any more what was decided.
func (s *Service) readSettings(r *store.Reader, set *ruleset) error {
	b, err := r.MetaBytes(store.MetaPolicy)
	if err != nil || b == nil {
		return err
	}
	if err := errors.Join(json.Unmarshal(b, &set.Settings), set.valid()); err != nil {
		s.Log.Error().Err(err).Msg("ce que la mairie a choisi pour les autres serveurs est abîmé dans la base : la messagerie leur est fermée jusqu'à ce qu'elle choisisse de nouveau")
		set.Settings = Settings{Closed, Refuse}
	}
	return nil
}

func (s *Service) readServers(r *store.Reader, set *ruleset) error {
	denied, err := r.DeniedServers()
	if err != nil {
		return err
	}
	for _, d := range denied {
		set.denied[d.Pattern] = d
	}
	added, err := r.TrustedServers()
	if err != nil {
		return err
	}
	for name, b := range added {
		server, err := ParseServer(b)
		if err != nil {
			s.Log.Error().Err(err).Str("server", name).Msg("un serveur ajouté par la mairie est abîmé dans la base : il n'est plus admis par elle")
			continue
		}
		set.added[name] = server
	}
	return nil
}

func (s *Service) readLists(r *store.Reader, set *ruleset) error {
	rows, err := r.TrustLists()
	if err != nil {
		return err
	}
	for _, row := range rows {
		sub := &Subscription{TrustList: row}
		set.lists[row.ID] = sub
		b, err := r.TrustDocument(row.ID)
		if err != nil {
			return err
		}
		if b == nil {
			continue
		}
		if sub.List, err = sub.read(b); err != nil {
			s.Log.Error().Err(err).Str("list", row.ID).Msg("une liste de confiance est abîmée dans la base : elle ne vaut plus jusqu'à ce qu'elle soit relue à sa source")
		}
	}
	return nil
}
