package admin

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"beffroi/server/journal"
	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// Whoever knows a media id may download what it names, so lists for administrators have handles in their place: they name an upload here, and nothing to
// the content repository. Calls take both. A handle is the id, sealed: handlePrefix + base64url(nonce ‖ AES-256-GCM(id)), the same at each time.
const handlePrefix = "adm-"

// Handle is what stands for a media id in lists.
func (s *Service) Handle(mediaID string) string {
	gcm := s.sealer()
	nonce := s.derived("media nonce " + mediaID)[:gcm.NonceSize()]
	return handlePrefix + base64.RawURLEncoding.EncodeToString(gcm.Seal(nonce, nonce, []byte(mediaID), nil))
}

// mediaID gives the id that a handle stands for, and what is no handle as it is.
func (s *Service) mediaID(handle string) string {
	text, ok := strings.CutPrefix(handle, handlePrefix)
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	gcm := s.sealer()
	if !ok || err != nil || len(sealed) < gcm.NonceSize() {
		return handle
	}
	id, err := gcm.Open(nil, sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():], nil)
	if err != nil {
		return handle
	}
	return string(id)
}

func (s *Service) sealer() cipher.AEAD {
	block, err := aes.NewCipher(s.derived("media handles"))
	if err != nil {
		panic(err) // the key has 32 bytes
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES has blocks of 16 bytes
	}
	return gcm
}

// derived is a key for one purpose.
func (s *Service) derived(purpose string) []byte {
	h := hmac.New(sha256.New, s.Secret)
	h.Write([]byte("administration: " + purpose))
	return h.Sum(nil)
}

// FindMediaInfo gives what administration sees of an upload: 404 M_NOT_FOUND where there is none.
func (s *Service) FindMediaInfo(ctx context.Context, serverName, handle string) (store.MediaInfo, error) {
	return store.Get(ctx, s.db, func(r *store.Reader) (store.MediaInfo, error) { return s.findMedia(r, serverName, handle) })
}

func (s *Service) findMedia(r *store.Reader, serverName, handle string) (store.MediaInfo, error) {
	m, found, err := r.MediaInfo(s.mediaID(handle))
	if err == nil && (!found || serverName != s.ServerName) {
		err = merr.NotFound("There is no such media here")
	}
	return m, err
}

// UserMedia lists what a user uploaded.
func (s *Service) UserMedia(ctx context.Context, userID string) ([]store.MediaInfo, error) {
	return store.Get(ctx, s.db, func(r *store.Reader) ([]store.MediaInfo, error) {
		a, err := s.Accounts.Find(r, userID)
		if err != nil {
			return nil, err
		}
		return r.MediaInfos(a.User)
	})
}

// Quarantine hides the bytes of an upload from everybody, also where others uploaded the same, or shows them again.
func (s *Service) Quarantine(ctx context.Context, by rooms.User, serverName, handle string, on bool) error {
	m, err := s.FindMediaInfo(ctx, serverName, handle)
	if err != nil {
		return err
	}
	e := journal.Entry{Act: journal.QuarantineMedia, Target: s.Handle(m.ID)}
	if !on {
		e.Act = journal.ReleaseMedia
	}
	return s.act(ctx, by, e, func(ctx context.Context) error { return s.quarantine(ctx, by, []store.MediaInfo{m}, on) })
}

// QuarantineUser hides all that a user uploaded, but for what is protected, and gives how much that is.
func (s *Service) QuarantineUser(ctx context.Context, by rooms.User, userID string) (n int, err error) {
	all, err := s.UserMedia(ctx, userID)
	if err != nil {
		return 0, err
	}
	var hide []store.MediaInfo
	for _, m := range all {
		if !m.Protected && m.QuarantinedBy == "" {
			hide = append(hide, m)
		}
	}
	e := journal.Entry{Act: journal.QuarantineMedia, Target: userID, Detail: map[string]any{"files": len(hide)}}
	return len(hide), s.act(ctx, by, e, func(ctx context.Context) error { return s.quarantine(ctx, by, hide, true) })
}

func (s *Service) quarantine(ctx context.Context, by rooms.User, list []store.MediaInfo, on bool) error {
	return s.db.Write(ctx, func(tx *store.Tx) error {
		for _, m := range list {
			do := func() error { return tx.Release(m.SHA256) }
			if on {
				do = func() error { return tx.Quarantine(m.SHA256, by.Atom, store.Millis(s.now())) }
			}
			if err := do(); err != nil {
				return err
			}
		}
		return nil
	})
}

