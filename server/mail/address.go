package mail

import (
	"net/mail"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"

	"beffroi/server/merr"
)

// The longest addresses. Source: RFC 5321, 4.5.3.1, less the angle brackets of a path.
const (
	maxAddressBytes = 254
	maxLocalBytes   = 64
)

// ParseAddress gives the one form in which an e-mail address is kept, compared and written to: case-folded, the domain in ASCII. Mail goes to this form
// only: where two mailboxes had addresses that fold alike, one would get the mail of the other's account. What is more than one plain address is 400 M_INVALID_PARAM.
// Source: appendices, "E-Mail".
func ParseAddress(text string) (string, error) {
	folded := cases.Fold().String(text)
	local, domain, _ := strings.Cut(folded, "@")
	domain, err := idna.Lookup.ToASCII(domain)
	address := local + "@" + domain
	parsed, parseErr := mail.ParseAddress(address)
	switch {
	case err != nil || parseErr != nil || parsed.Address != address || parsed.Name != "",
		len(local) > maxLocalBytes || len(address) > maxAddressBytes,
		strings.Trim(local, "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~.") != "",
		!strings.Contains(domain, ".") || strings.HasSuffix(domain, "."):
		return "", merr.InvalidParam("This is not an e-mail address")
	}
	return address, nil
}

// Domain is what follows the @ of an address of ParseAddress.
func Domain(address string) string {
	_, domain, _ := strings.Cut(address, "@")
	return domain
}
