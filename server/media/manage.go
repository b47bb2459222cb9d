package media

import (
	"context"
	"time"

	"beffroi/server/store"
)

// List gives what a user uploaded, the newest first: limit at most, after those that are skipped; and how many there are, with how many bytes.
func (s *Service) List(ctx context.Context, uploader store.Atom, skipped, limit int) (list []store.Media, files int, bytes int64, err error) {
	err = s.db.Read(ctx, func(r *store.Reader) error {
		if list, err = r.MediaOf(uploader, skipped, limit); err != nil {
			return err
		}
		files, bytes, err = r.MediaUsage(uploader)
		return err
	})
	return list, files, bytes, err
}

// Delete removes an upload of this server, or what is kept of another's: 404 M_NOT_FOUND where there is neither.
func (s *Service) Delete(ctx context.Context, serverName, mediaID string) error {
	n, err := s.drop(ctx, func(tx *store.Tx) ([][]byte, error) {
		sum, err := s.sumOf(&tx.Reader, serverName, mediaID)
		switch {
		case err != nil || sum == nil:
			return nil, err
		case serverName == s.serverName:
			return [][]byte{sum}, tx.DeleteMedia(mediaID)
		}
		return [][]byte{sum}, tx.DeleteRemoteMedia(serverName, mediaID)
	})
	if err == nil && n == 0 {
		err = notFound()
	}
	return err
}

// sumOf gives the SHA-256 of media, nil where it is not here.
func (s *Service) sumOf(r *store.Reader, serverName, mediaID string) ([]byte, error) {
	if serverName == s.serverName {
		m, _, err := r.Media(mediaID)
		return m.SHA256, err
	}
	m, _, err := r.RemoteMedia(serverName, mediaID)
	return m.SHA256, err
}

// Quarantine keeps the bytes of media from everybody, under whatever other id they were or will be uploaded: 404 M_NOT_FOUND where they are not here.
// The file stays, for who has to prove what it was.
func (s *Service) Quarantine(ctx context.Context, serverName, mediaID string, by store.Atom) error {
	return s.db.Write(ctx, func(tx *store.Tx) error {
		sum, err := s.sumOf(&tx.Reader, serverName, mediaID)
		if err == nil && sum == nil {
			err = notFound()
		}
		if err != nil {
			return err
		}
		return tx.Quarantine(sum, by, store.Millis(s.now()))
	})
}

// QuarantineOf keeps from everybody all that a user uploaded, and tells how many files that are.
func (s *Service) QuarantineOf(ctx context.Context, uploader, by store.Atom) (files int, err error) {
	for {
		n := 0
		err := s.db.Write(ctx, func(tx *store.Tx) error {
			list, err := tx.MediaOf(uploader, files, erasedPerWrite)
			for _, m := range list {
				if err == nil {
					err = tx.Quarantine(m.SHA256, by, store.Millis(s.now()))
				}
			}
			n = len(list)
			return err
		})
		files += n
		if err != nil || n < erasedPerWrite {
			return files, err
		}
	}
}

// Unquarantine gives the bytes back to everybody: 404 M_NOT_FOUND where nobody kept them.
func (s *Service) Unquarantine(ctx context.Context, serverName, mediaID string) error {
	return s.db.Write(ctx, func(tx *store.Tx) error {
		sum, err := s.sumOf(&tx.Reader, serverName, mediaID)
		if err != nil {
			return err
		}
		if was, err := tx.Unquarantine(sum); err != nil || was {
			return err
		}
		return notFound()
	})
}

// Quarantined gives who keeps the bytes of an upload from everybody, 0 where nobody does.
func (s *Service) Quarantined(ctx context.Context, m store.Media) (store.Atom, error) {
	return store.Get(ctx, s.db, func(r *store.Reader) (store.Atom, error) { return r.Quarantined(m.SHA256) })
}

// PurgeRemote removes what was fetched from other servers and not used since a time, and tells how many files that were.
func (s *Service) PurgeRemote(ctx context.Context, unusedSince time.Time) (total int, err error) {
	if err := s.remote.flush(ctx, s.db); err != nil {
		return 0, err
	}
	for {
		n, err := s.drop(ctx, func(tx *store.Tx) ([][]byte, error) {
			list, err := tx.OldestRemoteMedia(store.Millis(unusedSince), erasedPerWrite)
			if err != nil {
				return nil, err
			}
			return forgetRemote(tx, list)
		})
		total += n
		if err != nil || n < erasedPerWrite {
			return total, err
		}
	}
}
