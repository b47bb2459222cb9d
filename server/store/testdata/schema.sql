CREATE TABLE account (
	user     INTEGER PRIMARY KEY, -- atom
	password TEXT,                -- argon2id, PHC string; null: no log-in by password
	created  INTEGER NOT NULL,    -- milliseconds
	admin    INTEGER NOT NULL DEFAULT 0,
	state    INTEGER NOT NULL DEFAULT 0 -- 0 active, 1 locked, 2 suspended, 3 deactivated
);

CREATE TABLE account_data (
	user    INTEGER NOT NULL,
	room    INTEGER NOT NULL, -- 0: global
	type    INTEGER NOT NULL, -- atom
	content BLOB NOT NULL,    -- JSON
	pos     INTEGER NOT NULL, sum INTEGER,
	PRIMARY KEY (user, room, type)
);

CREATE INDEX account_data_pos ON account_data (user, pos);

CREATE INDEX account_data_rules ON account_data (user) WHERE room = 0 AND type = 21;

CREATE TABLE alias (
	alias   TEXT PRIMARY KEY,  -- whole: #name:server
	room    INTEGER NOT NULL,
	creator INTEGER NOT NULL,  -- atom
	created INTEGER NOT NULL   -- milliseconds
) WITHOUT ROWID;

CREATE INDEX alias_creator ON alias (creator);

CREATE INDEX alias_room ON alias (room);

CREATE TABLE appservice (
	id   TEXT PRIMARY KEY,  -- of its registration
	pos  INTEGER NOT NULL,  -- events up to here are done
	txn  INTEGER NOT NULL,  -- number of the transaction that is on its way, of the allocator of positions; 0: none
	upto INTEGER NOT NULL,  -- events up to here are done when that has arrived
	nids TEXT NOT NULL      -- its events, a JSON array
);

CREATE TABLE atom (
	id   INTEGER PRIMARY KEY,
	text TEXT NOT NULL UNIQUE
);

CREATE TABLE blocked_room (
	room_id TEXT PRIMARY KEY,
	admin   INTEGER NOT NULL,    -- atom of who blocked it
	ts      INTEGER NOT NULL     -- milliseconds
) WITHOUT ROWID;

CREATE TABLE cross_signing_key (
	user  INTEGER NOT NULL, -- atom
	usage TEXT NOT NULL,    -- master, self_signing, user_signing
	json  BLOB NOT NULL,    -- canonical, with the user's own signatures only
	PRIMARY KEY (user, usage)
);

CREATE TABLE current_state (
	room      INTEGER NOT NULL,
	type      INTEGER NOT NULL,
	state_key INTEGER NOT NULL,
	nid       INTEGER NOT NULL,
	PRIMARY KEY (room, type, state_key)
) WITHOUT ROWID;

CREATE TABLE database_owner (
	key   INTEGER PRIMARY KEY DEFAULT 0,
	owner TEXT NOT NULL
);

CREATE TABLE dehydrated_device (
	user   INTEGER PRIMARY KEY, -- atom
	device INTEGER NOT NULL,
	data   BLOB NOT NULL        -- JSON: the encrypted device
);

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

CREATE INDEX delayed_event_due ON delayed_event (since + delay, delay_id) WHERE finalised IS NULL;

CREATE INDEX delayed_event_old ON delayed_event (finalised) WHERE finalised IS NOT NULL;

CREATE UNIQUE INDEX delayed_event_txn ON delayed_event (device, txn) WHERE txn IS NOT NULL;

CREATE INDEX delayed_event_user ON delayed_event (user, finalised);

CREATE TABLE denied_server (
	pattern TEXT PRIMARY KEY, -- a name without port, in which * and ? stand for others, as in m.room.server_acl
	reason  TEXT NOT NULL,
	ts      INTEGER NOT NULL  -- milliseconds: since when
);

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

CREATE TABLE device (
	id           INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice: queues and echoes refer to it
	user         INTEGER NOT NULL,
	device_id    TEXT NOT NULL,
	token_key    BLOB NOT NULL UNIQUE, -- 8 random bytes: what tokens name
	generation   INTEGER NOT NULL DEFAULT 1,
	confirmed    INTEGER NOT NULL DEFAULT 1, -- 0: the generation before is still accepted
	display_name TEXT,
	created      INTEGER NOT NULL,
	last_seen_ts INTEGER,
	last_seen_ip TEXT,
	UNIQUE (user, device_id)
);

