package accounts

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"

	"beffroi/server/merr"
)

// The authentication types. Source: client-server API, "Authentication types".
const (
	TypePassword = "m.login.password"
	TypeDummy    = "m.login.dummy"
)

const (
	uiaLifetime = 15 * time.Minute
	maxUIA      = 1024 // sessions in a generation
)

// Operation is what user-interactive authentication is asked for. What was proven for one operation proves nothing for another.
type Operation struct {
	Method string
	Path   string
	UserID string // empty: nobody is logged in
}

// Stage is one step of a flow. Check gets the client's auth object: false lets the client try again, an error ends the request.
type Stage struct {
	Type  string
	Check func(ctx context.Context, auth json.RawMessage) (bool, error)
}

// uia remembers what clients have proven so far.
type uia struct {
	now    func() time.Time
	random io.Reader
	open   *recent[string, *uiaSession]
}

type uiaSession struct {
	id        string
	operation Operation
	expiry    time.Time

	mu        sync.Mutex
	completed []string // stages, in order
}

func newUIA(now func() time.Time, random io.Reader) *uia {
	return &uia{now: now, random: random, open: newRecent[string, *uiaSession](maxUIA)}
}

// Interactive lets an operation pass when its stages were completed in order; else it gives the 401 that tells the client what is next.
// auth is the request's auth object, empty where there was none. A session that is unknown (it expired, or the server was restarted) is
// begun anew with the stage that was sent.
// Source: client-server API, "User-Interactive Authentication API".
func (s *Service) Interactive(ctx context.Context, op Operation, auth json.RawMessage, stages ...Stage) error {
	var sent struct {
		Type    string `json:"type"`
		Session string `json:"session"`
	}
	if len(auth) > 0 {
		if err := json.Unmarshal(auth, &sent); err != nil {
			return merr.BadJSON("auth has the wrong shape").Because(err)
		}
	}
	session, err := s.uia.session(op, sent.Session)
	if err != nil {
		return err
	}
	if err := session.advance(ctx, sent.Type, auth, stages); err != nil {
		return err
	}
	s.uia.open.take(session.id)
	return nil
}

// advance takes the next stage, and gives nil when it was the last.
func (session *uiaSession) advance(ctx context.Context, kind string, auth json.RawMessage, stages []Stage) error {
	session.mu.Lock()
	defer session.mu.Unlock()
	if len(session.completed) == len(stages) { // a request at the same time was faster, and used it up
		return session.failed(stages, "This session was used")
	}
	next := stages[len(session.completed)]
	if kind == "" {
		return session.challenge(stages)
	}
	if kind != next.Type {
		return session.failed(stages, "This is not the next stage")
	}
	if ok, err := next.Check(ctx, auth); err != nil {
		return err
	} else if !ok {
		return session.failed(stages, "The proof was wrong")
	}
	session.completed = append(session.completed, next.Type)
	if len(session.completed) < len(stages) {
		return session.challenge(stages)
	}
	return nil
}

// session finds the session that the client names, or begins one.
func (u *uia) session(op Operation, id string) (*uiaSession, error) {
	if session, ok := u.open.get(id); ok && u.now().Before(session.expiry) {
		if session.operation != op {
			return nil, merr.Forbidden("This session was begun for another operation")
		}
		return session, nil
	}
	b, err := randomBytes(u.random, 18)
	if err != nil {
		return nil, err
	}
	session := &uiaSession{id: base64.RawURLEncoding.EncodeToString(b), operation: op, expiry: u.now().Add(uiaLifetime)}
	u.open.put(session.id, session)
	return session, nil
}

func (session *uiaSession) failed(stages []Stage, text string) error {
	e := session.challenge(stages)
	e.Code, e.Text = "M_FORBIDDEN", text
	return e
}

func (session *uiaSession) challenge(stages []Stage) *merr.Error {
	types := make([]string, len(stages))
	for i, stage := range stages {
		types[i] = stage.Type
	}
	completed := append([]string{}, session.completed...)
	return &merr.Error{Status: http.StatusUnauthorized, Extra: map[string]any{
		"session": session.id, "params": map[string]any{}, "completed": completed,
		"flows": []any{map[string]any{"stages": types}},
	}}
}

// DummyStage is completed by asking for it.
func DummyStage() Stage {
	return Stage{Type: TypeDummy, Check: func(context.Context, json.RawMessage) (bool, error) { return true, nil }}
}

// Identity is how a client names the user whose password it sends.
// Source: client-server API, "Identifier types"; User is the form from before there were identifiers.
type Identity struct {
	Identifier *struct {
		Type string `json:"type"`
		User string `json:"user"`
	} `json:"identifier"`
	User string `json:"user"`
}

// Named gives the localpart or user id, or 400 where it is missing or of a kind that is not known here.
func (i Identity) Named() (string, error) {
	if i.Identifier == nil {
		if i.User == "" {
			return "", merr.MissingParam("identifier is missing")
		}
		return i.User, nil
	}
	if i.Identifier.Type != "m.id.user" {
		return "", merr.New(http.StatusBadRequest, "M_UNKNOWN", "Only identifiers of the type m.id.user are known here")
	}
	if i.Identifier.User == "" {
		return "", merr.MissingParam("identifier.user is missing")
	}
	return i.Identifier.User, nil
}

// PasswordStage is completed with the password of the session's user. The password of another user is refused with 403.
func (s *Service) PasswordStage(session *Session) Stage {
	return Stage{Type: TypePassword, Check: func(ctx context.Context, auth json.RawMessage) (bool, error) {
		var sent struct {
			Identity
			Password string `json:"password"`
		}
		if err := json.Unmarshal(auth, &sent); err != nil {
			return false, merr.BadJSON("auth has the wrong shape").Because(err)
		}
		named, err := sent.Named()
		if err != nil {
			return false, err
		}
		if s.localUserID(named) != session.UserID {
			return false, merr.Forbidden("This is not the user who is logged in")
		}
		_, err = s.verify(ctx, session.UserID, sent.Password)
		if merr.Is(err, "M_FORBIDDEN") {
			return false, nil
		}
		return err == nil, err
	}}
}
