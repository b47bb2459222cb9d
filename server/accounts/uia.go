package accounts

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"

	"beffroi/server/merr"
	"beffroi/server/store"
)

// The authentication types. Source: client-server API, "Authentication types".
const (
	TypePassword = "m.login.password"
	TypeDummy    = "m.login.dummy"
	TypeToken    = "m.login.token"

	TypeRegistrationToken = "m.login.registration_token"
	TypeEmail             = "m.login.email.identity"
)

// Operation is what user-interactive authentication is asked for. What was proven for one operation proves nothing for another.
type Operation struct {
	Method string
	Path   string
	UserID string // empty: nobody is logged in
}

// Stage is one step of a flow.
type Stage struct {
	Type   string
	Params map[string]any // what clients need to know to prove it; nil: nothing

	// Check gets the client's auth object, and gives what was proven, such as a token: Settle gets it. Where it is not ok the client may try again; an error
	// ends the request.
	Check func(ctx context.Context, auth json.RawMessage) (proof string, ok bool, err error)

	// Settle does what the proof means for an account, in the write that makes it. nil: nothing.
	Settle func(tx *store.Tx, user store.Atom, proof string) error
}

// Flow is a way to authenticate: all of its stages, in order.
type Flow []Stage

// Has tells whether a stage of a type is in the flow.
func (f Flow) Has(kind string) bool { return slices.Contains(f.types(), kind) }

func (f Flow) types() []string {
	types := make([]string, len(f))
	for i, stage := range f {
		types[i] = stage.Type
	}
	return types
}

// Proven is what a client proved, in order.
type Proven []proof

type proof struct {
	stage Stage
	of    string
}

func (p Proven) types() []string {
	types := make([]string, len(p))
	for i, done := range p {
		types[i] = done.stage.Type
	}
	return types
}

// Of gives what was proven in the stage of a type, "" where there was none.
func (p Proven) Of(kind string) string {
	for _, done := range p {
		if done.stage.Type == kind {
			return done.of
		}
	}
	return ""
}

func (p Proven) settle(tx *store.Tx, user store.Atom) error {
	for _, done := range p {
		if done.stage.Settle == nil {
			continue
		}
		if err := done.stage.Settle(tx, user, done.of); err != nil {
			return err
		}
	}
	return nil
}

// Interactive lets an operation pass when all stages of one of the flows were completed; else it gives the 401 that tells the client what is next.
// auth is the request's auth object, empty where there was none. A session that is unknown (it expired, or the server was restarted) is
// begun anew with the stage that was sent.
// Source: client-server API, "User-Interactive Authentication API".
func (s *Service) Interactive(ctx context.Context, op Operation, auth json.RawMessage, flows ...Flow) (Proven, error) {
	var sent struct {
		Type    string `json:"type"`
		Session string `json:"session"`
	}
	if len(auth) > 0 {
		if err := json.Unmarshal(auth, &sent); err != nil {
			return nil, merr.BadJSON("auth has the wrong shape").Because(err)
		}
	}
	session, err := s.uia.session(op, sent.Session)
	if err != nil {
		return nil, err
	}
	passed, err := session.advance(ctx, sent.Type, auth, flows)
	if err != nil {
		return nil, err
	}
	if !passed {
		s.uia.keep(session)
		return nil, session.challenge(flows)
	}
	if _, ok := s.uia.begun.take(session.id); session.begun && !ok { // a request at the same time was faster
		return nil, session.refused(flows, "This session was used")
	}
	return session.proven, nil
}

// advance takes the next stage, and tells whether it was a flow's last.
func (session *uiaSession) advance(ctx context.Context, kind string, auth json.RawMessage, flows []Flow) (passed bool, err error) {
	done := session.proven.types()
	if kind == "" || slices.Contains(done, kind) { // an answer may get lost
		return false, nil
	}
	next, last, ok := nextStage(flows, done, kind)
	if !ok {
		return false, session.refused(flows, "This is not the next stage")
	}
	of, ok, err := next.Check(ctx, auth)
	if err != nil {
		return false, err
	}
	if !ok {
		return false, session.refused(flows, "The proof was wrong")
	}
	session.proven = append(slices.Clone(session.proven), proof{next, of})
	return last, nil
}

// nextStage finds the stage of a type that comes next in one of the flows that begin as the client did, and whether that flow ends with it.
func nextStage(flows []Flow, done []string, kind string) (next Stage, last, ok bool) {
	for _, f := range flows {
		n := len(done)
		if types := f.types(); len(f) > n && slices.Equal(types[:n], done) && types[n] == kind && !last {
			next, last, ok = f[n], len(f) == n+1, true
		}
	}
	return next, last, ok
}

func (session *uiaSession) refused(flows []Flow, text string) error {
	e := session.challenge(flows)
	e.Code, e.Text = "M_FORBIDDEN", text
	return e
}

func (session *uiaSession) challenge(flows []Flow) *merr.Error {
	stages := make([]any, len(flows))
	params := map[string]any{}
	for i, f := range flows {
		stages[i] = map[string]any{"stages": f.types()}
		for _, stage := range f {
			if stage.Params != nil {
				params[stage.Type] = stage.Params
			}
		}
	}
	return &merr.Error{Status: http.StatusUnauthorized, Extra: map[string]any{
		"session": session.id, "params": params, "completed": session.proven.types(), "flows": stages,
	}}
}
