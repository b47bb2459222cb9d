package store

import "database/sql"

// MediaInfo is what administration sees of an upload.
type MediaInfo struct {
	Media
	QuarantinedBy string // a user id; "": it is not in quarantine
	Protected     bool
}

const (
	mediaInfo = `SELECT m.media_id, m.sha256, m.size, m.content_type, m.uploader, m.created,
		coalesce((SELECT a.text FROM media_quarantine q JOIN atom a ON a.id = q.admin WHERE q.sha256 = m.sha256), ''),
		EXISTS (SELECT 1 FROM media_protected p WHERE p.media_id = m.media_id) FROM media m`
	mediaInfoByID = mediaInfo + ` WHERE m.media_id = ?`
	mediaInfosOf  = mediaInfo + ` WHERE m.uploader = ? ORDER BY m.media_id`
	mediaOlder    = `SELECT media_id FROM media m WHERE created < ?1 AND size > ?2 AND NOT EXISTS (SELECT 1 FROM media_protected p WHERE p.media_id = m.media_id)
		AND media_id > ?3 ORDER BY media_id LIMIT ?4`
	mediaUse = `SELECT a.text, coalesce((SELECT json_extract(value, '$') FROM profile p WHERE p.user = m.uploader AND p.field = 'displayname'), ''),
		count(*), sum(m.size) FROM media m JOIN atom a ON a.id = m.uploader WHERE m.created >= ? AND m.created <= ? GROUP BY m.uploader`
	profileMedia = `SELECT value FROM profile WHERE field = 'avatar_url'`
	roomAvatars  = `SELECT e.nid FROM current_state s JOIN event e ON e.nid = s.nid WHERE s.type = 10 AND s.state_key = 1`
	quarantine   = `INSERT INTO media_quarantine (sha256, admin, ts) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
	release      = `DELETE FROM media_quarantine WHERE sha256 = ?`
	protect      = `INSERT INTO media_protected (media_id) VALUES (?) ON CONFLICT DO NOTHING`
	unprotect    = `DELETE FROM media_protected WHERE media_id = ?`
)

// MediaInfo reads one upload, in quarantine or not. The file name is not told: it says what people wrote.
func (r *Reader) MediaInfo(id string) (m MediaInfo, found bool, err error) {
	all, err := list(r, mediaInfoByID, in(id), scanMediaInfo)
	if len(all) == 0 || err != nil {
		return m, false, err
	}
	return all[0], true, nil
}

// MediaInfos lists a user's uploads.
func (r *Reader) MediaInfos(uploader Atom) ([]MediaInfo, error) {
	return list(r, mediaInfosOf, in(uploader), scanMediaInfo)
}

func scanMediaInfo(rows *sql.Rows) (m MediaInfo, err error) {
	err = rows.Scan(&m.ID, &m.SHA256, &m.Size, &m.ContentType, &m.Uploader, &m.Created, &m.QuarantinedBy, &m.Protected)
	return m, err
}

// MediaBefore lists the ids of up to limit uploads after one that came before a time (milliseconds) and have more bytes than a size. Protected ones are left out.
func (r *Reader) MediaBefore(ts, size int64, after string, limit int) ([]string, error) {
	return list(r, mediaOlder, in(ts, size, after, limit), scanText)
}

// MediaUse is how much somebody has uploaded.
type MediaUse struct {
	UserID      string `json:"user_id"`
	DisplayName string `json:"displayname"`
	Count       int64  `json:"media_count"`
	Bytes       int64  `json:"media_length"`
}

// MediaUses lists who has uploaded how much between two times (milliseconds).
func (r *Reader) MediaUses(from, until int64) ([]MediaUse, error) {
	return list(r, mediaUse, in(from, until), func(rows *sql.Rows) (u MediaUse, err error) {
		err = rows.Scan(&u.UserID, &u.DisplayName, &u.Count, &u.Bytes)
		return u, err
	})
}

// ProfileAvatars lists the JSON texts of the avatars in profiles.
func (r *Reader) ProfileAvatars() ([]string, error) { return list(r, profileMedia, nil, scanText) }

// RoomAvatars lists the events that are the avatars of rooms now.
func (r *Reader) RoomAvatars() ([]NID, error) { return list(r, roomAvatars, nil, scanInt[NID]) }

// Quarantine hides bytes from everybody.
func (tx *Tx) Quarantine(sha256 []byte, admin Atom, ts int64) error {
	return tx.exec(quarantine, sha256, admin, ts)
}

// Release ends that.
func (tx *Tx) Release(sha256 []byte) error { return tx.exec(release, sha256) }

// Protect keeps quarantine from an upload, or no longer.
func (tx *Tx) Protect(mediaID string, on bool) error {
	if on {
		return tx.exec(protect, mediaID)
	}
	return tx.exec(unprotect, mediaID)
}