CREATE TABLE device_keys (
	user      INTEGER NOT NULL, -- atom
	device_id TEXT NOT NULL,
	json      BLOB NOT NULL, name TEXT,    -- canonical, with the user's own signatures only
	PRIMARY KEY (user, device_id)
);

CREATE TABLE device_list (
	user      INTEGER PRIMARY KEY, -- atom
	pos       INTEGER NOT NULL,    -- of the last change of devices or keys
	stream_id INTEGER,             -- remote users: the last update their server sent,
	told   INTEGER,             -- the one before it,
	stale     INTEGER NOT NULL DEFAULT 0 -- and whether one was missed
);

CREATE INDEX device_list_pos ON device_list (pos);

CREATE INDEX device_list_stale ON device_list (user) WHERE stale = 1;

CREATE TABLE early_redaction (
	room     INTEGER NOT NULL,
	event_id BLOB NOT NULL,    -- the event to redact
	nid      INTEGER NOT NULL, -- the redaction
	anyones  INTEGER NOT NULL, -- 1: its sender may redact everybody's events; 0: those of their own server
	PRIMARY KEY (room, event_id, nid)
) WITHOUT ROWID;

CREATE TABLE erased (
	user  INTEGER PRIMARY KEY,       -- atom
	pos   INTEGER NOT NULL,          -- of the erasure
	ts    INTEGER NOT NULL,          -- milliseconds
	swept INTEGER NOT NULL DEFAULT 0 -- 1: nothing is left that takes long to remove
);

CREATE TABLE event (
	nid         INTEGER PRIMARY KEY, -- from the allocator; the position of a live event
	room        INTEGER NOT NULL,
	ord         INTEGER,          -- its place in the timeline; null: none
	event_id    BLOB NOT NULL,
	type        INTEGER NOT NULL,
	state_key   INTEGER,          -- atom; null: not a state event
	sender      INTEGER NOT NULL,
	ts          INTEGER NOT NULL, -- origin_server_ts
	status      INTEGER NOT NULL DEFAULT 0, -- bits: 1 soft-failed, 2 rejected, 4 outlier, 8 redacted on arrival
	state       INTEGER NOT NULL, -- the state group after the event; 0: unknown
	replaces    INTEGER,          -- nid of the state event that it replaced
	redacted_by INTEGER,          -- nid of the redaction that was applied
	txn_device  INTEGER,
	txn_id      TEXT,
	json        BLOB NOT NULL     -- canonical signed bytes without unsigned
, sum INTEGER, frame INTEGER);

CREATE TABLE event_frame (
	id   INTEGER PRIMARY KEY,
	room INTEGER NOT NULL,
	sum  INTEGER NOT NULL, -- FNV-1a of text, to find it
	text BLOB NOT NULL,    -- canonical JSON with holes; see frame.go
	UNIQUE (room, sum)
);

CREATE UNIQUE INDEX event_id ON event (event_id);

CREATE TABLE extremity (
	room INTEGER NOT NULL,
	nid  INTEGER NOT NULL,
	PRIMARY KEY (room, nid)
) WITHOUT ROWID;

CREATE TABLE fallback_key (
	device    INTEGER NOT NULL,
	algorithm TEXT NOT NULL,
	key_id    TEXT NOT NULL, -- without the algorithm
	json      BLOB NOT NULL,
	used      INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (device, algorithm)
) WITHOUT ROWID;

CREATE TABLE filter (
	user      INTEGER NOT NULL,
	filter_id TEXT NOT NULL,
	json      BLOB NOT NULL,
	PRIMARY KEY (user, filter_id)
) WITHOUT ROWID;

CREATE TABLE incoming_event (
	id      INTEGER PRIMARY KEY,
	server  TEXT NOT NULL, -- that sent it
	room_id TEXT NOT NULL,
	tries   INTEGER NOT NULL DEFAULT 0, -- starts of this server that took it up
	json    BLOB NOT NULL  -- as it came: nothing of it is proven
);

