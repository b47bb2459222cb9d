-- v11 -> v12: events that are sent later
CREATE TABLE delayed_event (
	delay_id  TEXT PRIMARY KEY,
	user      INTEGER NOT NULL, -- atom
	device    INTEGER NOT NULL, -- that scheduled it
	txn       TEXT,             -- the scheduling request's path, to recognise it again; null: it has no transaction id
	room_id   TEXT NOT NULL,
	type      TEXT NOT NULL,
	state_key TEXT,             -- null: not a state event
	content   BLOB NOT NULL,    -- JSON
	delay     INTEGER NOT NULL, -- milliseconds
	since     INTEGER NOT NULL, -- when it was scheduled or last restarted, in milliseconds
	finalised INTEGER,          -- when it was sent, cancelled or failed, in milliseconds; null: it is scheduled
	event_id  TEXT,             -- of the event that was sent
	error     BLOB              -- JSON: why it could not be sent
);
CREATE UNIQUE INDEX delayed_event_txn ON delayed_event (device, txn) WHERE txn IS NOT NULL;
CREATE INDEX delayed_event_due ON delayed_event (since + delay, delay_id) WHERE finalised IS NULL;
CREATE INDEX delayed_event_user ON delayed_event (user, finalised);
CREATE INDEX delayed_event_old ON delayed_event (finalised) WHERE finalised IS NOT NULL;
