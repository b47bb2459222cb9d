-- v24 -> v25: outbox
-- In which rooms other servers are. Only rooms with members of elsewhere have rows.
CREATE TABLE room_server (
	server INTEGER NOT NULL, -- atom of its name
	room   INTEGER NOT NULL,
	since  INTEGER NOT NULL, -- position of the first event that concerns it
	until  INTEGER,          -- position of the last one; null: it is still there
	users  INTEGER NOT NULL, -- of it who are joined now
	PRIMARY KEY (server, room, since)
) WITHOUT ROWID;
CREATE INDEX room_server_room ON room_server (room, since);

INSERT INTO atom (text) SELECT DISTINCT substr(a.text, instr(a.text, ':') + 1) FROM member m JOIN atom a ON a.id = m.user
	WHERE m.membership = 1 AND substr(a.text, instr(a.text, ':') + 1) <> (SELECT value FROM meta WHERE name = 'server_name') ON CONFLICT DO NOTHING;
INSERT INTO room_server (server, room, since, until, users)
	SELECT s.id, m.room, 0, NULL, count(*) FROM member m JOIN atom a ON a.id = m.user JOIN atom s ON s.text = substr(a.text, instr(a.text, ':') + 1)
	WHERE m.membership = 1 AND s.text <> (SELECT value FROM meta WHERE name = 'server_name') GROUP BY s.id, m.room;

-- What goes to the servers in a room: one row, however many they are. Each server has a cursor.
CREATE TABLE outgoing (
	pos     INTEGER PRIMARY KEY,
	room    INTEGER NOT NULL, -- 0: to all who share a room with the subject
	kind    INTEGER NOT NULL, -- 0 an event, 1 receipts, 2 a device, 3 cross-signing keys
	subject INTEGER NOT NULL, -- the event's number, or the user
	prev    INTEGER,          -- of a device: the position of the change of the user's list before this one
	device  TEXT              -- its id
);

-- What goes to one server only.
CREATE TABLE outgoing_edu (
	pos     INTEGER PRIMARY KEY,
	server  INTEGER NOT NULL, -- atom
	seq     INTEGER NOT NULL, -- within the server's
	kind    TEXT NOT NULL,    -- edu_type
	key     TEXT NOT NULL,    -- '' or what a later one of the same kind replaces
	created INTEGER NOT NULL, -- milliseconds
	content BLOB NOT NULL     -- JSON
);
CREATE INDEX outgoing_edu_server ON outgoing_edu (server);
CREATE INDEX outgoing_edu_key ON outgoing_edu (server, kind, key) WHERE key <> '';

-- How it stands with other servers. One without a row has got everything up to meta.outbox and did not fail.
CREATE TABLE destination (
	server       INTEGER PRIMARY KEY, -- atom
	pos          INTEGER NOT NULL,    -- everything up to here is done
	behind       INTEGER NOT NULL,    -- 1: what comes after pos waits for it; 0: everything up to meta.outbox is done, or was missed
	missed       INTEGER NOT NULL,    -- what came after this position was not kept for it; 0: nothing
	failed       INTEGER NOT NULL,    -- how often in succession
	since        INTEGER NOT NULL,    -- milliseconds: since when it fails; 0: it does not
	until        INTEGER NOT NULL,    -- milliseconds: when it is tried again
	last_success INTEGER NOT NULL,    -- milliseconds; 0: never
	last_error   TEXT NOT NULL,
	dropped      INTEGER NOT NULL     -- what it refused and that was left out
);
