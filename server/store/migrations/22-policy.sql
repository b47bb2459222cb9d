-- v21 -> v22: with which servers this one speaks
-- The trust lists that the town hall subscribed to. What a list says stands beside it: it is long, and changes less often than this.
CREATE TABLE trust_list (
	id       TEXT PRIMARY KEY,  -- the name by which the list signs
	address  TEXT NOT NULL,     -- https://...; '': it is given by hand
	key_id   TEXT NOT NULL,     -- ed25519:abcd, pinned at the subscription
	key      BLOB NOT NULL,     -- 32 bytes
	number   INTEGER NOT NULL,  -- of the document that holds, 0: none yet; a lower one is refused
	accepted INTEGER NOT NULL,  -- milliseconds: when that document came
	tried    INTEGER NOT NULL,  -- milliseconds: when it was last asked for
	failure  TEXT NOT NULL,     -- why the last try failed, in French; '': it did not
	changes  TEXT NOT NULL      -- JSON of policy.Changes: what that document changed
);

CREATE TABLE trust_list_document (
	id   TEXT PRIMARY KEY, -- of the list
	json BLOB NOT NULL     -- as it was signed
);

-- The servers that the town hall trusts beside those on lists.
CREATE TABLE trusted_server (
	server TEXT PRIMARY KEY,
	json   TEXT NOT NULL     -- as it would stand in a list
);

-- The servers that the town hall does not speak with, whoever trusts them.
CREATE TABLE denied_server (
	pattern TEXT PRIMARY KEY, -- a name without port, in which * and ? stand for others, as in m.room.server_acl
	reason  TEXT NOT NULL,
	ts      INTEGER NOT NULL  -- milliseconds: since when
);

-- A town hall of before spoke with nobody, and goes on so until it decides.
INSERT INTO meta (name, value) SELECT 'policy', CAST('{"mode":"closed","foreign_rooms":"refuse"}' AS BLOB) WHERE EXISTS (SELECT 1 FROM meta WHERE name = 'server_name');
