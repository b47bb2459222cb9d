package preview

import (
	"context"
	"encoding/json"
	"net/netip"
	"regexp"
	"slices"

	"beffroi/server/dial"
	"beffroi/server/merr"
	"beffroi/server/store"
)

// Settings are what the town hall decides; they live in the database, and until then the configuration's hold. The zero Settings make no previews, since each
// one tells a site that somebody here was sent its address.
type Settings struct {
	Enabled bool     `json:"enabled"`
	Refuse  []string `json:"refuse"` // RE2 patterns; an address in which one is found gets no preview
	Allow   []string `json:"allow"`  // addresses beside the public Internet, as prefixes: 10.1.2.0/24
	Ports   []uint16 `json:"ports"`  // that may be asked, 0 for every one; none given: 80 and 443
}

// What Settings may hold at most.
const (
	maxEntries = 200
	maxPattern = 500 // bytes
)

// rules are settings that were read.
type rules struct {
	Settings
	refuse []*regexp.Regexp
	dial   dial.Rule
}

// Settings gives what holds.
func (s *Service) Settings(ctx context.Context) (Settings, error) {
	r, err := s.rules(ctx)
	return r.Settings, err
}

// SetSettings changes it: 400 M_INVALID_PARAM for what is no pattern or prefix.
func (s *Service) SetSettings(ctx context.Context, v Settings) error {
	if _, err := read(v); err != nil {
		return err
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx *store.Tx) error { return tx.PutMeta(store.MetaPreviews, raw) })
}

func (s *Service) rules(ctx context.Context) (rules, error) {
	raw, err := store.Get(ctx, s.db, func(r *store.Reader) ([]byte, error) { return r.MetaBytes(store.MetaPreviews) })
	if err != nil {
		return rules{}, err
	}
	if raw == nil {
		return read(s.given)
	}
	var v Settings
	if err := json.Unmarshal(raw, &v); err != nil {
		return rules{}, err
	}
	return read(v)
}

func read(v Settings) (r rules, err error) {
	r = rules{Settings: v, dial: dial.Rule{Plain: true, Ports: v.Ports}}
	switch {
	case len(v.Ports) == 0:
		r.dial.Ports = []uint16{80, 443}
	case slices.Contains(v.Ports, 0):
		r.dial.Ports = nil
	}
	if len(v.Refuse) > maxEntries || len(v.Allow) > maxEntries || len(v.Ports) > maxEntries {
		return r, merr.InvalidParam("More than %d entries", maxEntries)
	}
	for _, text := range v.Refuse {
		pattern, err := regexp.Compile(text)
		if err != nil || len(text) > maxPattern {
			return r, merr.InvalidParam("No pattern of at most %d bytes: %.100q", maxPattern, text).Because(err)
		}
		r.refuse = append(r.refuse, pattern)
	}
	for _, text := range v.Allow {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return r, merr.InvalidParam("No prefix of addresses: %.100q", text).Because(err)
		}
		r.dial.Allow = append(r.dial.Allow, prefix)
	}
	return r, nil
}

// refuses tells whether an address gets no preview.
func (r rules) refuses(address string) bool {
	for _, pattern := range r.refuse {
		if pattern.MatchString(address) {
			return true
		}
	}
	return false
}
