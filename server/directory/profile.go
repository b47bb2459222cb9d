package directory

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"unicode/utf8"

	"beffroi/server/merr"
	"beffroi/server/pdu"
)

// What is believed of a profile on another server.
const (
	maxFarProfile  = 64 << 10 // bytes
	maxFarName     = 1000     // of a display name, in bytes
	maxFarAvatar   = 1000
	maxFarFieldKey = 255
)

// Profile gives all fields of a user's profile by name: 404 M_NOT_FOUND where there is no such user. The profile of a user of another server is asked for, and remembered for some minutes.
//
// Source: client-server API, "Profiles"; server-server API, "GET /_matrix/federation/v1/query/profile".
func (s *Service) Profile(ctx context.Context, userID string) (map[string]json.RawMessage, error) {
	if !pdu.ValidUserID(userID) || pdu.ServerOf(userID) == s.server {
		return s.accounts.Profile(ctx, userID)
	}
	if s.remote == nil {
		return nil, merr.NotFound("There is no such user")
	}
	server := pdu.ServerOf(userID)
	raw, err := s.asked.get(ctx, s.now(), "profile "+userID, func(ctx context.Context) ([]byte, error) { return s.remote.Profile(ctx, server, userID) })
	if err != nil {
		return nil, unreachable(server, err)
	}
	return farProfile(server, raw)
}

// farProfile takes what is right of another server's answer.
func farProfile(server string, raw []byte) (map[string]json.RawMessage, error) {
	o, err := pdu.ParseObject(raw)
	if err != nil || len(raw) > maxFarProfile {
		return nil, merr.New(http.StatusBadGateway, "M_UNKNOWN", "What %s says is no profile", server).Because(err)
	}
	profile := map[string]json.RawMessage{}
	for key, value := range o.All() {
		if fitsProfile(key, value) {
			profile[key] = value.Raw()
		}
	}
	return profile, nil
}

func fitsProfile(key string, value pdu.Value) bool {
	text, isText := value.Text()
	switch key {
	case "displayname":
		return isText && len(text) <= maxFarName && utf8.ValidString(text)
	case "avatar_url":
		return isText && len(text) <= maxFarAvatar && strings.HasPrefix(text, "mxc://")
	}
	return key != "" && len(key) <= maxFarFieldKey
}
