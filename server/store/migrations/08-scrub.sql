-- v7 -> v8: checksums
-- What would be damaged in silence has the CRC-32C of its bytes beside it; null: stored before there were checksums.
ALTER TABLE event ADD COLUMN sum INTEGER;              -- of json: hashes don't cover signatures, nor redacted content
ALTER TABLE account_data ADD COLUMN sum INTEGER;       -- of content
ALTER TABLE to_device ADD COLUMN sum INTEGER;          -- of json
ALTER TABLE media ADD COLUMN sum INTEGER;              -- of all but the file's bytes, see store.Media.Sum
ALTER TABLE key_backup_session ADD COLUMN sum INTEGER; -- of the numbers and session_data, see store.BackupSession.Sum
