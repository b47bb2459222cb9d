package store

import (
	"database/sql"
	"fmt"
	"time"
)

// The number of a restore is drawn from the clock, in minutes, so that two restores of one backup differ; it rises also where the clock stands still.
// Shifted, it stays below 2^53 as a position, and below 2^63 as a version of a key backup, for a thousand years.
const (
	positionShift = 24 // positions that one life of a server can give in a minute, as a power of two
	leastJump     = 1 << 32
	versionShift  = 32
)

const (
	emptyOneTimeKeys = `DELETE FROM one_time_key`
	// Nobody uploads keys for a dehydrated device again; one that was replaced in the lost interval went with its keys.
	emptyFallbackKeys = `DELETE FROM fallback_key WHERE device NOT IN (SELECT device FROM dehydrated_device)`
	// What was proven in the lost interval was used up.
	emptyThreepidSessions = `DELETE FROM threepid_session`
	forgetFetched         = `DELETE FROM remote_media` // a backup has no files of other servers
	allListsStale         = `UPDATE device_list SET stale = 1 WHERE stream_id IS NOT NULL`
	// The current version of each user's key backup.
	currentBackups = `SELECT user, max(version) FROM key_backup WHERE deleted = 0 GROUP BY user`
	copyBackup     = `INSERT INTO key_backup (user, version, algorithm, auth_data, etag, count, bytes)
		SELECT user, ?3, algorithm, auth_data, etag, count, bytes FROM key_backup WHERE user = ?1 AND version = ?2`
	copyBackupSessions = `INSERT INTO key_backup_session (user, version, ` + sessionColumns + `, sum)
		SELECT user, ?3, ` + sessionColumns + `, sum FROM key_backup_session WHERE user = ?1 AND version = ?2 ORDER BY room_id, session_id`
)

// AfterRestore makes what was just restored from a backup fit to go on, and gives the new epoch. Everything it does:
// backup/RESTORE.md. The database is closed after it, before anything else is written.
func (tx *Tx) AfterRestore(now time.Time) (epoch int64, err error) {
	number, err := tx.nextIncarnation(now)
	if err != nil {
		return 0, err
	}
	if err := tx.jump(max(tx.pos.last+leastJump, number<<positionShift)); err != nil {
		return 0, err
	}
	for _, query := range []string{emptyOneTimeKeys, emptyFallbackKeys, emptyThreepidSessions, allListsStale, forgetFetched} {
		if err := tx.exec(query); err != nil {
			return 0, err
		}
	}
	return number, tx.renewKeyBackups()
}

// nextIncarnation sets epoch and incarnation to a number that no earlier life of this server had.
func (tx *Tx) nextIncarnation(now time.Time) (int64, error) {
	epoch, err := tx.MetaInt(MetaEpoch)
	if err != nil {
		return 0, err
	}
	incarnation, err := tx.MetaInt(MetaIncarnation)
	if err != nil {
		return 0, err
	}
	number := max(epoch, incarnation, now.Unix()/60-1) + 1
	if number >= 1<<29 {
		return 0, fmt.Errorf("epoch %d, incarnation %d: no number is left for this restore", epoch, incarnation)
	}
	if err := tx.PutMeta(MetaEpoch, number); err != nil {
		return 0, err
	}
	return number, tx.PutMeta(MetaIncarnation, number)
}

// jump moves the allocator of positions ahead.
func (tx *Tx) jump(to int64) error {
	tx.pos.last = to
	_, err := tx.NextPos()
	return err
}

// renewKeyBackups gives each current key backup a new version with the same auth_data and the same sessions.
func (tx *Tx) renewKeyBackups() error {
	type current struct {
		user    Atom
		version int64
	}
	all, err := list(&tx.Reader, currentBackups, nil, func(rows *sql.Rows) (c current, err error) {
		err = rows.Scan(&c.user, &c.version)
		return c, err
	})
	if err != nil {
		return err
	}
	for _, c := range all {
		version, err := tx.nextBackupVersion(c.user)
		if err != nil {
			return err
		}
		for _, query := range []string{copyBackup, copyBackupSessions} {
			if err := tx.exec(query, c.user, c.version, version); err != nil {
				return err
			}
		}
	}
	return nil
}
