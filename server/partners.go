package server

import (
	"context"
	"time"

	"beffroi/server/config"
	"beffroi/server/fedapi"
	"beffroi/server/federation/selftest"
	"beffroi/server/federation/sheet"
	"beffroi/server/keys"
	"beffroi/server/merr"
	"beffroi/server/store"
)

// partners is this server as partners see it.
type partners struct{ *Server }

// Place is where the configuration says that a server is.
func Place(cfg config.Config) sheet.Place {
	return sheet.Place{ServerName: cfg.ServerName, Federation: cfg.FederationAddress(), Client: cfg.ClientBaseURL()}
}

// Tester makes what tests servers, for a command beside the server. The operator who gives the command decides with whom: the policy isn't asked.
func Tester(r *store.Reader, cfg config.Config) (*selftest.Tester, error) {
	own, err := keys.ReadOwn(r, cfg.ServerName, time.Now)
	if err != nil {
		return nil, err
	}
	rule, err := federationRule(cfg, nil)
	return &selftest.Tester{Own: own, Name: cfg.ServerName, Rule: rule, Admits: func(string) bool { return true }, Endpoints: fedapi.Endpoints(), Now: time.Now}, err
}

// Sheet implements adminapi.Partners.
func (p partners) Sheet(ctx context.Context) (*sheet.Sheet, error) {
	return sheet.Of(ctx, p.db, Place(p.cfg), time.Now())
}

// Test implements adminapi.Partners.
func (p partners) Test(ctx context.Context, server string) ([]selftest.Finding, error) {
	if p.remote == nil {
		return nil, merr.Forbidden("This server speaks with no other")
	}
	tester := selftest.Tester{Own: p.keys, Name: p.cfg.ServerName, Rule: p.remote.Rule, Admits: p.remote.Admits, Endpoints: fedapi.Endpoints(), Now: time.Now}
	return tester.Test(ctx, server), nil
}
