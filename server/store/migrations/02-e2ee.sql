-- v1 -> v2: encryption
-- Tables whose rows hold more than a few hundred bytes keep a rowid: without one, long rows spill into pages of their own.

-- Messages to devices, until they are acknowledged.
CREATE TABLE to_device (
	pos    INTEGER PRIMARY KEY,
	device INTEGER NOT NULL,
	seq    INTEGER NOT NULL, -- counts within the queue, so that its length is known from its ends
	json   BLOB NOT NULL     -- the event as the device gets it
);
CREATE UNIQUE INDEX to_device_queue ON to_device (device, pos, seq);

CREATE TABLE device_list (
	user      INTEGER PRIMARY KEY, -- atom
	pos       INTEGER NOT NULL,    -- of the last change of devices or keys
	stream_id INTEGER,             -- remote users: the last update their server sent,
	prev_id   INTEGER,             -- the one before it,
	stale     INTEGER NOT NULL DEFAULT 0 -- and whether one was missed
);
CREATE INDEX device_list_pos ON device_list (pos);

CREATE TABLE device_keys (
	user      INTEGER NOT NULL, -- atom
	device_id TEXT NOT NULL,
	json      BLOB NOT NULL,    -- canonical, with the user's own signatures only
	PRIMARY KEY (user, device_id)
);

CREATE TABLE cross_signing_key (
	user  INTEGER NOT NULL, -- atom
	usage TEXT NOT NULL,    -- master, self_signing, user_signing
	json  BLOB NOT NULL,    -- canonical, with the user's own signatures only
	PRIMARY KEY (user, usage)
);

-- Signatures that came after the key that they sign.
CREATE TABLE key_signature (
	user       INTEGER NOT NULL, -- whose key is signed
	key_id     TEXT NOT NULL,    -- device id or public key
	signer     INTEGER NOT NULL, -- atom
	signer_key TEXT NOT NULL,    -- ed25519:abcd
	signature  TEXT NOT NULL,
	pos        INTEGER NOT NULL, -- the signer's devices hear of it
	PRIMARY KEY (user, key_id, signer, signer_key)
) WITHOUT ROWID;
CREATE INDEX key_signature_signer ON key_signature (signer, pos) WHERE signer <> user;

CREATE TABLE one_time_key (
	device    INTEGER NOT NULL,
	algorithm TEXT NOT NULL,
	pos       INTEGER NOT NULL, -- of the upload: the oldest is given out first
	key_id    TEXT NOT NULL,    -- without the algorithm
	json      BLOB NOT NULL,
	PRIMARY KEY (device, algorithm, pos, key_id)
);

CREATE TABLE fallback_key (
	device    INTEGER NOT NULL,
	algorithm TEXT NOT NULL,
	key_id    TEXT NOT NULL, -- without the algorithm
	json      BLOB NOT NULL,
	used      INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (device, algorithm)
) WITHOUT ROWID;

CREATE TABLE key_backup (
	user      INTEGER NOT NULL, -- atom
	version   INTEGER NOT NULL, -- counts per user; a deleted one is never given again
	algorithm TEXT NOT NULL,
	auth_data BLOB NOT NULL,    -- JSON
	etag      INTEGER NOT NULL DEFAULT 0, -- rises with each change of the sessions
	count     INTEGER NOT NULL DEFAULT 0, -- of sessions
	deleted   INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (user, version)
);

CREATE TABLE key_backup_session (
	user                INTEGER NOT NULL,
	version             INTEGER NOT NULL,
	room_id             TEXT NOT NULL,
	session_id          TEXT NOT NULL,
	first_message_index INTEGER NOT NULL,
	forwarded_count     INTEGER NOT NULL,
	is_verified         INTEGER NOT NULL,
	session_data        BLOB NOT NULL, -- JSON
	PRIMARY KEY (user, version, room_id, session_id)
);

-- Who began or ceased to share a room, without a look into each room.
CREATE INDEX state_change_member ON state_change (pos) WHERE type = 3;
