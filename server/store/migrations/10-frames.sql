-- v9 -> v10: what a sender's messages have in common is stored once
CREATE TABLE event_frame (
	id   INTEGER PRIMARY KEY,
	room INTEGER NOT NULL,
	sum  INTEGER NOT NULL, -- FNV-1a of text, to find it
	text BLOB NOT NULL,    -- canonical JSON with holes; see frame.go
	UNIQUE (room, sum)
);
ALTER TABLE event ADD COLUMN frame INTEGER; -- json fills the holes of this frame; null: it is whole
