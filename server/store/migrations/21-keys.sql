-- v20 -> v21: keys
-- The signing keys of other servers. None is ever removed: events that they signed must verify as long as they are kept.
CREATE TABLE server_key (
	server  TEXT NOT NULL,
	key_id  TEXT NOT NULL,    -- ed25519:abcd
	key     BLOB NOT NULL,    -- 32 bytes
	until   INTEGER NOT NULL, -- milliseconds: what it signed up to then counts
	retired INTEGER NOT NULL, -- 1: it signs no requests any more
	PRIMARY KEY (server, key_id)
) WITHOUT ROWID;

-- What servers last said of their keys, as they signed it: for others who ask this server.
CREATE TABLE server_key_document (
	server  TEXT PRIMARY KEY,
	fetched INTEGER NOT NULL, -- milliseconds
	json    BLOB NOT NULL
);
