package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"beffroi/server"
	"beffroi/server/accounts"
	"beffroi/server/config"
	"beffroi/server/store"
	"beffroi/setup"
)

// listenAndServe serves the homeserver, or the wizard before it where the data folder is nobody's yet.
func listenAndServe(ctx context.Context, s *server.Server, cfg config.Config, log zerolog.Logger, out io.Writer) error {
	front, announce, err := frontOf(ctx, s, cfg, log)
	if err != nil {
		return err
	}
	plain, secure, err := s.Listen(ctx)
	if err != nil {
		return err
	}
	if err := announce(out, setup.Addresses(address(plain), address(secure), cfg.PublicURL, localAddresses())); err != nil {
		log.Error().Err(err).Msg("the setup token could not be shown; `beffroi setup token` shows one")
	}
	return s.Serve(ctx, front, plain, secure)
}

// frontOf is what stands before the API, and what it tells people once it listens.
func frontOf(ctx context.Context, s *server.Server, cfg config.Config, log zerolog.Logger,
) (http.Handler, func(io.Writer, []string) error, error) {
	if api := s.Handler(); api != nil {
		return setup.Closed(api), func(io.Writer, []string) error { return nil }, setup.Forget(cfg.DataDir)
	}
	wizard, err := setup.New(ctx, setup.Options{
		DB: s.DB(), DataDir: cfg.DataDir, PublicURL: cfg.PublicURL, Reserved: cfg.Rooms.Custodian, Now: time.Now, Random: rand.Reader, Log: log,
		HashPassword: s.HashPassword, Homeserver: s.Handler,
		Found: func(ctx context.Context, a setup.Answers) error {
			return s.Found(ctx, server.Founding{ServerName: a.ServerName, Commune: a.Commune, BackupRecipient: a.BackupRecipient,
				Admin: accounts.First{Localpart: a.Localpart, DisplayName: a.DisplayName, PasswordHash: a.PasswordHash}})
		},
	})
	if err != nil {
		return nil, nil, err
	}
	return wizard, wizard.Announce, nil
}

func address(l net.Listener) string {
	if l == nil {
		return ""
	}
	return l.Addr().String()
}

// localAddresses are this machine's, without the loopback ones.
func localAddresses() (ips []net.IP) {
	addrs, _ := net.InterfaceAddrs() // without them people are shown localhost alone
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			ips = append(ips, n.IP)
		}
	}
	return ips
}

// setupToken is `beffroi setup token`. It works beside a server that runs, and before the first start.
func setupToken(args []string, out io.Writer) error {
	if len(args) == 0 || args[0] != "token" {
		return usageError("« beffroi setup » attend : token")
	}
	cfg, err := serveConfig("setup token", args[1:])
	if errors.Is(err, flag.ErrHelp) {
		_, err = io.WriteString(out, usage)
		return err
	}
	if err != nil {
		return err
	}
	if cfg.ServerName != "" {
		return fmt.Errorf("server_name = %q : la configuration donne l'adresse de la commune, il n'y a rien à installer", cfg.ServerName)
	}
	token, err := setup.NewToken(cfg.DataDir, store.FileName, rand.Reader, time.Now())
	if err != nil {
		return fmt.Errorf("data_dir = %q : %w", cfg.DataDir, err)
	}
	return setup.Print(out, setup.Addresses(cfg.Listen.HTTP, cfg.Listen.TLS, cfg.PublicURL, localAddresses()), token)
}
