-- v17 -> v18: admin
-- What administrators did, chained by hashes. It names people and rooms by their ids, so that it outlives them.
CREATE TABLE journal (
	seq     INTEGER PRIMARY KEY, -- without a gap
	ts      INTEGER NOT NULL,    -- milliseconds
	actor   TEXT NOT NULL,       -- a user id, or 'beffroi' for the command line and the wizard
	act     TEXT NOT NULL,       -- journal.Act
	target  TEXT NOT NULL,       -- whom or what it concerns: an id; '' for nobody
	room_id TEXT NOT NULL,       -- ''
	outcome TEXT NOT NULL,       -- 'ordered', or of a row that follows such a one 'failed'
	detail  TEXT NOT NULL,       -- a JSON object: settings, counts, never content
	hash    BLOB NOT NULL        -- SHA-256 over the hash before and the rest of this row
);

-- Passwords are chosen by who has such a link, once.
CREATE TABLE password_link (
	user    INTEGER PRIMARY KEY, -- atom; a new link ends the one before
	token   BLOB NOT NULL UNIQUE, -- SHA-256 of what the link ends with
	admin   INTEGER NOT NULL,    -- atom of who made it
	created INTEGER NOT NULL,    -- milliseconds
	expires INTEGER NOT NULL     -- milliseconds
);

-- Rooms that nobody of this server may enter or make. Some of them are not here any more.
CREATE TABLE blocked_room (
	room_id TEXT PRIMARY KEY,
	admin   INTEGER NOT NULL,    -- atom of who blocked it
	ts      INTEGER NOT NULL     -- milliseconds
) WITHOUT ROWID;

-- Bytes that nobody gets while they are here, and uploads that this does not touch.
CREATE TABLE media_quarantine (
	sha256 BLOB PRIMARY KEY,
	admin  INTEGER NOT NULL,     -- atom of who said so
	ts     INTEGER NOT NULL      -- milliseconds
) WITHOUT ROWID;
CREATE TABLE media_protected (
	media_id TEXT PRIMARY KEY
) WITHOUT ROWID;

-- The room in which the server speaks to a user.
CREATE TABLE notice_room (
	user    INTEGER PRIMARY KEY, -- atom
	room_id TEXT NOT NULL UNIQUE
);
