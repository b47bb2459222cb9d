package accounts

import (
	"context"
	"encoding/json"
	"net/mail"
	"net/url"
	"regexp"

	"maunium.net/go/mautrix/id"

	"beffroi/server/merr"
	"beffroi/server/store"
)

const (
	maxContacts     = 20
	maxSupportBytes = 2000 // of a page's address
)

// Support says whom people ask for help. Source: client-server API, "Server Discovery", GET /.well-known/matrix/support.
type Support struct {
	Contacts []Contact `json:"contacts,omitempty"`
	Page     string    `json:"support_page,omitempty"` // https://…
}

// Contact is somebody who helps, by one of two ways at least.
type Contact struct {
	MatrixID string `json:"matrix_id,omitempty"`
	Email    string `json:"email_address,omitempty"`
	Role     string `json:"role"` // m.role.admin, m.role.security, or another of the common namespaced grammar
}

// Support gives what the town hall has set. ok is false where that is nothing.
func (s *Service) Support(ctx context.Context) (support Support, ok bool, err error) {
	text, err := store.Get(ctx, s.db, func(r *store.Reader) (string, error) { return r.MetaText(store.MetaSupport) })
	if err != nil || text == "" {
		return support, false, err
	}
	return support, true, json.Unmarshal([]byte(text), &support)
}

// SetSupport says whom people ask; the zero Support: nobody. It refuses with 400 M_INVALID_PARAM.
func (s *Service) SetSupport(ctx context.Context, support Support) error {
	if err := support.check(); err != nil {
		return err
	}
	text, err := json.Marshal(support)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx *store.Tx) error {
		if len(support.Contacts) == 0 && support.Page == "" {
			return tx.DeleteMeta(store.MetaSupport)
		}
		return tx.PutMeta(store.MetaSupport, string(text))
	})
}

func (support *Support) check() error {
	if len(support.Contacts) > maxContacts {
		return merr.InvalidParam("There can be %d contacts", maxContacts)
	}
	for _, c := range support.Contacts {
		if err := c.check(); err != nil {
			return err
		}
	}
	if support.Page == "" {
		return nil
	}
	page, err := url.Parse(support.Page)
	if err != nil || page.Scheme != "https" && page.Scheme != "http" || page.Host == "" || len(support.Page) > maxSupportBytes {
		return merr.InvalidParam("support_page is not the address of a page")
	}
	return nil
}

// check: Source for roles: appendices, "Common Namespaced Identifier Grammar".
func (c Contact) check() error {
	if !regexp.MustCompile(`^[a-z][a-z0-9._-]{0,254}$`).MatchString(c.Role) {
		return merr.InvalidParam("A contact has a role like m.role.admin")
	}
	if c.MatrixID == "" && c.Email == "" {
		return merr.InvalidParam("A contact has a matrix_id or an email_address")
	}
	if _, _, err := id.UserID(c.MatrixID).ParseAndValidateRelaxed(); c.MatrixID != "" && err != nil {
		return merr.InvalidParam("%q is not a user id", c.MatrixID)
	}
	if address, err := mail.ParseAddress(c.Email); c.Email != "" && (err != nil || address.Address != c.Email || len(c.Email) > 254) {
		return merr.InvalidParam("%q is not an e-mail address", c.Email)
	}
	return nil
}