// Protect keeps an upload from quarantine and from deletion by date, or no longer.
func (s *Service) Protect(ctx context.Context, by rooms.User, handle string, on bool) error {
	m, err := s.FindMediaInfo(ctx, s.ServerName, handle)
	if err != nil {
		return err
	}
	e := journal.Entry{Act: journal.ProtectMedia, Target: s.Handle(m.ID)}
	if !on {
		e.Act = journal.UnprotectMedia
	}
	return s.act(ctx, by, e, func(ctx context.Context) error {
		return s.db.Write(ctx, func(tx *store.Tx) error { return tx.Protect(m.ID, on) })
	})
}

// DeleteMedia removes one upload for ever.
func (s *Service) DeleteMedia(ctx context.Context, by rooms.User, serverName, handle string) (deleted []string, err error) {
	m, err := s.FindMediaInfo(ctx, serverName, handle)
	if err != nil {
		return nil, err
	}
	return s.deleteMedia(ctx, by, journal.Entry{Target: s.Handle(m.ID)}, []string{m.ID})
}

// DeleteMediaOf removes uploads of a user for ever.
func (s *Service) DeleteMediaOf(ctx context.Context, by rooms.User, userID string, ids []string) (deleted []string, err error) {
	return s.deleteMedia(ctx, by, journal.Entry{Target: userID}, ids)
}

// deleteMedia gives the handles of what it removed.
func (s *Service) deleteMedia(ctx context.Context, by rooms.User, e journal.Entry, ids []string) (handles []string, err error) {
	handles = []string{}
	e.Act, e.Detail = journal.DeleteMedia, map[string]any{"files": len(ids)}
	err = s.act(ctx, by, e, func(ctx context.Context) error {
		deleted, err := s.Media.Delete(ctx, ids)
		for _, id := range deleted {
			handles = append(handles, s.Handle(id))
		}
		return err
	})
	return handles, err
}

// mediaPerLook is how many uploads one read of DeleteMediaBefore looks at.
const mediaPerLook = 500

// DeleteMediaBefore removes what was uploaded before a time (milliseconds) and has more bytes than a size, for ever; with keepAvatars not what is somebody's or a
// room's avatar now. When something was last looked at is not known here.
func (s *Service) DeleteMediaBefore(ctx context.Context, by rooms.User, before, size int64, keepAvatars bool) (deleted []string, err error) {
	keep := map[string]bool{}
	if keepAvatars {
		if keep, err = s.avatars(ctx); err != nil {
			return nil, err
		}
	}
	var ids []string
	for after := ""; ; {
		part, err := store.Get(ctx, s.db, func(r *store.Reader) ([]string, error) { return r.MediaBefore(before, size, after, mediaPerLook) })
		if err != nil {
			return nil, err
		}
		for _, id := range part {
			if after = id; !keep["mxc://"+s.ServerName+"/"+id] {
				ids = append(ids, id)
			}
		}
		if len(part) < mediaPerLook {
			return s.deleteMedia(ctx, by, journal.Entry{}, ids)
		}
	}
}

// PurgeRemoteMedia removes the copies of other servers' files that nobody looked at since a time, and gives how many those were.
func (s *Service) PurgeRemoteMedia(ctx context.Context, by rooms.User, since time.Time) (n int, err error) {
	e := journal.Entry{Act: journal.DeleteMedia, Detail: map[string]any{"of": "other servers", "unused_since": store.Millis(since)}}
	err = s.act(ctx, by, e, func(ctx context.Context) error {
		n, err = s.Media.PurgeRemote(ctx, since)
		return err
	})
	return n, err
}

// avatars are the URIs of the avatars that people and rooms have.
func (s *Service) avatars(ctx context.Context) (map[string]bool, error) {
	uris := map[string]bool{}
	err := s.db.Read(ctx, func(r *store.Reader) error {
		profiles, err := r.ProfileAvatars()
		if err != nil {
			return err
		}
		for _, raw := range profiles {
			var uri string
			if json.Unmarshal([]byte(raw), &uri) == nil {
				uris[uri] = true
			}
		}
		nids, err := r.RoomAvatars()
		if err != nil {
			return err
		}
		events, err := r.EventsByNID(nids)
		for _, e := range events {
			uri, _ := pdu.StoredObject(e.JSON).Object("content").Text("url")
			uris[uri] = true
		}
		return err
	})
	return uris, err
}