CREATE TABLE journal (
	seq     INTEGER PRIMARY KEY, -- without a gap
	ts      INTEGER NOT NULL,    -- milliseconds
	actor   TEXT NOT NULL,       -- a user id, or 'beffroi' for the command line and the wizard
	act     TEXT NOT NULL,       -- journal.Act
	target  TEXT NOT NULL,       -- whom or what it concerns: an id; '' for nobody
	room_id TEXT NOT NULL,       -- ''
	outcome TEXT NOT NULL,       -- 'ordered', or of a row that follows such a one 'failed'
	detail  TEXT NOT NULL,       -- a JSON object: settings, counts, never content
	hash    BLOB NOT NULL        -- SHA-256 over the hash before and the rest of this row
);

CREATE TABLE key_backup (
	user      INTEGER NOT NULL, -- atom
	version   INTEGER NOT NULL, -- counts per user; a deleted one is never given again
	algorithm TEXT NOT NULL,
	auth_data BLOB NOT NULL,    -- JSON
	etag      INTEGER NOT NULL DEFAULT 0, -- rises with each change of the sessions
	count     INTEGER NOT NULL DEFAULT 0, -- of sessions
	deleted   INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0,
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
	session_data        BLOB NOT NULL, sum INTEGER, -- JSON
	PRIMARY KEY (user, version, room_id, session_id)
);

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

CREATE TABLE late (
	room INTEGER NOT NULL,
	pos  INTEGER NOT NULL,
	nid  INTEGER NOT NULL,
	PRIMARY KEY (room, pos)
) WITHOUT ROWID;

CREATE INDEX late_pos ON late (pos);

