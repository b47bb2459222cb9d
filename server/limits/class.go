package limits

import "time"

// Class says what kind of work a route is, and so how often it may be asked for.
type Class uint8

// The classes. A route that names none is General.
const (
	General   Class = iota // all that is cheap
	Sync                   // asking for news; who waits holds a place, see Limiter.Admit
	Send                   // sending events
	Join                   // joining and knocking
	Invite                 // inviting, kicking, banning
	Create                 // making and replacing rooms
	Upload                 // files and ids for them
	Download               // files, thumbnails, previews
	Report                 // reports to the administrators
	Search                 // full-text search, and that of people as one types
	Lookup                 // directories, profiles, summaries, hierarchies
	Keys                   // uploading, asking for and claiming keys, key backups
	Ephemeral              // typing, receipts, presence, messages to devices
	Settings               // account data, tags, filters, push rules, pushers, profiles
	Login                  // log-ins, right or wrong; see Guesses for wrong ones
	Account                // what asks for a password again, tokens for others
	Register               // making accounts, asking whether a name is free
	Mail                   // what makes the server send a mail to an address that a stranger names
	Proof                  // requests of servers before it is known whose they are
	Servers                // requests of servers; Caller.Account is the server's name
	classes
)

// A rule is how often one account, one address without an account, the accounts behind one address, and all together may ask.
type rule struct{ account, stranger, crowd, all Rate }

// How many people share an address at once, and how many there are: a town hall has one address, and everybody comes at nine.
const (
	crowd    = 50
	everyone = 400
)

// rules gives the rule of each class. A client's normal burst is far below: Element's first log-in asks some hundred times, a room of 200 is invited one by one.
func rules() [classes]rule {
	// Log-ins are held by what they cost (Slots) and by being wrong (Guesses): counted all, whoever attacks would shut out those beside them, and from a hundred
	// addresses everybody.
	open := Rate{20_000, 50 * time.Microsecond}
	return [classes]rule{
		General:   people(1000, 20*time.Millisecond),
		Sync:      people(1000, 10*time.Millisecond),
		Send:      people(100, 200*time.Millisecond),
		Join:      people(100, 2*time.Second),
		Invite:    people(300, time.Second),
		Create:    people(60, 5*time.Second),
		Upload:    people(100, 500*time.Millisecond),
		Download:  people(1000, 20*time.Millisecond),
		Report:    people(10, 30*time.Second),
		Search:    people(60, 400*time.Millisecond),
		Lookup:    people(500, 50*time.Millisecond),
		Keys:      people(500, 50*time.Millisecond),
		Ephemeral: people(500, 50*time.Millisecond),
		Settings:  people(300, 200*time.Millisecond),
		Login:     {account: open, stranger: open, crowd: open, all: open},
		Account:   {account: Rate{60, 5 * time.Second}, stranger: Rate{600, 100 * time.Millisecond}, all: open},
		Register:  {account: Rate{100, time.Second}, stranger: Rate{300, 5 * time.Second}, all: Rate{1000, time.Second}},
		Proof:     {account: open, stranger: Rate{3000, 2 * time.Millisecond}, crowd: open, all: open},
		Servers:   {account: Rate{3000, 5 * time.Millisecond}, stranger: Rate{3000, 5 * time.Millisecond}, crowd: open, all: open},
		Mail:      {account: Rate{5, time.Minute}, stranger: Rate{30, 20 * time.Second}, all: Rate{200, 2 * time.Second}},
	}
}

// people makes the rule of what accounts do. A stranger asks like five of them.
func people(burst int, every time.Duration) rule {
	r := Rate{burst, every}
	return rule{account: r, stranger: r.times(5), crowd: r.times(crowd), all: r.times(everyone)}
}

// Allowance is what an administrator allows one account instead of the rules. Source: Synapse's admin API, "Override ratelimiting for users".
type Allowance struct {
	Unlimited bool // no limit of the account's own, and none of its address
	Send      Rate // instead of the class Send's; the zero Rate: as everybody
}
