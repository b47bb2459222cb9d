-- v23 -> v24: stripped
-- What people see of a room that they are invited to, or knock at, and that nobody of this server is in. Their membership stands in member, its event is an outlier.
CREATE TABLE stripped_state (
	room INTEGER NOT NULL,
	user INTEGER NOT NULL, -- atom
	via  TEXT NOT NULL,    -- the server by whose word it is known
	json BLOB NOT NULL,    -- array of stripped state events
	UNIQUE (room, user)
);
CREATE INDEX stripped_state_user ON stripped_state (user);
CREATE INDEX stripped_state_via ON stripped_state (via);
