-- v16 -> v17: appservice

-- How far an application service is in the stream of events, and what is on its way to it.
CREATE TABLE appservice (
	id   TEXT PRIMARY KEY,  -- of its registration
	pos  INTEGER NOT NULL,  -- events up to here are done
	txn  INTEGER NOT NULL,  -- number of the transaction that is on its way, of the allocator of positions; 0: none
	upto INTEGER NOT NULL,  -- events up to here are done when that has arrived
	nids TEXT NOT NULL      -- its events, a JSON array
);

-- The directories that application services keep for the networks they bridge to.
CREATE TABLE network_room (
	service TEXT NOT NULL,    -- id of the registration
	network TEXT NOT NULL,
	room    INTEGER NOT NULL,
	PRIMARY KEY (room, service, network)
) WITHOUT ROWID;

-- Who follows the stream by position finds here the few events whose number is not their position.
CREATE INDEX late_pos ON late (pos);
