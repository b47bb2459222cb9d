-- v26 -> v27: device lists of users of other servers
-- What their server calls a device; names of local devices stand in device.
ALTER TABLE device_keys ADD COLUMN name TEXT;

-- How many updates came while the list was stale: an answer that was asked for before one of them is not the last word.
ALTER TABLE device_list RENAME COLUMN prev_id TO told;
CREATE INDEX device_list_stale ON device_list (user) WHERE stale = 1;
