-- v8 -> v9: full-text search
-- All of it is derived from the events (package search), left out of backups, and may be emptied at any time.
CREATE VIRTUAL TABLE search USING fts5 (
	tags,  -- the room and the sender: r12 u34
	body,  -- of m.room.message; these three as words in the form in which they are searched
	name,  -- of m.room.name
	topic, -- of m.room.topic
	content = '', contentless_delete = 1, tokenize = 'ascii'
);
INSERT INTO search (search, rank) VALUES ('pgsz', 960); -- so that a leaf of the index fits into a page of the database

-- The edits of messages (m.replace), those too whose message is not here yet.
CREATE TABLE search_edit (
	target BLOB NOT NULL,    -- event id of the message, as in event
	nid    INTEGER NOT NULL, -- the edit
	PRIMARY KEY (target, nid)
) WITHOUT ROWID;
CREATE INDEX search_edit_nid ON search_edit (nid);

-- Events that are other than when they were indexed: redacted.
CREATE TABLE search_again (
	nid INTEGER PRIMARY KEY
);

-- How far the index is.
CREATE TABLE search_cursor (
	id    INTEGER PRIMARY KEY CHECK (id = 1),
	nid   INTEGER NOT NULL, -- the last event that was looked at
	dirty INTEGER NOT NULL  -- of so many events that were taken out of the index words may still be in its bytes
);
INSERT INTO search_cursor (id, nid, dirty) VALUES (1, 0, 0);
