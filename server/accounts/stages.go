package accounts

import (
	"context"
	"encoding/json"
	"net/http"

	"beffroi/server/merr"
)

// DummyStage is completed by asking for it.
func DummyStage() Stage {
	return Stage{Type: TypeDummy, Check: func(context.Context, json.RawMessage) (string, bool, error) { return "", true, nil }}
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
	return Stage{Type: TypePassword, Check: func(ctx context.Context, auth json.RawMessage) (string, bool, error) {
		var sent struct {
			Identity
			Password string `json:"password"`
		}
		if err := json.Unmarshal(auth, &sent); err != nil {
			return "", false, merr.BadJSON("auth has the wrong shape").Because(err)
		}
		named, err := sent.Named()
		if err != nil {
			return "", false, err
		}
		if s.localUserID(named) != session.UserID {
			return "", false, merr.Forbidden("This is not the user who is logged in")
		}
		_, err = s.verify(ctx, session.UserID, sent.Password)
		if merr.Is(err, "M_FORBIDDEN") {
			return "", false, nil
		}
		return "", err == nil, err
	}}
}
