-- v14 -> v15: push
-- To whom and how is told what a user's push rules find.
CREATE TABLE pusher (
	id        INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice: what is on its way refers to it
	user      INTEGER NOT NULL, -- atom
	app_id    TEXT NOT NULL,
	pushkey   TEXT NOT NULL,
	kind      TEXT NOT NULL,    -- as the client wrote it
	device    INTEGER NOT NULL, -- that set it, and with which it ends; 0: it is the account's
	enabled   INTEGER NOT NULL,
	about     BLOB NOT NULL,    -- JSON: what else the client said of it
	since     INTEGER NOT NULL, -- when it was set, in milliseconds
	token     TEXT,             -- random: of kind webpush it activates, of kind email it ends the pusher
	activated INTEGER NOT NULL, -- the token came back, or none was asked for
	pos       INTEGER NOT NULL, -- a cursor over the stream of events: up to here everything is settled
	behind    INTEGER NOT NULL, -- 1: the cursor counts; 0: so does the common one where it is further
	told      INTEGER NOT NULL  -- of kind email: when the last message was sent, in milliseconds
);
CREATE UNIQUE INDEX pusher_key ON pusher (user, app_id, pushkey);
CREATE INDEX pusher_app ON pusher (app_id, pushkey);
CREATE INDEX pusher_device ON pusher (device);
CREATE UNIQUE INDEX pusher_token ON pusher (token);

-- Up to where the events are settled for all pushers that are not behind.
CREATE TABLE push_cursor (
	id  INTEGER PRIMARY KEY CHECK (id = 1),
	pos INTEGER NOT NULL
);
INSERT INTO push_cursor (id, pos) VALUES (1, 0);
