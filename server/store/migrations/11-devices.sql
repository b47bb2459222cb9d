-- v10 -> v11: dehydrated devices, the size of key backups, whose media they are
ALTER TABLE key_backup ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0; -- of its sessions' session_data
UPDATE key_backup SET bytes = (SELECT coalesce(sum(length(session_data)), 0) FROM key_backup_session s
	WHERE s.user = key_backup.user AND s.version = key_backup.version);

-- The device of each user that waits for messages while nobody is logged in on it.
CREATE TABLE dehydrated_device (
	user   INTEGER PRIMARY KEY, -- atom
	device INTEGER NOT NULL,
	data   BLOB NOT NULL        -- JSON: the encrypted device
);

-- For erasure: what somebody uploaded, and whether somebody else uploaded the same.
CREATE INDEX media_uploader ON media (uploader, media_id);
CREATE INDEX media_sha256 ON media (sha256);
