package media

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"syscall"

	"beffroi/server/merr"
	"beffroi/server/store"
)

// uploadsAtATime is how many uploads of one account may be under way.
const uploadsAtATime = 8

// Limits are what the town hall allows; they live in the database.
type Limits struct {
	Quota   int64 `json:"quota_bytes"`   // of what one account uploaded; 0: none
	Reserve int64 `json:"reserve_bytes"` // that uploads leave free on the disk, so that messages can still be sent
	Remote  int64 `json:"remote_bytes"`  // of what is kept from other servers, and as much again of images of previews; one file may have an eighth of it
}

func defaultLimits() Limits { return Limits{Quota: 10 << 30, Reserve: 256 << 20, Remote: 2 << 30} }

// Limits gives what the town hall allows.
func (s *Service) Limits(ctx context.Context) (Limits, error) { return store.Get(ctx, s.db, limits) }

func limits(r *store.Reader) (Limits, error) {
	l := defaultLimits()
	raw, err := r.MetaBytes(store.MetaMedia)
	if err == nil && raw != nil {
		err = json.Unmarshal(raw, &l)
	}
	return l, err
}

// SetLimits changes what the town hall allows: 400 M_INVALID_PARAM for negative numbers.
func (s *Service) SetLimits(ctx context.Context, l Limits) error {
	if l.Quota < 0 || l.Reserve < 0 || l.Remote < 0 {
		return merr.InvalidParam("Limits of media are not negative")
	}
	raw, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx *store.Tx) error { return tx.PutMeta(store.MetaMedia, raw) })
}

// intake counts the uploads under way.
type intake struct {
	mu    sync.Mutex
	of    map[store.Atom]int
	bytes int64 // that may come to the disk yet, at most
}

// admit lets an upload of an announced size (-1: unknown) begin, or says why not. leave is called at its end.
func (s *Service) admit(ctx context.Context, uploader store.Atom, size int64) (leave func(), err error) {
	if size > s.max {
		return nil, s.tooLarge()
	}
	if err := s.db.Read(ctx, func(r *store.Reader) error { return s.within(r, uploader, max(size, 0)) }); err != nil {
		return nil, err
	}
	if size < 0 {
		size = s.max
	}
	if err := s.room(ctx, size); err != nil {
		return nil, err
	}
	return s.intake.enter(uploader, size)
}

// within refuses what would go beyond an account's quota, or (0) beyond what the server stores for itself, which others choose by what they ask for.
func (s *Service) within(r *store.Reader, uploader store.Atom, more int64) error {
	l, err := limits(r)
	if err != nil || l.Quota == 0 && uploader != 0 {
		return err
	}
	_, used, err := r.MediaUsage(uploader)
	if uploader == 0 {
		if err == nil && used+more > l.Remote {
			err = merr.TooLarge("The server keeps no more than %d bytes of its own", l.Remote)
		}
		return err
	}
	if err == nil && used+more > l.Quota {
		err = merr.Forbidden("With this file, your account would have more than the %d bytes that it may keep here", l.Quota)
	}
	return err
}

// room refuses what would fill the disk.
func (s *Service) room(ctx context.Context, size int64) error {
	l, err := s.Limits(ctx)
	if err != nil {
		return err
	}
	free, err := s.free(s.dir)
	if err != nil {
		return err
	}
	s.intake.mu.Lock()
	defer s.intake.mu.Unlock()
	if free-s.intake.bytes-size < l.Reserve {
		return syscall.ENOSPC // which merr explains
	}
	return nil
}

func (i *intake) enter(uploader store.Atom, size int64) (leave func(), err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.of[uploader] >= uploadsAtATime {
		return nil, merr.New(http.StatusTooManyRequests, "M_LIMIT_EXCEEDED", "%d of your uploads are under way", i.of[uploader]).With("retry_after_ms", int64(1000))
	}
	if i.of == nil {
		i.of = map[store.Atom]int{}
	}
	i.of[uploader]++
	i.bytes += size
	return func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.bytes -= size
		if i.of[uploader]--; i.of[uploader] == 0 {
			delete(i.of, uploader)
		}
	}, nil
}

// freeBytes is what a disk has left for us.
func freeBytes(path string) (int64, error) {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(path, &disk); err != nil {
		return 0, err
	}
	return int64(disk.Bavail) * int64(disk.Bsize), nil
}
