package pdu

import (
	"encoding/base64"
	"net/netip"
	"strings"
	"unicode/utf8"
)

// MaxIDLength is the most bytes of an identifier, sigil and server name included.
const MaxIDLength = 255

// A Hash is a reference hash, from room version 3 on the binary form of an event
// id (and, from 12 on, of a room id).
type Hash [32]byte

// EventID is the event id that h makes: '$' and URL-safe unpadded Base64.
//
// Spec: rooms/v4, "Event IDs".
func (h Hash) EventID() string { return h.id('$') }

// RoomID is the room id of the create event with this hash.
//
// Spec: rooms/v12, "Event format".
func (h Hash) RoomID() string { return h.id('!') }

func (h Hash) id(sigil byte) string {
	var b [44]byte
	b[0] = sigil
	base64.RawURLEncoding.Encode(b[1:], h[:])
	return string(b[:])
}

// ParseEventID is the hash of an event id of room version 4 and later. Only
// the one spelling that EventID gives is accepted.
func ParseEventID(id string) (Hash, bool) { return parseHash(strictURL, '$', id) }

// ParseRoomID is the hash of a room id of room version 12 and later.
func ParseRoomID(id string) (Hash, bool) { return parseHash(strictURL, '!', id) }

func parseHash(alphabet *base64.Encoding, sigil byte, id string) (h Hash, ok bool) {
	if len(id) != 44 || id[0] != sigil {
		return h, false
	}
	n, err := alphabet.Decode(h[:], []byte(id[1:]))
	return h, err == nil && n == len(h)
}

// The strict encodings refuse spellings that differ in the bits that Base64
// leaves over.
var (
	strictURL = base64.RawURLEncoding.Strict()
	strictStd = base64.RawStdEncoding.Strict()
)

// SplitID cuts an identifier of the form sigil, localpart, ':', server name.
// It checks neither part.
func SplitID(id string) (localpart, server string, ok bool) {
	if id == "" {
		return "", "", false
	}
	return strings.Cut(id[1:], ":")
}

// ServerOf is the server name in a user id or another identifier that has one,
// "" where there is none.
func ServerOf(id string) string {
	_, server, _ := SplitID(id)
	return server
}

// ValidUserID says whether id is a user id that servers must accept within
// events, historical ones included.
//
// Spec: appendices, "User Identifiers" and "Historical User IDs".
func ValidUserID(id string) bool {
	return validWithServer('@', id)
}

// NewUserID says whether id is a user id as new accounts may have it.
//
// Spec: appendices, "User Identifiers".
func NewUserID(id string) bool {
	localpart, _, _ := SplitID(id)
	return ValidUserID(id) && ValidLocalpart(localpart)
}

// ValidLocalpart says whether s may be the localpart of a new user id.
func ValidLocalpart(s string) bool {
	return s != "" && onlyOf(s, "abcdefghijklmnopqrstuvwxyz0123456789-.=_/+")
}

// ValidRoomAlias says whether alias has the form of a room alias.
//
// Spec: appendices, "Room Aliases".
func ValidRoomAlias(alias string) bool {
	return validWithServer('#', alias)
}

func validWithServer(sigil byte, id string) bool {
	localpart, server, ok := SplitID(id)
	return ok && id[0] == sigil && len(id) <= MaxIDLength && utf8.ValidString(id) &&
		strings.IndexByte(localpart, 0) < 0 && ValidServerName(server)
}

// ValidServerName says whether s is a server name: a DNS name, an IPv4 address
// or an IPv6 address in brackets, each with an optional port.
//
// Spec: appendices, "Server Name".
func ValidServerName(s string) bool {
	if len(s) > MaxIDLength {
		return false
	}
	host, port, hasPort := cutPort(s)
	if hasPort && (port == "" || len(port) > 5 || !onlyOf(port, digits)) {
		return false
	}
	if v6, ok := strings.CutPrefix(host, "["); ok {
		addr, err := netip.ParseAddr(strings.TrimSuffix(v6, "]"))
		return err == nil && addr.Is6() && addr.Zone() == "" && strings.HasSuffix(v6, "]")
	}
	if host != "" && onlyOf(host, digits+".") && strings.Count(host, ".") == 3 {
		_, err := netip.ParseAddr(host)
		return err == nil
	}
	return host != "" && onlyOf(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-."+digits)
}

const digits = "0123456789"

// cutPort cuts at the last colon that is not within brackets.
func cutPort(s string) (host, port string, ok bool) {
	at := strings.LastIndexByte(s, ':')
	if at < 0 || at < strings.LastIndexByte(s, ']') {
		return s, "", false
	}
	return s[:at], s[at+1:], true
}

func onlyOf(s, chars string) bool {
	return strings.Trim(s, chars) == "" // what is left of s starts with another character
}
