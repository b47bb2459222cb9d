-- v18 -> v19: accounts
-- account.state is bits now: 1 locked, 2 suspended, 4 deactivated.
UPDATE account SET state = 4 WHERE state = 3;

-- Tokens that let somebody register.
CREATE TABLE registration_token (
	hash         BLOB PRIMARY KEY, -- HMAC-SHA256 of the token, by which it is found
	sealed       BLOB NOT NULL,    -- the token, for who manages tokens
	uses_allowed INTEGER,          -- null: any number
	completed    INTEGER NOT NULL DEFAULT 0,
	expires      INTEGER,          -- milliseconds; null: never
	created      INTEGER NOT NULL  -- milliseconds
) WITHOUT ROWID;

-- Accounts that were ended with their data. Their events are shown redacted to who came after that.
CREATE TABLE erased (
	user  INTEGER PRIMARY KEY,       -- atom
	pos   INTEGER NOT NULL,          -- of the erasure
	ts    INTEGER NOT NULL,          -- milliseconds
	swept INTEGER NOT NULL DEFAULT 0 -- 1: nothing is left that takes long to remove
);
