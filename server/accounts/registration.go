package accounts

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"beffroi/server/merr"
	"beffroi/server/store"
)

const maxRegistrationFlows = 8

// Registration says who may make an account through the API where the town hall has not decided it, see SetRegistration.
type Registration struct {
	Enabled      bool   // strangers may register
	AllowDummy   bool   // m.login.dummy proves enough to register
	SharedSecret string // key of the shared-secret registration; empty: off
}

// RegistrationFlows gives the ways to register that are open now, or refuses with 403 M_FORBIDDEN where there is none. more are the stages that other
// packages check; a flow with a stage that nobody checks is closed.
// Source: client-server API, "Legacy account registration".
func (s *Service) RegistrationFlows(ctx context.Context, more ...Stage) ([]Flow, error) {
	names, err := s.Registration(ctx)
	if err != nil {
		return nil, err
	}
	stages := map[string]Stage{}
	for _, stage := range append([]Stage{DummyStage(), s.registrationTokenStage()}, more...) {
		stages[stage.Type] = stage
	}
	var flows []Flow
	for _, types := range names {
		if f, ok := flowOf(types, stages); ok {
			flows = append(flows, f)
		}
	}
	if len(flows) == 0 {
		return nil, merr.Forbidden("Registration is disabled")
	}
	return flows, nil
}

func flowOf(types []string, stages map[string]Stage) (f Flow, ok bool) {
	for _, kind := range types {
		stage, ok := stages[kind]
		if !ok {
			return nil, false
		}
		f = append(f, stage)
	}
	return f, len(f) > 0
}

// Registration gives the ways to register that the town hall has opened, as flows of authentication types: none where it is closed, m.login.dummy alone
// where anybody may.
func (s *Service) Registration(ctx context.Context) (flows [][]string, err error) {
	text, err := store.Get(ctx, s.db, func(r *store.Reader) (string, error) { return r.MetaText(store.MetaRegistration) })
	switch {
	case err != nil:
		return nil, err
	case text != "":
		return flows, json.Unmarshal([]byte(text), &flows)
	case s.cfg.Registration.Enabled && s.cfg.Registration.AllowDummy:
		return [][]string{{TypeDummy}}, nil
	}
	return nil, nil
}

// SetRegistration opens ways to register, and closes all others. It refuses with 400 M_INVALID_PARAM.
func (s *Service) SetRegistration(ctx context.Context, flows [][]string) error {
	if len(flows) > maxRegistrationFlows {
		return merr.InvalidParam("There can be %d ways to register", maxRegistrationFlows)
	}
	for _, types := range flows {
		if err := checkFlow(types); err != nil {
			return err
		}
	}
	if flows == nil {
		flows = [][]string{}
	}
	text, err := json.Marshal(flows)
	if err != nil {
		return fmt.Errorf("registration flows: %w", err)
	}
	return s.db.Write(ctx, func(tx *store.Tx) error { return tx.PutMeta(store.MetaRegistration, string(text)) })
}

// checkFlow: m.login.dummy proves nothing, so it is a way of its own or none.
func checkFlow(types []string) error {
	if slices.Equal(types, []string{TypeDummy}) {
		return nil
	}
	seen := map[string]bool{}
	for _, kind := range types {
		if kind != TypeRegistrationToken && kind != TypeEmail || seen[kind] {
			return merr.InvalidParam("%q can't be a stage here", kind)
		}
		seen[kind] = true
	}
	if len(types) == 0 {
		return merr.InvalidParam("A way to register has a stage")
	}
	return nil
}
