// Package synctoken reads and writes the tokens that clients carry between requests: where a device's /sync stands, and a
// place in a room's timeline. The grammar: ARCHITECTURE.md, "Tokens".
package synctoken

import (
	"encoding/base32"
	"strconv"
	"strings"

	"beffroi/server/merr"
)

// maxLength is longer than any token can be: three numbers of 20 digits, 7 characters of boot, kind and dots.
const maxLength = 80

// Boot names a run of the server process.
type Boot [4]byte

// Sync is what a device has seen: every row with a position up to Pos, and typing up to Eph where Boot still runs.
type Sync struct {
	Epoch int64
	Pos   int64
	Boot  Boot
	Eph   int64
}

// Place is the boundary just after an event of a room's timeline. Ord may be negative.
type Place struct {
	Epoch int64
	Ord   int64
}

var bootEncoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// String writes the token: `s1.EPOCH.POS.BOOT.EPH`.
func (s Sync) String() string {
	return strings.Join([]string{"s1", decimal(s.Epoch), decimal(s.Pos), bootEncoding.EncodeToString(s.Boot[:]), decimal(s.Eph)}, ".")
}

// String writes the token: `p1.EPOCH.ORD`.
func (p Place) String() string { return "p1." + decimal(p.Epoch) + "." + decimal(p.Ord) }

// ParseSync reads a sync token. What String doesn't write is M_INVALID_PARAM.
func ParseSync(token string) (Sync, error) {
	parts, ok := cut(token, "s1", 5)
	if !ok {
		return Sync{}, invalid()
	}
	var s Sync
	boot, err := bootEncoding.DecodeString(parts[3])
	ok = err == nil && len(boot) == len(s.Boot) && bootEncoding.EncodeToString(boot) == parts[3] &&
		number(parts[1], &s.Epoch) && number(parts[2], &s.Pos) && number(parts[4], &s.Eph) &&
		s.Epoch >= 0 && s.Pos >= 0 && s.Eph >= 0
	if !ok {
		return Sync{}, invalid()
	}
	copy(s.Boot[:], boot)
	return s, nil
}

// ParsePlace reads a place token. What String doesn't write is M_INVALID_PARAM.
func ParsePlace(token string) (Place, error) {
	parts, ok := cut(token, "p1", 3)
	var p Place
	if !ok || !number(parts[1], &p.Epoch) || !number(parts[2], &p.Ord) || p.Epoch < 0 {
		return Place{}, invalid()
	}
	return p, nil
}

// IsPlace tells a place token from a sync token, for endpoints that take both. It looks at the kind only.
func IsPlace(token string) bool { return strings.HasPrefix(token, "p1.") }

func cut(token, kind string, n int) ([]string, bool) {
	if len(token) > maxLength {
		return nil, false
	}
	parts := strings.Split(token, ".")
	return parts, len(parts) == n && parts[0] == kind
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// number accepts only the one spelling that decimal writes.
func number(text string, n *int64) bool {
	v, err := strconv.ParseInt(text, 10, 64)
	*n = v
	return err == nil && decimal(v) == text
}

func invalid() error { return merr.InvalidParam("The token is not one that this server gives") }
