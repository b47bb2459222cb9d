package threepid

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"

	"beffroi/server/mail"
	"beffroi/server/merr"
	"beffroi/server/store"
)

const maxDomains = 100

// Domains gives the domains whose addresses may register. None is listed: none may.
func (s *Service) Domains(ctx context.Context) (domains []string, err error) {
	b, err := store.Get(ctx, s.db, func(r *store.Reader) ([]byte, error) { return r.MetaBytes(store.MetaMailDomains) })
	if err != nil || b == nil {
		return nil, err
	}
	return domains, json.Unmarshal(b, &domains)
}

// SetDomains says which domains' addresses may register: those named and none below them. It refuses with 400 M_INVALID_PARAM.
func (s *Service) SetDomains(ctx context.Context, domains []string) error {
	if len(domains) > maxDomains {
		return merr.InvalidParam("There can be %d domains", maxDomains)
	}
	kept := make([]string, len(domains))
	for i, domain := range domains {
		ascii, err := idna.Lookup.ToASCII(cases.Fold().String(domain))
		if _, wrong := mail.ParseAddress("a@" + ascii); err != nil || wrong != nil {
			return merr.InvalidParam("%.100q is not a domain of e-mail addresses", domain)
		}
		kept[i] = ascii
	}
	b, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx *store.Tx) error { return tx.PutMeta(store.MetaMailDomains, b) })
}

// admits refuses addresses that may not register, with 403 M_THREEPID_DENIED.
func (s *Service) admits(ctx context.Context, address string) error {
	domains, err := s.Domains(ctx)
	if err == nil && !slices.Contains(domains, mail.Domain(address)) {
		err = merr.New(http.StatusForbidden, "M_THREEPID_DENIED", "Addresses of this domain can't register here")
	}
	return err
}
