package store

// AccountState says what an account may do, as bits: who is suspended may be locked too.
type AccountState int

// The states of an account. Source: client-server API, "Account moderation" and "Account deactivation".
const (
	AccountLocked      AccountState = 1 << iota // may only log out
	AccountSuspended                            // may read and leave, not write
	AccountDeactivated                          // for ever; its user id stays taken

	AccountActive AccountState = 0
)

// Is tells whether an account is in a state, beside others.
func (s AccountState) Is(state AccountState) bool { return s&state != 0 }

// With adds a state, or takes it away.
func (s AccountState) With(state AccountState, on bool) AccountState {
	if on {
		return s | state
	}
	return s &^ state
}

// Account is a person of this server.
type Account struct {
	User     Atom
	Password string // argon2id, PHC string; empty: nobody logs in by password
	Created  int64  // milliseconds
	Admin    bool
	State    AccountState
}

const (
	selectAccount  = `SELECT coalesce(password, ''), created, admin, state FROM account WHERE user = ?`
	insertAccount  = `INSERT INTO account (user, password, created, admin, state) VALUES (?, nullif(?, ''), ?, ?, ?) ON CONFLICT DO NOTHING`
	updatePassword = `UPDATE account SET password = nullif(?, '') WHERE user = ?`
	updateState    = `UPDATE account SET state = ? WHERE user = ?`
)

// Account gives a local user's account. It tells whether there is one.
func (r *Reader) Account(user Atom) (a Account, found bool, err error) {
	a.User = user
	found, err = r.row(selectAccount, in(user), &a.Password, &a.Created, &a.Admin, &a.State)
	return a, found, err
}

// PutAccount makes an account. It tells whether the user id was free.
func (tx *Tx) PutAccount(a Account) (made bool, err error) {
	n, err := tx.execCount(insertAccount, a.User, a.Password, a.Created, a.Admin, a.State)
	return n == 1, err
}

// SetPassword replaces a password's PHC string; the empty string ends log-in by password.
func (tx *Tx) SetPassword(user Atom, phc string) error { return tx.exec(updatePassword, phc, user) }

// SetAccountState changes an account's state.
func (tx *Tx) SetAccountState(user Atom, state AccountState) error {
	return tx.exec(updateState, state, user)
}
