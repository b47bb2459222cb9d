// Package accounts keeps the people of this server: accounts, devices, sessions and their tokens, user-interactive
// authentication, profiles, account data and filters.
package accounts

import "beffroi/server/store"

// Session is what an access token proves: a device of a local user.
type Session struct {
	User     store.Atom // of UserID
	UserID   string     // @localpart:server
	Device   int64      // the device's row
	DeviceID string
	Admin    bool
}

// Who names the user for the log.
func (s *Session) Who() string {
	if s == nil {
		return ""
	}
	return s.UserID
}
