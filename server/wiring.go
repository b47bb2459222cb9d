package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"

	"beffroi/server/accounts"
	"beffroi/server/admin"
	"beffroi/server/adminapi"
	"beffroi/server/appservice"
	"beffroi/server/clientapi"
	"beffroi/server/config"
	"beffroi/server/delayed"
	"beffroi/server/directory"
	"beffroi/server/e2ee"
	"beffroi/server/ephemeral"
	"beffroi/server/fedapi"
	"beffroi/server/federation/inbox"
	"beffroi/server/federation/outbox"
	"beffroi/server/federation/remote"
	"beffroi/server/httpx"
	"beffroi/server/journal"
	"beffroi/server/keys"
	"beffroi/server/mail"
	"beffroi/server/mailpage"
	"beffroi/server/media"
	"beffroi/server/policy"
	"beffroi/server/preview"
	"beffroi/server/push"
	"beffroi/server/push/pusher"
	"beffroi/server/registrations"
	"beffroi/server/rooms"
	"beffroi/server/search"
	"beffroi/server/store"
	"beffroi/server/syncer"
	"beffroi/server/threepid"
)

// services are the parts of the homeserver, from the ground up.
type services struct {
	journal  *journal.Service
	accounts *accounts.Service
	rooms    *rooms.Service
	e2ee     *e2ee.Service
	media    *media.Service
	previews *preview.Service
	talk     *ephemeral.Service
	push     *push.Service
	pushers  *pusher.Service
	syncer   *syncer.Syncer

	directory *directory.Service
	delayed   *delayed.Service
	index     *search.Index
	mail      *mail.Service
	threepids *threepid.Service
	mailPages *mailpage.Pages

	keys          *keys.Own
	ring          *keys.Ring      // nil: no federation
	remote        *remote.Client  // nil: no federation
	inbox         *inbox.Service  // nil: no federation
	outbox        *outbox.Service // nil: no federation
	policy        *policy.Service
	registrations *registrations.Set
	bridges       *appservice.Service
	admin         *admin.Service
}

// wire makes the services on the database. What it opened is in s, for Close, also where it fails.
func (s *Server) wire(ctx context.Context) (err error) {
	if err := s.register(); err != nil {
		return err
	}
	s.journal = journal.New(s.db, time.Now, s.log)
	if err = s.wireFederation(ctx); err != nil {
		return err
	}
	s.e2ee = e2ee.New(s.db, s.hub, time.Now, s.e2eeConfig())
	s.wireOutbox()
	s.push = push.New(s.db, s.hub)
	if err := s.wireMail(ctx); err != nil {
		return err
	}
	cfg := s.accountsConfig()
	cfg.Contacts, cfg.IgnoredChanged, cfg.Renamed = s.threepids, s.push.IgnoredChanged, s.e2ee.DeviceRenamed
	if s.accounts, err = accounts.New(ctx, s.db, s.hub, cfg, time.Now, rand.Reader, s.e2ee, s.pushers); err != nil {
		return err
	}
	if err := s.wireRooms(ctx); err != nil {
		return err
	}
	epoch, err := store.Get(ctx, s.db, func(r *store.Reader) (int64, error) { return r.MetaInt(store.MetaEpoch) })
	if err != nil {
		return err
	}
	s.syncer = syncer.New(s.db, s.hub, time.Now, epoch, syncer.Sources{Still: s.accounts.Still, Ephemeral: s.talk, E2EE: s.e2ee, Push: s.push})
	return nil
}

// register reads who the application services are, and warns of those that read everything.
func (s *Server) register() (err error) {
	s.registrations, err = registrations.Load(s.cfg.AppServices, s.cfg.ServerName)
	for _, r := range s.registrations.All() {
		if r.HasEverybody() {
			s.log.Warn().Msg(r.File + " : ce service peut agir au nom de chacun et lire tous les salons non chiffrés")
		}
	}
	return err
}

