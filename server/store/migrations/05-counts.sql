-- v4 -> v5: unread counts
-- The place where the user came into the membership: what stands up to there is not unread to them.
ALTER TABLE member ADD COLUMN since_ord INTEGER NOT NULL DEFAULT 0;
UPDATE member SET since_ord = coalesce((SELECT max(e.ord) FROM state_change c JOIN event e ON e.nid = c.new LEFT JOIN event o ON o.nid = c.old
	WHERE c.room = member.room AND c.type = 3 AND c.state_key = member.user
		AND coalesce(json_extract(CAST(o.json AS TEXT), '$.content.membership'), '') <> 'join'), 0)
	WHERE membership = 1;

-- What a user's own push rules make of a room's usual events, from a place on, until the user's next row.
CREATE TABLE unread_mode (
	room INTEGER NOT NULL,
	user INTEGER NOT NULL,
	ord  INTEGER NOT NULL, -- the first event that it holds for
	mode INTEGER NOT NULL, -- bits: 1 ordinary ones don't notify, 2 those that highlight everybody don't notify, 4 nor highlight; 0: as without a row
	PRIMARY KEY (room, user, ord)
) WITHOUT ROWID;

-- For whom an event counts otherwise than for everybody in the same mode: sums up to here, in the main timeline or in the event's thread.
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

-- The events that highlight everybody: how many up to here, in the main timeline or in the event's thread.
CREATE TABLE unread_everybody (
	room      INTEGER NOT NULL,
	thread    INTEGER NOT NULL,
	ord       INTEGER NOT NULL,
	highlight INTEGER NOT NULL,
	PRIMARY KEY (room, thread, ord)
) WITHOUT ROWID;

-- The redacted events that the timeline's counts still hold.
CREATE TABLE unread_redacted (
	room   INTEGER NOT NULL,
	thread INTEGER NOT NULL,
	ord    INTEGER NOT NULL,
	PRIMARY KEY (room, thread, ord)
) WITHOUT ROWID;
INSERT INTO unread_redacted (room, thread, ord)
	SELECT t.room, t.thread, t.ord FROM event e JOIN timeline t ON t.room = e.room AND t.ord = e.ord
	WHERE e.redacted_by IS NOT NULL
		AND t.notify > coalesce((SELECT b.notify FROM timeline b WHERE b.room = t.room AND b.ord < t.ord ORDER BY b.ord DESC LIMIT 1), 0);

-- Who has push rules of their own.
CREATE INDEX account_data_rules ON account_data (user) WHERE room = 0 AND type = 21;
