package store

import (
	"database/sql"
	"errors"
	"fmt"
)

const (
	backupColumns  = `version, algorithm, auth_data, etag, count, bytes, deleted`
	currentBackup  = `SELECT ` + backupColumns + ` FROM key_backup WHERE user = ? AND deleted = 0 ORDER BY version DESC LIMIT 1`
	backupVersion  = `SELECT ` + backupColumns + ` FROM key_backup WHERE user = ? AND version = ?`
	insertBackup   = `INSERT INTO key_backup (user, version, algorithm, auth_data) VALUES (?, ?, ?, ?)`
	lastBackup     = `SELECT coalesce(max(version), 0) FROM key_backup WHERE user = ?`
	countBackups   = `SELECT count(*) FROM key_backup WHERE user = ? AND deleted = 0`
	setAuthData    = `UPDATE key_backup SET auth_data = ? WHERE user = ? AND version = ?`
	deleteBackup   = `UPDATE key_backup SET deleted = 1, count = 0, bytes = 0, auth_data = '' WHERE user = ? AND version = ?`
	backupChanged  = `UPDATE key_backup SET etag = etag + 1, count = count + ?, bytes = bytes + ? WHERE user = ? AND version = ?`
	sessionColumns = `room_id, session_id, first_message_index, forwarded_count, is_verified, session_data`
	insertSession  = `INSERT INTO key_backup_session (user, version, ` + sessionColumns + `, sum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
	// Source: client-server API, "Server-side key backups": which of two keys of a session is kept.
	replaceSession = `UPDATE key_backup_session SET first_message_index = ?5, forwarded_count = ?6, is_verified = ?7, session_data = ?8, sum = ?9
		WHERE user = ?1 AND version = ?2 AND room_id = ?3 AND session_id = ?4
		AND (1 - is_verified, first_message_index, forwarded_count) > (1 - ?7, ?5, ?6)`
	sessionSize    = `SELECT length(session_data) FROM key_backup_session WHERE user = ? AND version = ? AND room_id = ? AND session_id = ?`
	sessionsAfter  = `SELECT ` + sessionColumns + ` FROM key_backup_session WHERE user = ? AND version = ? AND (room_id, session_id) > (?, ?)`
	deleteSessions = `DELETE FROM key_backup_session WHERE rowid IN (SELECT rowid FROM key_backup_session WHERE user = ? AND version = ?`
	upToLimit      = ` LIMIT ?)`
	givingSizes    = ` RETURNING length(session_data)`
	inRoom         = ` AND room_id = ?`
	ofSession      = ` AND session_id = ?`
	inOrder        = ` ORDER BY room_id, session_id`
)

// KeyBackup is a version of a user's key backup.
type KeyBackup struct {
	Version   int64
	Algorithm string
	AuthData  []byte // JSON
	ETag      int64  // rises with each change of the sessions
	Count     int64  // of sessions
	Bytes     int64  // of their session_data
	Deleted   bool   // its sessions are gone; the version is never given again
}

// BackupSession is the encrypted key of a Megolm session.
type BackupSession struct {
	RoomID, SessionID string
	FirstMessageIndex int64
	ForwardedCount    int64
	IsVerified        bool
	SessionData       []byte // JSON
}

// Sum is the checksum of what is stored of a session beside its names.
func (s BackupSession) Sum() int64 {
	return Sum(fmt.Appendf(nil, "%d %d %t %s", s.FirstMessageIndex, s.ForwardedCount, s.IsVerified, s.SessionData))
}

// BackupPart names sessions of a backup: all, those of a room, or one. A session without a room means nothing.
type BackupPart struct {
	RoomID, SessionID string // empty: all
}

// CurrentKeyBackup gives the latest version that is not deleted.
func (r *Reader) CurrentKeyBackup(user Atom) (b KeyBackup, found bool, err error) {
	return r.keyBackup(currentBackup, user)
}

// KeyBackup gives a version, deleted or not.
func (r *Reader) KeyBackup(user Atom, version int64) (b KeyBackup, found bool, err error) {
	return r.keyBackup(backupVersion, user, version)
}

func (r *Reader) keyBackup(query string, args ...any) (b KeyBackup, found bool, err error) {
	found, err = r.row(query, args, &b.Version, &b.Algorithm, &b.AuthData, &b.ETag, &b.Count, &b.Bytes, &b.Deleted)
	return b, found, err
}

// AddKeyBackup makes a new version and gives it.
func (tx *Tx) AddKeyBackup(user Atom, algorithm string, authData []byte) (version int64, err error) {
	if version, err = tx.nextBackupVersion(user); err != nil {
		return 0, err
	}
	return version, tx.exec(insertBackup, user, version, algorithm, authData)
}

// nextBackupVersion is above all that the user had, also in the interval that a restore lost: a client that still has one of those must not
// take another's for it.
func (tx *Tx) nextBackupVersion(user Atom) (version int64, err error) {
	if _, err := tx.row(lastBackup, in(user), &version); err != nil {
		return 0, err
	}
	incarnation, err := tx.MetaInt(MetaIncarnation)
	return max(version, incarnation<<versionShift) + 1, err
}

// KeyBackups counts the versions that are not deleted.
func (r *Reader) KeyBackups(user Atom) (n int, err error) {
	_, err = r.row(countBackups, in(user), &n)
	return n, err
}

// SetKeyBackupAuthData replaces a version's auth_data.
func (tx *Tx) SetKeyBackupAuthData(user Atom, version int64, authData []byte) error {
	return tx.exec(setAuthData, authData, user, version)
}

// DeleteKeyBackup marks a version as deleted. Its sessions are not read any more; PurgeKeyBackup removes them.
func (tx *Tx) DeleteKeyBackup(user Atom, version int64) error {
	return tx.exec(deleteBackup, user, version)
}

// PurgeKeyBackup removes sessions of a deleted version, limit at most, and tells whether there may be more.
func (tx *Tx) PurgeKeyBackup(user Atom, version int64, limit int) (more bool, err error) {
	n, err := tx.execCount(deleteSessions+upToLimit, user, version, limit)
	return n == int64(limit), err
}

// BackupSessions reads sessions in the order of rooms and session ids: those after one that was read before (of no room: from the first),
// as many as have the given number of bytes of session_data, and one at least. It tells whether there may be more.
func (r *Reader) BackupSessions(user Atom, version int64, part BackupPart, after BackupSession, bytes int) (page []BackupSession, more bool, err error) {
	condition, args := part.where()
	args = append(in(user, version, after.RoomID, after.SessionID), args...)
	err = r.rows(sessionsAfter+condition+inOrder, args, func(rows *sql.Rows) error {
		var s BackupSession
		err := rows.Scan(&s.RoomID, &s.SessionID, &s.FirstMessageIndex, &s.ForwardedCount, &s.IsVerified, &s.SessionData)
		if err != nil {
			return err
		}
		page = append(page, s)
		if bytes -= len(s.SessionData); bytes < 0 {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return page, true, nil
	}
	return page, false, err
}

// PutBackupSessions keeps the better key of each session, and raises the version's etag where something changed.
func (tx *Tx) PutBackupSessions(user Atom, version int64, sessions []BackupSession) error {
	var added, replaced, bytes int64
	for _, s := range sessions {
		args := in(user, version, s.RoomID, s.SessionID, s.FirstMessageIndex, s.ForwardedCount, s.IsVerified, s.SessionData, s.Sum())
		n, err := tx.execCount(insertSession, args...)
		if err != nil {
			return err
		}
		size := int64(len(s.SessionData))
		if added += n; n > 0 {
			bytes += size
			continue
		}
		var old int64
		if _, err = tx.row(sessionSize, args[:4], &old); err != nil {
			return err
		}
		if n, err = tx.execCount(replaceSession, args...); err != nil {
			return err
		}
		replaced += n
		bytes += n * (size - old)
	}
	if added+replaced == 0 {
		return nil
	}
	return tx.exec(backupChanged, added, bytes, user, version)
}

// DeleteBackupSessions deletes sessions of a version that is not deleted, limit at most, and tells whether there may be more.
func (tx *Tx) DeleteBackupSessions(user Atom, version int64, part BackupPart, limit int) (more bool, err error) {
	condition, args := part.where()
	args = append(append(in(user, version), args...), limit)
	sizes, err := list(&tx.Reader, deleteSessions+condition+upToLimit+givingSizes, args, scanInt[int64])
	if err != nil || len(sizes) == 0 {
		return false, err
	}
	var bytes int64
	for _, n := range sizes {
		bytes += n
	}
	return len(sizes) == limit, tx.exec(backupChanged, -len(sizes), -bytes, user, version)
}

func (p BackupPart) where() (condition string, args []any) {
	if p.RoomID == "" {
		return "", nil
	}
	if p.SessionID == "" {
		return inRoom, in(p.RoomID)
	}
	return inRoom + ofSession, in(p.RoomID, p.SessionID)
}
