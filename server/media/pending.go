package media

import (
	"context"
	"io"
	"math"
	"net/http"
	"time"

	"beffroi/server/merr"
	"beffroi/server/store"
)

const (
	pendingLife = 24 * time.Hour // the specification's recommendation
	maxPending  = 50             // ids of a user that wait for their uploads
	maxWait     = time.Minute    // of a download for its upload
)

// Create gives a media id whose upload follows, until expires: 429 M_LIMIT_EXCEEDED where the user has many of them.
//
// Spec: client-server API, "POST /_matrix/media/v1/create".
func (s *Service) Create(ctx context.Context, uploader store.Atom) (uri string, expires time.Time, err error) {
	id, err := s.newID()
	if err != nil {
		return "", expires, err
	}
	now := s.now()
	expires = now.Add(pendingLife)
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		if err := tx.ExpirePendingMedia(store.Millis(now)); err != nil {
			return err
		}
		n, err := tx.PendingMediaBy(uploader)
		if err != nil {
			return err
		}
		if n >= maxPending {
			return merr.New(http.StatusTooManyRequests, "M_LIMIT_EXCEEDED", "You have %d media ids without an upload", n)
		}
		return tx.InsertPendingMedia(store.PendingMedia{ID: id, Uploader: uploader, Expires: store.Millis(expires)})
	})
	return s.uri(id), expires, err
}

func (s *Service) uri(mediaID string) string { return "mxc://" + s.serverName + "/" + mediaID }

// UploadTo stores a body under a media id that Create gave: 404 M_NOT_FOUND where it gave none or its time is over, 403 M_FORBIDDEN for other users,
// 409 M_CANNOT_OVERWRITE_MEDIA where it has content.
//
// Spec: client-server API, "PUT /_matrix/media/v3/upload/{serverName}/{mediaId}".
func (s *Service) UploadTo(ctx context.Context, serverName, mediaID string, u Upload, body io.Reader) error {
	if serverName != s.serverName || !validID(mediaID) {
		return notFound()
	}
	m, err := s.describe(u)
	if err != nil {
		return err
	}
	m.ID = mediaID
	p, err := store.Get(ctx, s.db, func(r *store.Reader) (store.PendingMedia, error) { return s.waiting(r, m) })
	if err != nil {
		return err
	}
	return s.take(ctx, m, u.Size, body, func(tx *store.Tx) error {
		if _, err := s.waiting(&tx.Reader, m); err != nil {
			return err
		}
		tx.OnCommit(func() { s.hub.Wake(topic(p)) })
		_, err := tx.DeletePendingMedia(m.ID)
		return err
	})
}

// waiting finds the id that an upload is for, or says why it can't have it.
func (s *Service) waiting(r *store.Reader, m store.Media) (p store.PendingMedia, err error) {
	old, there, err := r.Media(m.ID)
	if err != nil {
		return p, err
	}
	p, pending, err := r.PendingMedia(m.ID)
	switch {
	case err != nil:
		return p, err
	case there && old.Uploader != m.Uploader, pending && p.Uploader != m.Uploader:
		return p, merr.Forbidden("This media id was made by another user")
	case there:
		return p, merr.New(http.StatusConflict, "M_CANNOT_OVERWRITE_MEDIA", "This media id has content already")
	case !pending || p.Expires <= store.Millis(s.now()):
		return p, notFound()
	}
	return p, nil
}

// topic is what downloads wait for; far below those of users and rooms.
func topic(p store.PendingMedia) int64 { return math.MinInt64 + p.Ref }

// await finds media of this server, and waits for what is not uploaded yet: 504 M_NOT_YET_UPLOADED where it does not come in time.
//
// Spec: client-server API, "GET /_matrix/client/v1/media/download/{serverName}/{mediaId}", timeout_ms.
func (s *Service) await(ctx context.Context, mediaID string, within time.Duration) (store.Media, error) {
	m, p, err := s.look(ctx, mediaID)
	if err != nil || p.Ref == 0 {
		return m, err
	}
	w := s.hub.Wait(topic(p))
	defer s.hub.Done(w)
	timeout := time.NewTimer(min(within, maxWait))
	defer timeout.Stop()
	if m, p, err = s.look(ctx, mediaID); err != nil || p.Ref == 0 { // it may have come before we waited
		return m, err
	}
	select {
	case <-w.C:
	case <-timeout.C:
	case <-ctx.Done():
		return m, ctx.Err()
	}
	if m, p, err = s.look(ctx, mediaID); err == nil && p.Ref != 0 {
		err = merr.New(http.StatusGatewayTimeout, "M_NOT_YET_UPLOADED", "The media was not uploaded yet")
	}
	return m, err
}

// look finds media, or the id that still waits for it; else 404 M_NOT_FOUND.
func (s *Service) look(ctx context.Context, mediaID string) (m store.Media, p store.PendingMedia, err error) {
	err = s.db.Read(ctx, func(r *store.Reader) error {
		var found bool
		if m, found, err = r.Media(mediaID); err != nil || found {
			return err
		}
		if p, found, err = r.PendingMedia(mediaID); err == nil && (!found || p.Expires <= store.Millis(s.now())) {
			p, err = store.PendingMedia{}, notFound()
		}
		return err
	})
	return m, p, err
}
