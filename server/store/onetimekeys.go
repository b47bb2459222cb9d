package store

import "database/sql"

const (
	oneTimeKeyIDs     = `SELECT key_id, json FROM one_time_key WHERE device = ? AND algorithm = ?`
	insertOneTimeKey  = `INSERT INTO one_time_key (device, algorithm, pos, key_id, json) VALUES (?, ?, ?, ?, ?)`
	oldestOneTimeKey  = `SELECT pos, key_id, json FROM one_time_key WHERE device = ? AND algorithm = ? ORDER BY pos, key_id LIMIT 1`
	deleteOneTimeKey  = `DELETE FROM one_time_key WHERE device = ? AND algorithm = ? AND pos = ? AND key_id = ?`
	countOneTimeKeys  = `SELECT algorithm, count(*) FROM one_time_key WHERE device = ? GROUP BY algorithm`
	deleteOneTimeKeys = `DELETE FROM one_time_key WHERE device = ?`

	putFallbackKey = `INSERT INTO fallback_key (device, algorithm, key_id, json) VALUES (?, ?, ?, ?)
		ON CONFLICT (device, algorithm) DO UPDATE SET key_id = excluded.key_id, json = excluded.json, used = 0
		WHERE key_id <> excluded.key_id OR json <> excluded.json`
	fallbackKey         = `SELECT key_id, json, used FROM fallback_key WHERE device = ? AND algorithm = ?`
	useFallbackKey      = `UPDATE fallback_key SET used = 1 WHERE device = ? AND algorithm = ?`
	unusedFallbackTypes = `SELECT algorithm FROM fallback_key WHERE device = ? AND used = 0 ORDER BY algorithm`
	countFallbackKeys   = `SELECT count(*) FROM fallback_key WHERE device = ?`
	deleteFallbackKeys  = `DELETE FROM fallback_key WHERE device = ?`
)

// OneTimeKey is a one-time or fallback key as its device uploaded it.
type OneTimeKey struct {
	Algorithm string
	KeyID     string // without the algorithm
	JSON      []byte // canonical: an object, or a string for algorithms without signatures
}

// OneTimeKeys gives the unclaimed keys of one algorithm, key id to JSON.
func (r *Reader) OneTimeKeys(device int64, algorithm string) (map[string][]byte, error) {
	keys := map[string][]byte{}
	err := r.rows(oneTimeKeyIDs, in(device, algorithm), func(rows *sql.Rows) error {
		var id string
		var json []byte
		err := rows.Scan(&id, &json)
		keys[id] = json
		return err
	})
	return keys, err
}

// AddOneTimeKey adds a key that was not there; keys are given out in the order of pos.
func (tx *Tx) AddOneTimeKey(device, pos int64, k OneTimeKey) error {
	tx.touch(TouchedDevice, device, pos)
	return tx.exec(insertOneTimeKey, device, k.Algorithm, pos, k.KeyID, k.JSON)
}

// OneTimeKeyCounts gives the number of unclaimed keys for each algorithm that has some.
// Source: client-server API, "End-to-end encryption", "Extensions to /sync".
func (r *Reader) OneTimeKeyCounts(device int64) (map[string]int, error) {
	counts := map[string]int{}
	err := r.rows(countOneTimeKeys, in(device), func(rows *sql.Rows) error {
		var algorithm string
		var n int
		err := rows.Scan(&algorithm, &n)
		counts[algorithm] = n
		return err
	})
	return counts, err
}

// ClaimOneTimeKey takes the oldest one-time key away, or marks the fallback key as used. It tells whether there was one.
func (tx *Tx) ClaimOneTimeKey(device int64, algorithm string) (OneTimeKey, bool, error) {
	k := OneTimeKey{Algorithm: algorithm}
	var pos int64
	found, err := tx.row(oldestOneTimeKey, in(device, algorithm), &pos, &k.KeyID, &k.JSON)
	if err != nil {
		return k, false, err
	}
	if err := tx.touchNow(TouchedDevice, device); err != nil {
		return k, false, err
	}
	if found {
		return k, true, tx.exec(deleteOneTimeKey, device, algorithm, pos, k.KeyID)
	}
	var used bool
	found, err = tx.row(fallbackKey, in(device, algorithm), &k.KeyID, &k.JSON, &used)
	if found && !used {
		err = tx.exec(useFallbackKey, device, algorithm)
	}
	return k, found, err
}

// PutFallbackKey replaces the fallback key of its algorithm; the same key again stays used where it was.
func (tx *Tx) PutFallbackKey(device int64, k OneTimeKey) error {
	if err := tx.touchNow(TouchedDevice, device); err != nil {
		return err
	}
	return tx.exec(putFallbackKey, device, k.Algorithm, k.KeyID, k.JSON)
}

// UnusedFallbackTypes gives the algorithms whose fallback key was never claimed, never nil.
// Source: client-server API, "End-to-end encryption", "Extensions to /sync".
func (r *Reader) UnusedFallbackTypes(device int64) ([]string, error) {
	types := []string{}
	err := r.rows(unusedFallbackTypes, in(device), func(rows *sql.Rows) error {
		var algorithm string
		err := rows.Scan(&algorithm)
		types = append(types, algorithm)
		return err
	})
	return types, err
}

// FallbackKeys counts the fallback keys of a device, one for each algorithm.
func (r *Reader) FallbackKeys(device int64) (n int, err error) {
	_, err = r.row(countFallbackKeys, in(device), &n)
	return n, err
}