CREATE TABLE mail (
	id       INTEGER PRIMARY KEY AUTOINCREMENT,
	message  BLOB NOT NULL,    -- JSON of mail.Message: it is written out when it goes
	created  INTEGER NOT NULL, -- milliseconds, as the others
	expires  INTEGER NOT NULL, -- not sent by then it is dropped
	due      INTEGER NOT NULL, -- of the next attempt
	attempts INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE mail_asked (
	who TEXT NOT NULL,    -- an address, a network or an account, with its kind in front
	at  INTEGER NOT NULL  -- milliseconds
);

CREATE INDEX mail_asked_at ON mail_asked (at);

CREATE INDEX mail_asked_who ON mail_asked (who, at);

CREATE INDEX mail_due ON mail (due, id);

CREATE TABLE media (
	media_id     TEXT PRIMARY KEY,
	sha256       BLOB NOT NULL,    -- of the bytes, which stand in media/ under this name
	size         INTEGER NOT NULL, -- bytes
	content_type TEXT NOT NULL,
	file_name    TEXT NOT NULL,    -- '': none was given
	uploader     INTEGER NOT NULL, -- atom
	created      INTEGER NOT NULL  -- milliseconds
, sum INTEGER, expires INTEGER) WITHOUT ROWID;

CREATE INDEX media_expires ON media (expires) WHERE expires IS NOT NULL;

CREATE TABLE media_pending (
	id       INTEGER PRIMARY KEY AUTOINCREMENT, -- never reused: downloads wait for it
	media_id TEXT NOT NULL UNIQUE,
	uploader INTEGER NOT NULL, -- atom
	expires  INTEGER NOT NULL  -- milliseconds
);

CREATE TABLE media_protected (
	media_id TEXT PRIMARY KEY
) WITHOUT ROWID;

CREATE TABLE media_quarantine (
	sha256 BLOB PRIMARY KEY,
	admin  INTEGER NOT NULL,     -- atom of who said so
	ts     INTEGER NOT NULL      -- milliseconds
) WITHOUT ROWID;

CREATE INDEX media_sha256 ON media (sha256);

CREATE INDEX media_uploader ON media (uploader, media_id, size);

CREATE TABLE member (
	room       INTEGER NOT NULL,
	user       INTEGER NOT NULL,
	membership INTEGER NOT NULL, -- 1 join, 2 invite, 3 knock, 4 leave, 5 ban
	nid        INTEGER NOT NULL,
	pos        INTEGER NOT NULL,
	forgotten  INTEGER NOT NULL DEFAULT 0, since_ord INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (room, user)
) WITHOUT ROWID;

CREATE INDEX member_user ON member (user, membership, room);

CREATE TABLE meta (
	name  TEXT PRIMARY KEY,
	value NOT NULL
) WITHOUT ROWID;

CREATE TABLE missing_event (
	room     INTEGER NOT NULL,
	event_id BLOB NOT NULL,    -- the event that is missing
	nid      INTEGER NOT NULL, -- one that follows it
	PRIMARY KEY (room, event_id, nid)
) WITHOUT ROWID;

CREATE TABLE network_room (
	service TEXT NOT NULL,    -- id of the registration
	network TEXT NOT NULL,
	room    INTEGER NOT NULL,
	PRIMARY KEY (room, service, network)
) WITHOUT ROWID;

CREATE TABLE notice_room (
	user    INTEGER PRIMARY KEY, -- atom
	room_id TEXT NOT NULL UNIQUE
);

CREATE TABLE one_time_key (
	device    INTEGER NOT NULL,
	algorithm TEXT NOT NULL,
	pos       INTEGER NOT NULL, -- of the upload: the oldest is given out first
	key_id    TEXT NOT NULL,    -- without the algorithm
	json      BLOB NOT NULL,
	PRIMARY KEY (device, algorithm, pos, key_id)
);

CREATE TABLE outgoing (
	pos     INTEGER PRIMARY KEY,
	room    INTEGER NOT NULL, -- 0: to all who share a room with the subject
	kind    INTEGER NOT NULL, -- 0 an event, 1 receipts, 2 a device, 3 cross-signing keys
	subject INTEGER NOT NULL, -- the event's number, or the user
	prev    INTEGER,          -- of a device: the position of the change of the user's list before this one
	device  TEXT              -- its id
);

CREATE TABLE outgoing_edu (
	pos     INTEGER PRIMARY KEY,
	server  INTEGER NOT NULL, -- atom
	seq     INTEGER NOT NULL, -- within the server's
	kind    TEXT NOT NULL,    -- edu_type
	key     TEXT NOT NULL,    -- '' or what a later one of the same kind replaces
	created INTEGER NOT NULL, -- milliseconds
	content BLOB NOT NULL     -- JSON
);

CREATE INDEX outgoing_edu_key ON outgoing_edu (server, kind, key) WHERE key <> '';

CREATE INDEX outgoing_edu_server ON outgoing_edu (server);

CREATE TABLE password_link (
	user    INTEGER PRIMARY KEY, -- atom; a new link ends the one before
	token   BLOB NOT NULL UNIQUE, -- SHA-256 of what the link ends with
	admin   INTEGER NOT NULL,    -- atom of who made it
	created INTEGER NOT NULL,    -- milliseconds
	expires INTEGER NOT NULL     -- milliseconds
);

CREATE TABLE profile (
	user  INTEGER NOT NULL,
	field TEXT NOT NULL,
	value BLOB NOT NULL, -- JSON
	PRIMARY KEY (user, field)
) WITHOUT ROWID;

CREATE TABLE published (
	room INTEGER PRIMARY KEY
);

CREATE TABLE purge (
	room INTEGER PRIMARY KEY
);

CREATE TABLE push_cursor (
	id  INTEGER PRIMARY KEY CHECK (id = 1),
	pos INTEGER NOT NULL
);

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

CREATE INDEX pusher_app ON pusher (app_id, pushkey);

CREATE INDEX pusher_device ON pusher (device);

CREATE UNIQUE INDEX pusher_key ON pusher (user, app_id, pushkey);

CREATE UNIQUE INDEX pusher_token ON pusher (token);

CREATE TABLE rate_override (
	user       INTEGER PRIMARY KEY, -- atom
	per_second INTEGER NOT NULL,    -- events that it may send; 0 (and burst 0): the account has no limits at all
	burst      INTEGER NOT NULL     -- events at once
);

CREATE TABLE receipt (
	room     INTEGER NOT NULL,
	user     INTEGER NOT NULL,
	type     INTEGER NOT NULL, -- atom: m.read, m.read.private
	thread   TEXT NOT NULL,    -- '' unthreaded, 'main', or the root's event id
	event_id TEXT NOT NULL,
	ord      INTEGER NOT NULL, -- where the event stands in the room
	ts       INTEGER NOT NULL,
	pos      INTEGER NOT NULL,
	PRIMARY KEY (room, user, type, thread)
) WITHOUT ROWID;

CREATE INDEX receipt_pos ON receipt (room, pos);

CREATE TABLE registration_token (
	hash         BLOB PRIMARY KEY, -- HMAC-SHA256 of the token, by which it is found
	sealed       BLOB NOT NULL,    -- the token, for who manages tokens
	uses_allowed INTEGER,          -- null: any number
	completed    INTEGER NOT NULL DEFAULT 0,
	expires      INTEGER,          -- milliseconds; null: never
	created      INTEGER NOT NULL  -- milliseconds
) WITHOUT ROWID;

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

CREATE TABLE relation_waiting (
	target BLOB NOT NULL,    -- event id, as in event
	nid    INTEGER NOT NULL, -- the relating event
	PRIMARY KEY (target, nid)
) WITHOUT ROWID;

CREATE TABLE remote_media (
	server       TEXT NOT NULL,
	media_id     TEXT NOT NULL,
	sha256       BLOB NOT NULL,
	size         INTEGER NOT NULL, -- bytes
	content_type TEXT NOT NULL,
	file_name    TEXT NOT NULL,    -- '': none was given
	fetched      INTEGER NOT NULL, -- milliseconds
	used         INTEGER NOT NULL, -- milliseconds, written in batches
	PRIMARY KEY (server, media_id)
);

CREATE INDEX remote_media_sha256 ON remote_media (sha256);

CREATE INDEX remote_media_used ON remote_media (used, size);

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

CREATE TABLE room (
	id       INTEGER PRIMARY KEY,
	room_id  BLOB NOT NULL UNIQUE, -- 32 bytes where the version has hash ids, else the text's bytes
	version  TEXT NOT NULL,
	complete INTEGER NOT NULL DEFAULT 1,
	epoch    INTEGER NOT NULL DEFAULT 0 -- the restore (meta.epoch) after which its last event came
, forked_state INTEGER NOT NULL DEFAULT 0);

CREATE TABLE room_server (
	server INTEGER NOT NULL, -- atom of its name
	room   INTEGER NOT NULL,
	since  INTEGER NOT NULL, -- position of the first event that concerns it
	until  INTEGER,          -- position of the last one; null: it is still there
	users  INTEGER NOT NULL, -- of it who are joined now
	PRIMARY KEY (server, room, since)
) WITHOUT ROWID;

CREATE INDEX room_server_room ON room_server (room, since);

CREATE VIRTUAL TABLE search USING fts5 (
	tags,  -- the room and the sender: r12 u34
	body,  -- of m.room.message; these three as words in the form in which they are searched
	name,  -- of m.room.name
	topic, -- of m.room.topic
	content = '', contentless_delete = 1, tokenize = 'ascii'
);

CREATE TABLE search_again (
	nid INTEGER PRIMARY KEY
);

CREATE TABLE 'search_config'(k PRIMARY KEY, v) WITHOUT ROWID;

CREATE TABLE search_cursor (
	id    INTEGER PRIMARY KEY CHECK (id = 1),
	nid   INTEGER NOT NULL, -- the last event that was looked at
	dirty INTEGER NOT NULL  -- of so many events that were taken out of the index words may still be in its bytes
);

CREATE TABLE 'search_data'(id INTEGER PRIMARY KEY, block BLOB);

CREATE TABLE 'search_docsize'(id INTEGER PRIMARY KEY, sz BLOB, origin INTEGER);

CREATE TABLE search_edit (
	target BLOB NOT NULL,    -- event id of the message, as in event
	nid    INTEGER NOT NULL, -- the edit
	PRIMARY KEY (target, nid)
) WITHOUT ROWID;

CREATE INDEX search_edit_nid ON search_edit (nid);

CREATE TABLE 'search_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;

CREATE TABLE server_key (
	server  TEXT NOT NULL,
	key_id  TEXT NOT NULL,    -- ed25519:abcd
	key     BLOB NOT NULL,    -- 32 bytes
	until   INTEGER NOT NULL, -- milliseconds: what it signed up to then counts
	retired INTEGER NOT NULL, -- 1: it signs no requests any more
	PRIMARY KEY (server, key_id)
) WITHOUT ROWID;

CREATE TABLE server_key_document (
	server  TEXT PRIMARY KEY,
	fetched INTEGER NOT NULL, -- milliseconds
	json    BLOB NOT NULL
);

CREATE TABLE signing_key (
	key_id  TEXT PRIMARY KEY, -- ed25519:abcd
	seed    BLOB NOT NULL,
	created INTEGER NOT NULL, -- milliseconds
	expired INTEGER           -- null: in use
) WITHOUT ROWID;

CREATE TABLE sqlite_sequence(name,seq);

CREATE TABLE state_change (
	room      INTEGER NOT NULL,
	pos       INTEGER NOT NULL,
	type      INTEGER NOT NULL,
	state_key INTEGER NOT NULL,
	old       INTEGER NOT NULL, -- nid; 0: none before
	new       INTEGER NOT NULL, -- nid; 0: removed
	PRIMARY KEY (room, pos, type, state_key)
) WITHOUT ROWID;

CREATE INDEX state_change_key ON state_change (room, type, state_key, pos);

CREATE INDEX state_change_member ON state_change (pos) WHERE type = 3;

CREATE TABLE state_delta (
	state_group INTEGER NOT NULL,
	type        INTEGER NOT NULL,
	state_key   INTEGER NOT NULL,
	nid         INTEGER NOT NULL, -- 0: removed
	PRIMARY KEY (state_group, type, state_key)
) WITHOUT ROWID;

CREATE TABLE state_group (
	id    INTEGER PRIMARY KEY,
	room  INTEGER NOT NULL,
	prev  INTEGER NOT NULL, -- the group that it changes; 0: none
	links INTEGER NOT NULL  -- groups back to the last whole snapshot; 0: this is one
);

CREATE TABLE stripped_state (
	room INTEGER NOT NULL,
	user INTEGER NOT NULL, -- atom
	via  TEXT NOT NULL,    -- the server by whose word it is known
	json BLOB NOT NULL,    -- array of stripped state events
	UNIQUE (room, user)
);

CREATE INDEX stripped_state_user ON stripped_state (user);

CREATE INDEX stripped_state_via ON stripped_state (via);

CREATE TABLE thread (
	room INTEGER NOT NULL,
	root INTEGER NOT NULL, -- nid
	PRIMARY KEY (room, root)
) WITHOUT ROWID;

CREATE TABLE threepid (
	address   TEXT PRIMARY KEY, -- e-mail, folded: server/mail, ParseAddress
	user      INTEGER NOT NULL, -- atom
	validated INTEGER NOT NULL, -- milliseconds
	added     INTEGER NOT NULL, -- milliseconds
	language  TEXT NOT NULL     -- of mails to it; empty: the commune's
) WITHOUT ROWID;

CREATE TABLE threepid_session (
	sid           TEXT PRIMARY KEY,
	purpose       TEXT NOT NULL,
	client_secret BLOB NOT NULL,    -- SHA-256
	address       TEXT NOT NULL,
	language      TEXT NOT NULL,
	token         BLOB NOT NULL,    -- SHA-256 of what the last mail's link holds; empty: that mail had none
	send_attempt  INTEGER NOT NULL,
	next_link     TEXT NOT NULL,    -- empty: none
	asked         INTEGER NOT NULL, -- milliseconds, as the others
	expires       INTEGER NOT NULL,
	validated     INTEGER           -- null: not yet
);

CREATE INDEX threepid_session_expires ON threepid_session (expires);

CREATE UNIQUE INDEX threepid_session_secret ON threepid_session (address, purpose, client_secret);

CREATE UNIQUE INDEX threepid_session_token ON threepid_session (token) WHERE token <> x'';

CREATE INDEX threepid_user ON threepid (user);

CREATE TABLE timeline (
	room          INTEGER NOT NULL,
	ord           INTEGER NOT NULL,
	nid           INTEGER NOT NULL,
	pos           INTEGER, -- null: came by backfill, not part of a stream
	sender        INTEGER NOT NULL,
	notify        INTEGER NOT NULL, -- how many events up to here notify by the default rules: in the room,
	notify_main   INTEGER NOT NULL, -- outside threads,
	thread        INTEGER NOT NULL, -- (nid of the thread's root; 0: not in a thread)
	notify_thread INTEGER NOT NULL, -- in this event's thread
	PRIMARY KEY (room, ord)
) WITHOUT ROWID;

CREATE TABLE timeline_gap (
	room INTEGER NOT NULL,
	from_ord INTEGER NOT NULL, -- the last event before the gap
	to_ord   INTEGER NOT NULL, -- the first event after it
	PRIMARY KEY (room, from_ord)
) WITHOUT ROWID;

CREATE INDEX timeline_thread ON timeline (room, thread, ord) WHERE thread <> 0;

CREATE TABLE to_device (
	pos    INTEGER PRIMARY KEY,
	device INTEGER NOT NULL,
	seq    INTEGER NOT NULL, -- counts within the queue, so that its length is known from its ends
	json   BLOB NOT NULL     -- the event as the device gets it
, sum INTEGER);

CREATE UNIQUE INDEX to_device_queue ON to_device (device, pos, seq);

CREATE TABLE trust_list (
	id       TEXT PRIMARY KEY,  -- the name by which the list signs
	address  TEXT NOT NULL,     -- https://...; '': it is given by hand
	key_id   TEXT NOT NULL,     -- ed25519:abcd, pinned at the subscription
	key      BLOB NOT NULL,     -- 32 bytes
	number   INTEGER NOT NULL,  -- of the document that holds, 0: none yet; a lower one is refused
	accepted INTEGER NOT NULL,  -- milliseconds: when that document came
	tried    INTEGER NOT NULL,  -- milliseconds: when it was last asked for
	failure  TEXT NOT NULL,     -- why the last try failed, in French; '': it did not
	changes  TEXT NOT NULL      -- JSON of policy.Changes: what that document changed
);

CREATE TABLE trust_list_document (
	id   TEXT PRIMARY KEY, -- of the list
	json BLOB NOT NULL     -- as it was signed
);

CREATE TABLE trusted_server (
	server TEXT PRIMARY KEY,
	json   TEXT NOT NULL     -- as it would stand in a list
);

CREATE TABLE txn (
	device INTEGER NOT NULL,
	scope  TEXT NOT NULL,
	txn_id TEXT NOT NULL,
	nid    INTEGER NOT NULL, -- the event; 0: the request has no other result than success
	ts     INTEGER NOT NULL,
	PRIMARY KEY (device, scope, txn_id)
) WITHOUT ROWID;

CREATE TABLE unread_everybody (
	room      INTEGER NOT NULL,
	thread    INTEGER NOT NULL,
	ord       INTEGER NOT NULL,
	highlight INTEGER NOT NULL,
	PRIMARY KEY (room, thread, ord)
) WITHOUT ROWID;

CREATE TABLE unread_mark (
	room      INTEGER NOT NULL,
	user      INTEGER NOT NULL,
	thread    INTEGER NOT NULL, -- as in timeline
	ord       INTEGER NOT NULL,
	notify    INTEGER NOT NULL,
	highlight INTEGER NOT NULL,
	PRIMARY KEY (room, user, thread, ord)
) WITHOUT ROWID;

CREATE INDEX unread_mark_event ON unread_mark (room, ord);

CREATE TABLE unread_mode (
	room INTEGER NOT NULL,
	user INTEGER NOT NULL,
	ord  INTEGER NOT NULL, -- the first event that it holds for
	mode INTEGER NOT NULL, -- bits: 1 ordinary ones don't notify, 2 those that highlight everybody don't notify, 4 nor highlight; 0: as without a row
	PRIMARY KEY (room, user, ord)
) WITHOUT ROWID;

CREATE TABLE unread_redacted (
	room   INTEGER NOT NULL,
	thread INTEGER NOT NULL,
	ord    INTEGER NOT NULL,
	PRIMARY KEY (room, thread, ord)
) WITHOUT ROWID;

CREATE TABLE url_preview (
	url     TEXT PRIMARY KEY, -- as it was asked for, without fragment
	answer  BLOB NOT NULL,    -- JSON, as clients get it
	fetched INTEGER NOT NULL, -- milliseconds
	expires INTEGER NOT NULL  -- milliseconds; it is fetched anew afterwards
);

CREATE INDEX url_preview_expires ON url_preview (expires);

CREATE TABLE version (version INTEGER, compat INTEGER);