// wireRooms makes the room core and what stands beside it.
func (s *Server) wireRooms(ctx context.Context) (err error) {
	content := media.Config{DataDir: s.cfg.DataDir, ServerName: s.cfg.ServerName, MaxUpload: s.cfg.Media.MaxUploadBytes, Log: s.log}
	if s.remote != nil {
		content.Remote = remote.NewMedia(s.remote)
	}
	if s.media, err = media.New(s.db, s.hub, content, time.Now, rand.Reader); err != nil {
		return err
	}
	if err := s.wirePreviews(); err != nil {
		return err
	}
	if s.talk, err = ephemeral.New(s.db, s.hub, time.Now, rand.Reader, s.log, s.cfg.Presence.Enabled, s.elsewhere()); err != nil {
		return err
	}
	s.bridges = appservice.New(s.db, s.hub, time.Now, appservice.Config{Set: s.registrations, ServerName: s.cfg.ServerName, Ephemeral: s.talk, Log: s.log})
	people := appservice.People{Accounts: s.accounts, Services: s.bridges}
	c := rooms.Config{Version: s.cfg.Rooms.DefaultVersion, Custody: s.cfg.Rooms.Custody, People: people, Invitable: s.accounts, Counts: s.push, Typing: s.talk, Log: s.log}
	c.ServerName, c.Signer = s.cfg.ServerName, s.keys.Signer
	if s.remote != nil {
		c.Remote = remote.Rooms{Client: s.remote, Ring: s.ring}
		c.Policy, c.Entered = s.policy, s.entered
	}
	if c.Custodian, err = s.custodian(ctx); err != nil {
		return err
	}
	s.rooms = rooms.New(s.db, s.hub, time.Now, c)
	about := directory.Config{Rooms: s.rooms, Accounts: s.accounts, Push: s.push,
		ServerName: s.cfg.ServerName, Everybody: s.cfg.Directory.Everybody, Services: s.bridges, Log: s.log}
	if s.remote != nil {
		about.Remote = s.remote
	}
	s.directory = directory.New(s.db, time.Now, about)
	if s.remote != nil {
		s.inbox = inbox.New(s.db, inbox.Config{Rooms: s.rooms, Ephemeral: s.talk, E2EE: s.e2ee, Lists: s.e2ee, Log: s.log})
	}
	s.index = search.New(s.db, s.log)
	s.delayed = delayed.New(s.db, s.directory, time.Now, s.log)
	return s.wireAdmin(ctx, c.Custodian)
}

// wirePreviews makes previews, with the configuration's settings until the administration sets others.
func (s *Server) wirePreviews() error {
	given := preview.Settings{Enabled: s.cfg.Previews.Enabled}
	allow, err := config.ParsePrefixes(s.cfg.Previews.Allow)
	if err != nil {
		return err
	}
	for _, prefix := range allow {
		given.Allow = append(given.Allow, prefix.String())
	}
	if given.Ports, err = config.ParsePorts(s.cfg.Previews.Ports); err != nil {
		return err
	}
	s.previews = preview.New(s.db, s.media, s.cfg.ServerName, given, time.Now, s.log)
	return nil
}

// wireAdmin makes administration, which stands above the other services.
func (s *Server) wireAdmin(ctx context.Context, custodian rooms.User) error {
	secret, err := store.Get(ctx, s.db, func(r *store.Reader) ([]byte, error) { return r.MetaBytes(store.MetaTokenSecret) })
	s.admin = admin.New(s.db, time.Now, admin.Config{Journal: s.journal, Accounts: s.accounts, Rooms: s.rooms, E2EE: s.e2ee, Media: s.media, Mail: s.mail, Threepids: s.threepids,
		ServerName: s.cfg.ServerName, BaseURL: s.cfg.ClientBaseURL(), DataDir: s.cfg.DataDir, Custodian: custodian, Secret: secret, Random: rand.Reader, Log: s.log})
	return err
}

