-- v13 -> v14: mail, and the e-mail addresses of accounts
CREATE TABLE mail (
	id       INTEGER PRIMARY KEY AUTOINCREMENT,
	message  BLOB NOT NULL,    -- JSON of mail.Message: it is written out when it goes
	created  INTEGER NOT NULL, -- milliseconds, as the others
	expires  INTEGER NOT NULL, -- not sent by then it is dropped
	due      INTEGER NOT NULL, -- of the next attempt
	attempts INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX mail_due ON mail (due, id);

CREATE TABLE threepid (
	address   TEXT PRIMARY KEY, -- e-mail, folded: server/mail, ParseAddress
	user      INTEGER NOT NULL, -- atom
	validated INTEGER NOT NULL, -- milliseconds
	added     INTEGER NOT NULL, -- milliseconds
	language  TEXT NOT NULL     -- of mails to it; empty: the commune's
) WITHOUT ROWID;
CREATE INDEX threepid_user ON threepid (user);

-- Proofs that somebody reads the mail of an address, being made.
CREATE TABLE threepid_session (
	sid           TEXT PRIMARY KEY,
	purpose       TEXT NOT NULL,
	client_secret BLOB NOT NULL,    -- SHA-256
	address       TEXT NOT NULL,
	language      TEXT NOT NULL,
	token         BLOB NOT NULL,    -- SHA-256 of what the last mail's link holds; empty: that mail had none
	send_attempt  INTEGER NOT NULL,
	next_link     TEXT NOT NULL,    -- empty: none
	asked         INTEGER NOT NULL, -- milliseconds, as the others
	expires       INTEGER NOT NULL,
	validated     INTEGER           -- null: not yet
);
CREATE UNIQUE INDEX threepid_session_secret ON threepid_session (address, purpose, client_secret);
CREATE UNIQUE INDEX threepid_session_token ON threepid_session (token) WHERE token <> x'';
CREATE INDEX threepid_session_expires ON threepid_session (expires);

-- Who asked for mails lately: what bounds them.
CREATE TABLE mail_asked (
	who TEXT NOT NULL,    -- an address, a network or an account, with its kind in front
	at  INTEGER NOT NULL  -- milliseconds
);
CREATE INDEX mail_asked_who ON mail_asked (who, at);
CREATE INDEX mail_asked_at ON mail_asked (at);
