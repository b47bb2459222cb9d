package mail

import (
	"encoding/json"
	"slices"
	"time"

	"beffroi/server/merr"
	"beffroi/server/store"
)

// Template says what a mail is about. Each has its texts in messages/.
type Template string

// The mails that this server writes, with what their texts need of Data besides At.
const (
	ConfirmAddress  Template = "confirm_address"  // Link, Address, Until: to be added to an account
	ConfirmRegister Template = "confirm_register" // Link, Address, Until: to make an account
	ResetPassword   Template = "reset_password"   // Link, UserID, Until

	AddressTaken   Template = "address_taken"   // Address: somebody wants to add it, but it belongs to an account
	AlreadyAccount Template = "already_account" // Address: somebody wants to register with it, but it belongs to an account
	NoAccount      Template = "no_account"      // Address: somebody wants a new password, but it belongs to no account

	PasswordChanged Template = "password_changed" // UserID
	AddressAdded    Template = "address_added"    // UserID, Address: told to the account's other addresses
	AddressRemoved  Template = "address_removed"  // UserID, Address: told to the account's addresses, and to this one

	PasswordLink Template = "password_link" // Link, UserID, Until: an administrator ended the password; it is chosen by this link, once
	Digest       Template = "digest"        // UserID, Link, Leave, Rooms, More: what was not read
	Test         Template = "test"          // an administrator tries the settings
)

// Templates lists them all.
func Templates() []Template {
	return []Template{ConfirmAddress, ConfirmRegister, ResetPassword, AddressTaken, AlreadyAccount, NoAccount, PasswordChanged, AddressAdded,
		AddressRemoved, PasswordLink, Digest, Test}
}

// Data is what a mail says. It stands in the queue until the mail is sent, so nothing that is encrypted belongs into it.
type Data struct {
	UserID  string    `json:"user_id,omitempty"`
	Address string    `json:"address,omitempty"`
	Link    string    `json:"link,omitempty"` // where the button leads: http or https
	At      time.Time `json:"at"`             // when what the mail is about happened; zero: when it is given to Send
	Until   time.Time `json:"until"`          // how long the link is good
	Rooms   []Room    `json:"rooms,omitempty"`
	More    int       `json:"more,omitempty"`  // rooms that are not named
	Leave   string    `json:"leave,omitempty"` // where mails of this kind are ended, also by a bare POST (RFC 8058); empty: nowhere
}

// Room is a line of a digest.
type Room struct {
	Name     string `json:"name"` // empty: it has none
	Unread   int    `json:"unread"`
	Mentions int    `json:"mentions"` // among the unread ones
}

// Message is a mail to one address.
type Message struct {
	To       string    `json:"to"`       // of ParseAddress
	Language string    `json:"language"` // "fr" or "en"; another: French
	Template Template  `json:"template"`
	Data     Data      `json:"data"`
	Expires  time.Time `json:"expires"` // not sent by then it is dropped; zero: Data.Until, or else Lifetime from now
}

// Lifetime is how long a mail is tried that has no time of its own.
const Lifetime = 3 * 24 * time.Hour

const (
	maxQueued    = 10_000 // mails that wait
	maxMailBytes = 64 << 10
	maxRooms     = 50 // of a digest
)

// queued checks a message and gives what the queue keeps of it.
func (m Message) queued(now time.Time) (q store.QueuedMail, err error) {
	if m.To, err = ParseAddress(m.To); err != nil {
		return q, err
	}
	if !slices.Contains(Templates(), m.Template) || len(m.Data.Rooms) > maxRooms {
		return q, merr.InvalidParam("There is no such mail")
	}
	if !slices.Contains(languages(), m.Language) {
		m.Language = languages()[0]
	}
	if m.Data.At.IsZero() {
		m.Data.At = now
	}
	if m.Expires.IsZero() {
		m.Expires = m.Data.Until
	}
	if m.Expires.IsZero() {
		m.Expires = now.Add(Lifetime)
	}
	q = store.QueuedMail{Created: store.Millis(now), Expires: store.Millis(m.Expires), Due: store.Millis(now)}
	if q.Message, err = json.Marshal(m); err == nil && len(q.Message) > maxMailBytes {
		err = merr.TooLarge("A mail has %d bytes at most", maxMailBytes)
	}
	return q, err
}
