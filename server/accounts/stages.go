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
// Source: client-server API, "Identifier types"; User, Medium and Address are the forms from before there were identifiers.
type Identity struct {
	Identifier *identifier `json:"identifier"`
	User       string      `json:"user"`
	Medium     string      `json:"medium"`
	Address    string      `json:"address"`
}

type identifier struct {
	Type    string `json:"type"`
	User    string `json:"user"`
	Medium  string `json:"medium"`
	Address string `json:"address"`
}

// nobody is the user id of an address that is nobody's, and no user's of any server. With a password it takes as long as another to refuse, and is counted
// by itself among wrong guesses, so that nothing tells it from somebody's.
func nobody(address string) string {
	return "@" + address[:min(len(address), maxUserIDBytes)] + ":"
}

// Named gives the localpart or user id that a client means, or 400 where it names none or in a way that is not known here. An address that is nobody's gives
// a user id that is nobody's.
func (s *Service) Named(ctx context.Context, i Identity) (string, error) {
	id := i.Identifier
	switch {
	case id == nil && i.User != "":
		return i.User, nil
	case id == nil:
		id = &identifier{Type: "m.id.thirdparty", Medium: i.Medium, Address: i.Address}
	}
	switch {
	case id.Type == "m.id.user" && id.User != "":
		return id.User, nil
	case id.Type == "m.id.thirdparty" && id.Medium != "" && id.Address != "":
		owner, err := s.cfg.Contacts.Owner(ctx, id.Medium, id.Address)
		if owner == "" {
			owner = nobody(id.Address)
		}
		return owner, err
	case id.Type == "m.id.user" || id.Type == "m.id.thirdparty":
		return "", merr.MissingParam("identifier, or a part of it, is missing")
	}
	return "", merr.New(http.StatusBadRequest, "M_UNKNOWN", "Only identifiers of the types m.id.user and m.id.thirdparty are known here")
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
		named, err := s.Named(ctx, sent.Identity)
		if err != nil {
			return "", false, err
		}
		if s.localUserID(named) != session.UserID {
			return "", false, merr.Forbidden("This is not the user who is logged in")
		}
		_, err = s.verifyAgain(ctx, session, sent.Password)
		if merr.Is(err, "M_FORBIDDEN") {
			return "", false, nil
		}
		return "", err == nil, err
	}}
}
