-- v3 -> v4: the graph of a room
ALTER TABLE room ADD COLUMN forked_state INTEGER NOT NULL DEFAULT 0; -- the state group of all extremities together; 0: there are no rows in extremity

-- Events that were outliers when they came and entered a timeline later: their number is not their position.
CREATE TABLE late (
	room INTEGER NOT NULL,
	pos  INTEGER NOT NULL,
	nid  INTEGER NOT NULL,
	PRIMARY KEY (room, pos)
) WITHOUT ROWID;

-- What events of a timeline follow that is not there itself.
CREATE TABLE missing_event (
	room     INTEGER NOT NULL,
	event_id BLOB NOT NULL,    -- the event that is missing
	nid      INTEGER NOT NULL, -- one that follows it
	PRIMARY KEY (room, event_id, nid)
) WITHOUT ROWID;

-- Redactions that came before what they redact.
CREATE TABLE early_redaction (
	room     INTEGER NOT NULL,
	event_id BLOB NOT NULL,    -- the event to redact
	nid      INTEGER NOT NULL, -- the redaction
	anyones  INTEGER NOT NULL, -- 1: its sender may redact everybody's events; 0: those of their own server
	PRIMARY KEY (room, event_id, nid)
) WITHOUT ROWID;
