package accounts

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

	"maunium.net/go/mautrix"

	"beffroi/server/merr"
	"beffroi/server/store"
)

const (
	maxFilters     = 200 // of one user
	filterIDLength = 16
)

// ParseFilter reads and checks a filter, as JSON object. It refuses with 400 M_NOT_JSON or M_BAD_JSON.
// Source: client-server API, "Filtering".
func ParseFilter(raw []byte) (*mautrix.Filter, error) {
	if !json.Valid(raw) {
		return nil, merr.NotJSON("The filter is not JSON")
	}
	var f mautrix.Filter
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, merr.BadJSON("The filter has the wrong shape").Because(err)
	}
	if f.EventFormat != "" && f.Validate() != nil {
		return nil, merr.BadJSON("event_format is neither client nor federation")
	}
	return &f, checkFilter(&f)
}

func checkFilter(f *mautrix.Filter) error {
	parts := []*mautrix.FilterPart{f.AccountData, f.Presence}
	if f.Room != nil {
		parts = append(parts, f.Room.AccountData, f.Room.Ephemeral, f.Room.State, f.Room.Timeline,
			&mautrix.FilterPart{Rooms: f.Room.Rooms, NotRooms: f.Room.NotRooms})
	}
	for _, part := range parts {
		if part == nil {
			continue
		}
		if !allBegin(part.Senders, "@") || !allBegin(part.NotSenders, "@") {
			return merr.BadJSON("A sender in the filter is not a user id")
		}
		if !allBegin(part.Rooms, "!") || !allBegin(part.NotRooms, "!") {
			return merr.BadJSON("A room in the filter is not a room id")
		}
		if part.Limit < 0 {
			return merr.BadJSON("A limit in the filter is negative")
		}
	}
	return nil
}

func allBegin[S ~string](ids []S, sigil string) bool {
	for _, id := range ids {
		if !strings.HasPrefix(string(id), sigil) {
			return false
		}
	}
	return true
}

// PutFilter keeps a filter and gives its id, which is made from its content: the same filter twice is one.
func (s *Service) PutFilter(ctx context.Context, user store.Atom, raw json.RawMessage) (string, error) {
	if _, err := ParseFilter(raw); err != nil {
		return "", err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return "", merr.NotJSON("The filter is not JSON").Because(err)
	}
	sum := sha256.Sum256(compact.Bytes())
	id := base64.RawURLEncoding.EncodeToString(sum[:])[:filterIDLength]
	known, err := s.filter(ctx, user, id)
	if err != nil || known != nil {
		return id, err
	}
	return id, s.db.Write(ctx, func(tx *store.Tx) error {
		n, err := tx.FilterCount(user)
		if err != nil {
			return err
		}
		if n >= maxFilters {
			return merr.New(http.StatusBadRequest, "M_UNKNOWN", "A user has %d filters at most", maxFilters)
		}
		return tx.PutFilter(user, id, compact.Bytes())
	})
}

// Filter gives a filter as its client wrote it, or 404 M_NOT_FOUND.
func (s *Service) Filter(ctx context.Context, user store.Atom, filterID string) (json.RawMessage, error) {
	raw, err := s.filter(ctx, user, filterID)
	if err == nil && raw == nil {
		err = merr.NotFound("There is no such filter")
	}
	return raw, err
}

func (s *Service) filter(ctx context.Context, user store.Atom, filterID string) (json.RawMessage, error) {
	return store.Get(ctx, s.db, func(r *store.Reader) (json.RawMessage, error) { return r.Filter(user, filterID) })
}
