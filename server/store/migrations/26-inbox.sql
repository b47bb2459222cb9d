-- v25 -> v26: inbox
-- Events of other servers that were acknowledged before they could be judged: what is before them was still being asked for.
CREATE TABLE incoming_event (
	id      INTEGER PRIMARY KEY,
	server  TEXT NOT NULL, -- that sent it
	room_id TEXT NOT NULL,
	tries   INTEGER NOT NULL DEFAULT 0, -- starts of this server that took it up
	json    BLOB NOT NULL  -- as it came: nothing of it is proven
);
