package accounts

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"

	"beffroi/server/eventfilter"
	"beffroi/server/merr"
	"beffroi/server/store"
)

const (
	maxFilters     = 200 // of one user
	filterIDLength = 16
)

// PutFilter keeps a filter and gives its id, which is made from its content: the same filter twice is one.
func (s *Service) PutFilter(ctx context.Context, user store.Atom, raw json.RawMessage) (string, error) {
	if _, err := eventfilter.Parse(raw); err != nil {
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
