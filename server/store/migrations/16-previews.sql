-- v15 -> v16: previews, media of other servers, media that nobody may have
CREATE TABLE url_preview (
	url     TEXT PRIMARY KEY, -- as it was asked for, without fragment
	answer  BLOB NOT NULL,    -- JSON, as clients get it
	fetched INTEGER NOT NULL, -- milliseconds
	expires INTEGER NOT NULL  -- milliseconds; it is fetched anew afterwards
);
CREATE INDEX url_preview_expires ON url_preview (expires);
ALTER TABLE media ADD COLUMN expires INTEGER; -- milliseconds; null: it stays. The image of a preview goes with the preview
CREATE INDEX media_expires ON media (expires) WHERE expires IS NOT NULL;
-- How much somebody uploaded is a sum over this index.
DROP INDEX media_uploader;
CREATE INDEX media_uploader ON media (uploader, media_id, size);
-- What was fetched from other servers; its bytes stand beside those of uploads. Rows whose file is gone count as not fetched.
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