// claim holds a data folder to its server name: every id in it ends with it. Without one in the configuration the folder's is taken; it stays
// empty where nobody gave one yet. A configured name ends a wizard that was begun.
func (s *Server) claim(ctx context.Context) error {
	return s.db.Write(ctx, func(tx *store.Tx) error {
		name, err := tx.MetaText(store.MetaServerName)
		switch {
		case err != nil:
			return err
		case s.cfg.ServerName == "":
			s.cfg.ServerName = name
		case name == "":
			return errors.Join(tx.PutMeta(store.MetaServerName, s.cfg.ServerName), tx.DeleteMeta(store.MetaSetup))
		case name != s.cfg.ServerName:
			return fmt.Errorf("server_name = %q : ce dossier de données est celui du serveur %q", s.cfg.ServerName, name)
		}
		return nil
	})
}

func (s *Server) accountsConfig() accounts.Config {
	c := s.cfg
	return accounts.Config{ServerName: c.ServerName, Custodian: c.Rooms.Custodian,
		Password: accounts.Cost{MemoryKiB: c.Password.MemoryKiB, Iterations: c.Password.Iterations, Threads: 1},
		Registration: accounts.Registration{Enabled: c.Registration.Enabled, AllowDummy: c.Registration.AllowDummy,
			SharedSecret: c.Registration.SharedSecret},
		Guesses: s.guesses, Services: s.registrations}
}

// custodian is the town hall's account.
func (s *Server) custodian(ctx context.Context) (rooms.User, error) {
	if s.cfg.Rooms.Custodian == "" {
		return rooms.User{}, nil
	}
	u := rooms.User{ID: "@" + s.cfg.Rooms.Custodian + ":" + s.cfg.ServerName}
	err := s.db.Write(ctx, func(tx *store.Tx) (err error) {
		u.Atom, err = tx.Atom(u.ID)
		return err
	})
	return u, err
}

// routes is the whole API. What no route matches is answered as the specification says.
func (s *Server) routes() http.Handler {
	client := &clientapi.API{
		DB: s.db, Now: time.Now, ServerName: s.cfg.ServerName, BaseURL: s.cfg.ClientBaseURL(),
		Journal: s.journal, Accounts: s.accounts, Rooms: s.rooms, Directory: s.directory, Delayed: s.delayed, Leaver: s.rooms, Profiles: s.rooms, E2EE: s.e2ee, Ephemeral: s.talk, Syncer: s.syncer,
		Media: s.media, Previews: s.previews, Push: s.push, Pushers: s.pushers, Index: s.index, OpenMedia: s.cfg.Media.Unauthenticated, RoomVersion: s.rooms.DefaultVersion(),
		Services: s.bridges, Threepids: s.threepids, RegistrationStages: []accounts.Stage{s.threepids.Stage(threepid.Register)},
	}
	gate := s.gate
	if s.ring != nil {
		gate.Origins = s.ring
	}
	adapter := httpx.New[*accounts.Session](s.accounts, gate, s.log)
	adapter.Mount(client.Routes())
	adapter.Mount(fedapi.OpenID{Accounts: s.accounts}.Routes())
	if s.ring != nil {
		federation := &fedapi.API{DB: s.db, ServerName: s.cfg.ServerName, Address: s.cfg.FederationAddress(), Version: s.version, Now: time.Now, Own: s.keys, Ring: s.ring,
			Accounts: s.accounts, Directory: s.directory, Rooms: s.rooms, E2EE: s.e2ee, Media: s.media, Inbox: s.inbox}
		adapter.Mount(federation.Routes())
	}
	adapter.Mount(s.mailPages.Routes())
	adapter.Mount(adminapi.New(adminapi.API{DB: s.db, ServerName: s.cfg.ServerName, Version: s.version, Admin: s.admin, Accounts: s.accounts, Previews: s.previews,
		Directory: s.directory, Journal: s.journal, Keys: s.keys, Policy: s.policy, Partners: partners{s}, Outbox: s.outbox}).Routes())
	if s.ring == nil {
		return adapter
	}
	return policy.NewGateway(s.policy, adapter, keys.Claimed)
}
