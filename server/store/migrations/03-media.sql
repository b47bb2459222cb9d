-- v2 -> v3: media
CREATE TABLE media (
	media_id     TEXT PRIMARY KEY,
	sha256       BLOB NOT NULL,    -- of the bytes, which stand in media/ under this name
	size         INTEGER NOT NULL, -- bytes
	content_type TEXT NOT NULL,
	file_name    TEXT NOT NULL,    -- '': none was given
	uploader     INTEGER NOT NULL, -- atom
	created      INTEGER NOT NULL  -- milliseconds
) WITHOUT ROWID;
