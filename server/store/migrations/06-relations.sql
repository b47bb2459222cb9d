-- v5 -> v6: relations
-- Rows for events that relate to another one (m.relates_to) only: a plain message writes none.
CREATE TABLE relation (
	target   INTEGER NOT NULL, -- nid of the event that is related to, of the same room
	ord      INTEGER NOT NULL, -- the relating event's place in the timeline
	nid      INTEGER NOT NULL, -- the relating event
	rel_type INTEGER NOT NULL, -- -1 m.annotation, -2 m.reference, -3 m.replace, -4 m.thread, else an atom
	type     INTEGER NOT NULL, -- of the relating event, atom
	sender   INTEGER NOT NULL, -- of the relating event, atom
	ts       INTEGER NOT NULL, -- of the relating event
	status   INTEGER NOT NULL, -- of the relating event
	detail   INTEGER NOT NULL, -- annotations: hash of type and key; replacements: 1 where the event by itself is a valid one; else 0
	PRIMARY KEY (target, ord)
) WITHOUT ROWID;

-- Relations to events that are not here yet.
CREATE TABLE relation_waiting (
	target BLOB NOT NULL,    -- event id, as in event
	nid    INTEGER NOT NULL, -- the relating event
	PRIMARY KEY (target, nid)
) WITHOUT ROWID;

-- The events that threads begin with. Its last message may be redacted since.
CREATE TABLE thread (
	room INTEGER NOT NULL,
	root INTEGER NOT NULL, -- nid
	PRIMARY KEY (room, root)
) WITHOUT ROWID;
