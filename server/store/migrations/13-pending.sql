-- v12 -> v13: media ids that were given before the upload
CREATE TABLE media_pending (
	id       INTEGER PRIMARY KEY AUTOINCREMENT, -- never reused: downloads wait for it
	media_id TEXT NOT NULL UNIQUE,
	uploader INTEGER NOT NULL, -- atom
	expires  INTEGER NOT NULL  -- milliseconds
);
