// Package synctoken reads and writes the tokens that clients carry between requests: where a device's /sync stands, and a
// place in a room's timeline. The grammar: ARCHITECTURE.md, "Tokens".
package synctoken

import (
	"encoding/base32"
	"strconv"
	"strings"

	"beffroi/server/merr"
)

// maxLength is longer than any token can be: four numbers of 20 digits, 7 characters of boot, kind and dots.
const maxLength = 100

// UnknownVersion is the epoch of a sync token that another version of Beffroi wrote; no other part of it is known.
const UnknownVersion = -1

// Boot names a run of the server process.
type Boot [4]byte

// Sync is what a device has seen: every row with a position up to Pos, to-device messages up to ToDevice, and typing up to Eph
// where Boot still runs.
type Sync struct {
	Epoch    int64
	Pos      int64
	ToDevice int64
	Boot     Boot
	Eph      int64
}

// Sliding is where a connection of sliding sync stands, known to the process Boot only: the connection's number and the number of the answer,
// which brought what has a position up to Pos.
type Sliding struct {
	Epoch int64
	Pos   int64
	Boot  Boot
	Conn  int64
	Seq   int64
}

// Place is the boundary just after an event of a room's timeline. Ord may be negative.
type Place struct {
	Epoch int64
	Ord   int64
}

func bootEncoding() *base32.Encoding { return base32.StdEncoding.WithPadding(base32.NoPadding) }

// String writes the token: `s1.EPOCH.POS.TD.BOOT.EPH`.
func (s Sync) String() string {
	boot := bootEncoding().EncodeToString(s.Boot[:])
	return strings.Join([]string{"s1", decimal(s.Epoch), decimal(s.Pos), decimal(s.ToDevice), boot, decimal(s.Eph)}, ".")
}

// String writes the token: `p1.EPOCH.ORD`.
func (p Place) String() string { return "p1." + decimal(p.Epoch) + "." + decimal(p.Ord) }

// String writes the token: `w1.EPOCH.POS.BOOT.CONN.SEQ`.
func (s Sliding) String() string {
	boot := bootEncoding().EncodeToString(s.Boot[:])
	return strings.Join([]string{"w1", decimal(s.Epoch), decimal(s.Pos), boot, decimal(s.Conn), decimal(s.Seq)}, ".")
}

// ParseSliding reads the token of a connection; ok is false for what String doesn't write.
func ParseSliding(token string) (s Sliding, ok bool) {
	parts, ok := cut(token, "w1", 6)
	ok = ok && s.Boot.read(parts[3]) && number(parts[1], &s.Epoch) && number(parts[2], &s.Pos) && number(parts[4], &s.Conn) && number(parts[5], &s.Seq)
	return s, ok && min(s.Epoch, s.Pos, s.Conn, s.Seq) >= 0
}

// ParsePosition reads the position up to which a sync token or one of sliding sync has seen everything.
func ParsePosition(token string) (int64, error) {
	if s, ok := ParseSliding(token); ok {
		return s.Pos, nil
	}
	s, err := ParseSync(token)
	return s.Pos, err
}

// ParseSync reads a sync token. A token of another version has only its epoch, UnknownVersion; what no version
// writes is M_INVALID_PARAM.
func ParseSync(token string) (Sync, error) {
	if otherVersion(token) {
		return Sync{Epoch: UnknownVersion}, nil
	}
	parts, ok := cut(token, "s1", 6)
	var s Sync
	if !ok || !s.Boot.read(parts[4]) ||
		!number(parts[1], &s.Epoch) || !number(parts[2], &s.Pos) || !number(parts[3], &s.ToDevice) || !number(parts[5], &s.Eph) ||
		min(s.Epoch, s.Pos, s.ToDevice, s.Eph) < 0 {
		return Sync{}, invalid()
	}
	return s, nil
}

// otherVersion tells a token that begins with s2, s3...: a later binary's, before the town hall went back to this one.
func otherVersion(token string) bool {
	kind, _, ok := strings.Cut(token, ".")
	var version int64
	return ok && len(token) <= maxLength && strings.HasPrefix(kind, "s") && number(kind[1:], &version) && version > 1
}

func (b *Boot) read(text string) bool {
	raw, err := bootEncoding().DecodeString(text)
	copy(b[:], raw)
	return err == nil && len(raw) == len(b) && bootEncoding().EncodeToString(raw) == text
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

// Threads is where a list of threads of all rooms goes on: with those whose last message came before the position.
type Threads struct{ Before int64 }

// String writes the token: `t1.POS`.
func (t Threads) String() string { return "t1." + decimal(t.Before) }

// ParseThreads reads the token of a list of threads. What String doesn't write is M_INVALID_PARAM.
func ParseThreads(token string) (t Threads, err error) {
	parts, ok := cut(token, "t1", 2)
	if !ok || !number(parts[1], &t.Before) || t.Before < 0 {
		return Threads{}, invalid()
	}
	return t, nil
}

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
