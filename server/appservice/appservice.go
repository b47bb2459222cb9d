// Package appservice speaks to application services, such as bridges: it sends them the events that concern them, asks them for users and rooms that
// are not there yet, and finds what they bridge to. What they ask of this server is the client-server API, with a session of package accounts.
//
// Each service follows the stream of events with a cursor of its own (a row of the table appservice), in transactions, one at a time. While a service is
// away nothing is kept for it but the cursor.
//
// Source: application service API.
package appservice

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"beffroi/server/dial"
	"beffroi/server/ephemeral"
	"beffroi/server/notify"
	"beffroi/server/registrations"
	"beffroi/server/store"
)

// Config is what the service works with.
type Config struct {
	Set        *registrations.Set
	ServerName string
	Ephemeral  *ephemeral.Service
	Log        zerolog.Logger
}

// Service is this server's side of all application services.
type Service struct {
	Config
	db    *store.DB
	hub   *notify.Hub
	now   func() time.Time
	peers map[string]*peer // by the ids of registrations
	asked *asked
	pause func(failures int) time.Duration
}

// New makes the service. Run delivers events.
func New(db *store.DB, hub *notify.Hub, now func() time.Time, c Config) *Service {
	s := &Service{Config: c, db: db, hub: hub, now: now, peers: map[string]*peer{}, asked: newAsked(now), pause: pause}
	for _, r := range c.Set.All() {
		s.peers[r.ID] = newPeer(r)
	}
	return s
}

// callTime bounds one request to a service. A bridge may work long on a transaction: it speaks with slow networks.
const callTime = time.Minute

// rule lets services be anywhere: whoever wrote the registration file decided it, and next to every bridge runs beside this server. Nothing is followed
// from there.
func rule() dial.Rule {
	return dial.Rule{Plain: true, Allow: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}}
}

// Run sends events to all services until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	deliveries, err := s.begin(ctx)
	if err != nil {
		return err
	}
	var running sync.WaitGroup
	for _, d := range deliveries {
		running.Go(func() { d.run(ctx) })
	}
	running.Wait()
	return nil
}

// begin reads the cursors. A service that is new, or gets a URL, begins now; one that is not configured any more is forgotten: should it come back it begins anew.
func (s *Service) begin(ctx context.Context) (deliveries []*delivery, err error) {
	now := s.db.Visible()
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		deliveries = nil
		var ids []string
		for _, r := range s.Set.All() {
			ids = append(ids, r.ID)
			cursor, known, err := tx.ServiceCursor(r.ID)
			if err != nil {
				return err
			}
			if !known || r.URL == "" {
				cursor = store.ServiceCursor{ID: r.ID, Pos: now}
			}
			if err := tx.PutServiceCursor(cursor); err != nil {
				return err
			}
			if r.URL == "" {
				continue
			}
			deliveries = append(deliveries, s.delivery(s.peers[r.ID], cursor))
		}
		return tx.KeepServices(ids)
	})
	return deliveries, err
}

var errNoURL = errors.New("the application service has no URL")
