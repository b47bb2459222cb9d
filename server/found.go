package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"beffroi/server/accounts"
	"beffroi/server/journal"
	"beffroi/server/policy"
	"beffroi/server/store"
)

// A Founding is what makes an empty data folder a town hall's server. Who asked for it has checked it.
type Founding struct {
	ServerName      string      // for ever
	Commune         string      // its name, as people say it
	Mode            policy.Mode // with which other servers it speaks; "": what the configuration says
	Admin           accounts.First
	BackupRecipient string // "age1..."
}

// HashPassword gives what a Founding keeps of a password, at the configured cost.
func (s *Server) HashPassword(ctx context.Context, password string) (string, error) {
	return accounts.HashPassword(ctx, s.accountsConfig().Password, rand.Reader, password)
}

// Found makes the data folder the server of a town hall and starts it: Handler is then the whole API. What it writes is one write, so there is
// never half a server. Where the start fails after it, Serve ends with that error: started again, the process finds a server.
func (s *Server) Found(ctx context.Context, f Founding) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.cfg.ServerName != "" {
		return errors.New("this data folder is a server's already, or closed")
	}
	cfg := s.accountsConfig()
	cfg.ServerName = f.ServerName
	putAdmin, err := accounts.PutFirst(cfg, f.Admin, time.Now())
	if err != nil {
		return err
	}
	first := journal.Entry{Actor: journal.Console, Act: journal.CreateUser, Target: "@" + strings.ToLower(f.Admin.Localpart) + ":" + f.ServerName, Detail: map[string]any{"admin": true}}
	if err := s.db.Write(ctx, func(tx *store.Tx) error {
		return errors.Join(putFounding(tx, f), putAdmin(tx), journal.Append(tx, time.Now(), first))
	}); err != nil {
		return err
	}
	s.cfg.ServerName = f.ServerName
	if err := s.start(context.WithoutCancel(ctx)); err != nil {
		err = fmt.Errorf("le serveur est installé mais ne démarre pas : %w", err)
		s.broken <- err
		return err
	}
	s.log.Info().Str("server_name", f.ServerName).Msg("founded")
	return nil
}

func putFounding(tx *store.Tx, f Founding) error {
	if f.Mode != "" {
		if err := policy.Put(tx, f.Mode); err != nil {
			return err
		}
	}
	return errors.Join(
		tx.PutMeta(store.MetaServerName, f.ServerName),
		tx.PutMeta(store.MetaCommuneName, f.Commune),
		tx.PutMeta(store.MetaBackupRecipient, f.BackupRecipient),
		tx.DeleteMeta(store.MetaSetup),
	)
}
