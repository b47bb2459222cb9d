package accounts

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"beffroi/server/merr"
	"beffroi/server/store"
)

// The fields of a profile that room member events repeat.
const (
	FieldDisplayName = "displayname"
	FieldAvatarURL   = "avatar_url"
)

const (
	maxProfileBytes     = 64 << 10 // the whole JSON object
	maxProfileKeyBytes  = 255
	maxDisplayNameBytes = 256 // it stands in each membership event
	maxAvatarURLBytes   = 1000
)

// Profile gives all fields of a local user's profile by name, or 404 M_NOT_FOUND where there is no such user.
// Source: client-server API, "Profiles".
func (s *Service) Profile(ctx context.Context, userID string) (map[string]json.RawMessage, error) {
	profile := map[string]json.RawMessage{}
	err := s.db.Read(ctx, func(r *store.Reader) error {
		a, found, err := findAccount(r, userID)
		if err != nil {
			return err
		}
		if !found {
			return merr.NotFound("There is no such user")
		}
		fields, err := r.Profile(a.User)
		for _, f := range fields {
			profile[f.Name] = f.Value
		}
		return err
	})
	return profile, err
}

// SetProfileField sets a field to a JSON value. An empty display name or avatar URL removes the field.
// It refuses with 400 M_INVALID_PARAM, M_KEY_TOO_LARGE, M_BAD_JSON or M_PROFILE_TOO_LARGE.
func (s *Service) SetProfileField(ctx context.Context, user store.Atom, name string, value json.RawMessage) error {
	if err := checkProfileKey(name); err != nil {
		return err
	}
	value, err := profileValue(name, value)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx *store.Tx) error {
		if value == nil {
			return tx.DeleteProfileField(user, name)
		}
		if err := checkProfileSize(&tx.Reader, user, name, value); err != nil {
			return err
		}
		return tx.PutProfileField(user, name, value)
	})
}

// DeleteProfileField removes a field, if it is there.
func (s *Service) DeleteProfileField(ctx context.Context, user store.Atom, name string) error {
	if err := checkProfileKey(name); err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx *store.Tx) error { return tx.DeleteProfileField(user, name) })
}

// checkProfileKey: the two old names and m.tz follow the grammar too.
// Source: appendices, "Common Namespaced Identifier Grammar".
func checkProfileKey(name string) error {
	if len(name) > maxProfileKeyBytes {
		return merr.New(http.StatusBadRequest, "M_KEY_TOO_LARGE", "A profile key has %d bytes at most", maxProfileKeyBytes)
	}
	const letters = "abcdefghijklmnopqrstuvwxyz"
	if name == "" || !strings.Contains(letters, name[:1]) || strings.Trim(name, letters+"0123456789-_.") != "" {
		return merr.InvalidParam("This is not a profile key")
	}
	return nil
}

// profileValue checks the value of a field and gives it without white space, nil where the field shall be removed.
func profileValue(name string, value json.RawMessage) (json.RawMessage, error) {
	switch name {
	case FieldDisplayName, FieldAvatarURL, "m.tz":
		var text *string
		if err := json.Unmarshal(value, &text); err != nil || text == nil {
			return nil, merr.BadJSON("%s is not a string", name)
		}
		return profileText(name, *text)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, value); err != nil {
		return nil, merr.NotJSON("%s is not JSON", name).Because(err)
	}
	return compact.Bytes(), nil
}

func profileText(name, text string) (json.RawMessage, error) {
	switch {
	case name == FieldDisplayName:
		return displayNameValue(text)
	case name == FieldAvatarURL && text == "":
		return nil, nil
	case name == FieldAvatarURL && (!strings.HasPrefix(text, "mxc://") || len(text) > maxAvatarURLBytes):
		return nil, merr.InvalidParam("avatar_url is not an mxc:// URI of %d bytes at most", maxAvatarURLBytes)
	}
	return json.Marshal(text)
}

// displayNameValue gives the JSON of a display name, nil for the empty one.
func displayNameValue(name string) (json.RawMessage, error) {
	if len(name) > maxDisplayNameBytes {
		return nil, merr.InvalidParam("A display name has %d bytes at most", maxDisplayNameBytes)
	}
	if name == "" {
		return nil, nil
	}
	return json.Marshal(name)
}

// checkProfileSize counts the profile as the JSON object that would be served.
func checkProfileSize(r *store.Reader, user store.Atom, name string, value json.RawMessage) error {
	others, fields, err := r.ProfileSize(user, name)
	if err != nil {
		return err
	}
	const punctuation = len(`"":,`)
	if others+len(name)+len(value)+(fields+1)*punctuation+len(`{}`) > maxProfileBytes {
		return merr.New(http.StatusBadRequest, "M_PROFILE_TOO_LARGE", "A profile has %d bytes at most", maxProfileBytes)
	}
	return nil
}
