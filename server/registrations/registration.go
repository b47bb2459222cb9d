// Package registrations reads the registration files of application services: who they are, and which users, rooms and aliases are theirs.
//
// Source: application service API, "Registration".
package registrations

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"regexp"
	"slices"
	"strings"
)

// Registration is one application service, such as a bridge or a bot.
type Registration struct {
	ID           string
	URL          string // without a slash at the end; empty: it wants no traffic
	HSToken      string // what this server proves itself with
	Sender       string // the user id of its own account
	Users        Namespaces
	Rooms        Namespaces
	Aliases      Namespaces
	RateLimited  bool // the users that it acts as are rate-limited; its own account never is
	Protocols    []string
	Ephemeral    bool // it wants typing, receipts and presence, too
	OldEphemeral bool // it looks for them under the name that they had before v1.13

	File string // where it stands

	server string            // this server's name
	token  [sha256.Size]byte // of the as_token, which is not kept
}

// A Namespace is what of some ids belongs to an application service.
type Namespace struct {
	Exclusive bool // nobody else may make them
	regex     *regexp.Regexp
}

// Namespaces are the namespaces of one kind of ids.
type Namespaces []Namespace

func (n Namespaces) match(id string) bool {
	return slices.ContainsFunc(n, func(one Namespace) bool { return one.regex.MatchString(id) })
}

func (n Namespaces) exclude(id string) bool {
	return slices.ContainsFunc(n, func(one Namespace) bool { return one.Exclusive && one.regex.MatchString(id) })
}

// HasUser tells whether the service may act as a user: itself, or a user of this server in its namespaces.
func (r *Registration) HasUser(userID string) bool {
	return userID == r.Sender || strings.HasSuffix(userID, ":"+r.server) && r.Users.match(userID)
}

// OwnsUser tells whether a user is the service's and nobody else's: its own account, or one in an exclusive namespace.
func (r *Registration) OwnsUser(userID string) bool {
	return userID == r.Sender || strings.HasSuffix(userID, ":"+r.server) && r.Users.exclude(userID)
}

// HasEverybody tells whether the service may act as anybody, and so reads everything.
func (r *Registration) HasEverybody() bool {
	return r.HasUser("@"+strings.ToLower(rand.Text())+":"+r.server) || r.HasRoom("!"+rand.Text())
}

// HasAlias tells whether an alias is in the service's namespaces.
func (r *Registration) HasAlias(alias string) bool { return r.Aliases.match(alias) }

// HasRoom tells whether a room id is in the service's namespaces.
func (r *Registration) HasRoom(roomID string) bool { return r.Rooms.match(roomID) }

// HasProtocol tells whether the service bridges to a network.
func (r *Registration) HasProtocol(protocol string) bool {
	return slices.Contains(r.Protocols, protocol)
}

// Set is all application services of a server. A nil Set has none.
type Set struct{ all []*Registration }

// All lists the services in the order of the configuration.
func (s *Set) All() []*Registration {
	if s == nil {
		return nil
	}
	return s.all
}

// ByToken finds the service of an as_token, nil where there is none. How long that takes tells nothing about the tokens.
func (s *Set) ByToken(token string) (found *Registration) {
	if len(s.All()) == 0 {
		return nil
	}
	sum := sha256.Sum256([]byte(token))
	for _, r := range s.all {
		if subtle.ConstantTimeCompare(sum[:], r.token[:]) == 1 {
			found = r
		}
	}
	return found
}

// UserTaken tells whether only another service than by may make a user. by is nil for everybody else.
func (s *Set) UserTaken(userID string, by *Registration) bool {
	return slices.ContainsFunc(s.All(), func(r *Registration) bool { return r != by && r.OwnsUser(userID) })
}

// AliasTaken tells whether only another service than by may make or delete an alias. by is nil for everybody else.
func (s *Set) AliasTaken(alias string, by *Registration) bool {
	return slices.ContainsFunc(s.All(), func(r *Registration) bool { return r != by && r.Aliases.exclude(alias) })
}
