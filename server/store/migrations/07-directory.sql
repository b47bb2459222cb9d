-- v6 -> v7: aliases and the directory
CREATE TABLE alias (
	alias   TEXT PRIMARY KEY,  -- whole: #name:server
	room    INTEGER NOT NULL,
	creator INTEGER NOT NULL,  -- atom
	created INTEGER NOT NULL   -- milliseconds
) WITHOUT ROWID;
CREATE INDEX alias_room ON alias (room);
CREATE INDEX alias_creator ON alias (creator);

-- The rooms that this server's directory shows.
CREATE TABLE published (
	room INTEGER PRIMARY KEY
);

-- The rooms that are being removed: nobody finds them any more, and their rows go in small writes.
CREATE TABLE purge (
	room INTEGER PRIMARY KEY
);

-- What people reported to the administration. It names rooms and events by their ids, so that it outlives them.
CREATE TABLE report (
	id       INTEGER PRIMARY KEY,
	reporter INTEGER NOT NULL, -- atom
	ts       INTEGER NOT NULL, -- milliseconds
	room_id  TEXT,             -- null: a user was reported
	event_id TEXT,             -- null: the room or the user as a whole
	user_id  TEXT,             -- whom it concerns: the user reported, or the event's sender
	reason   TEXT NOT NULL
);
CREATE INDEX report_reporter ON report (reporter, ts);
