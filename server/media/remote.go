package media

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"time"

	"beffroi/server/merr"
	"beffroi/server/store"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"
	"maunium.net/go/mautrix/id"
)

// Remote gives the media of other servers.
type Remote interface {
	// Fetch opens media at its origin: 404 M_NOT_FOUND where the origin has none. It returns, and reading ends, when ctx does.
	Fetch(ctx context.Context, serverName, mediaID string) (*Incoming, error)
}

// Incoming is media on its way. Who gets it closes Body.
type Incoming struct {
	Body        io.ReadCloser
	Size        int64 // announced bytes; -1: unknown
	ContentType string
	Name        string // "": none
}

const (
	fetchTime      = 10 * time.Minute // of one file
	fetchStall     = 30 * time.Second // without a byte
	fetchesAtATime = 16
	shareOfOne     = 8 // one file may have 1/8 of what is kept of other servers
)

// fetcher fetches media of other servers, one that many ask for once.
type fetcher struct {
	from     Remote
	stall    time.Duration
	living   context.Context //nolint:containedctx // a fetch outlives who asked for it first; this is what ends it
	end      context.CancelFunc
	slots    *semaphore.Weighted
	flights  *singleflight.Group
	lastUsed *lastUsed
	failed   *failures
}

func newFetcher(from Remote) fetcher {
	living, end := context.WithCancel(context.Background())
	return fetcher{from: from, stall: fetchStall, living: living, end: end, slots: semaphore.NewWeighted(fetchesAtATime),
		flights: new(singleflight.Group), lastUsed: &lastUsed{at: map[remoteName]int64{}}, failed: &failures{last: map[remoteName]failure{}}}
}

// close ends the fetches and waits for them.
func (f *fetcher) close() {
	f.end()
	if f.slots.Acquire(context.Background(), fetchesAtATime) == nil { // nobody holds one
		f.slots.Release(fetchesAtATime)
	}
}

// elsewhere finds media of another server: what is kept of it, or else what is fetched now. A fetch goes on for those who ask again when who asked first
// has waited long enough.
func (s *Service) elsewhere(ctx context.Context, w Wanted) (store.Media, error) {
	if id.ParseServerName(w.Server) == nil || len(w.Server) > 255 {
		return store.Media{}, notFound()
	}
	m, found, err := s.kept(ctx, w)
	if err != nil || found {
		return m, err
	}
	if s.remote.from == nil || w.NotRemote {
		return m, notFound()
	}
	if err := s.remote.failed.of(remoteName{w.Server, w.ID}, s.now()); err != nil {
		return m, err
	}
	flight := s.remote.flights.DoChan(w.Server+"/"+w.ID, func() (any, error) { return nil, s.fetch(w) })
	timeout := time.NewTimer(min(w.Within, maxWait))
	defer timeout.Stop()
	select {
	case landed := <-flight:
		if landed.Err != nil {
			return m, landed.Err
		}
	case <-timeout.C:
		return m, merr.New(http.StatusGatewayTimeout, "M_NOT_YET_UPLOADED", "The other server has not sent the media yet")
	case <-ctx.Done():
		return m, ctx.Err()
	}
	if m, found, err = s.kept(ctx, w); err == nil && !found {
		err = notFound() // removed again, by whom it was just kept for
	}
	return m, err
}

// kept finds what is kept of another server's media.
func (s *Service) kept(ctx context.Context, w Wanted) (store.Media, bool, error) {
	var m store.RemoteMedia
	var found bool
	err := s.db.Read(ctx, func(r *store.Reader) (err error) {
		m, found, err = r.RemoteMedia(w.Server, w.ID)
		return err
	})
	if err == nil && m.Quarantined {
		err = notFound()
	}
	if err != nil || !found {
		return store.Media{}, false, err
	}
	if _, err := os.Stat(s.path(m.SHA256)); errors.Is(err, fs.ErrNotExist) {
		return store.Media{}, false, nil // a lost file is fetched again
	}
	s.remote.lastUsed.note(remoteName{w.Server, w.ID}, store.Millis(s.now()))
	return store.Media{ID: m.ID, SHA256: m.SHA256, Size: m.Size, ContentType: m.ContentType, FileName: m.FileName}, true, nil
}

// fetch fetches media and keeps it.
func (s *Service) fetch(w Wanted) (err error) {
	defer func() {
		if p := recover(); p != nil { // singleflight would end the process
			s.log.Error().Any("panic", p).Str("server", w.Server).Msg("fetching media panicked")
			err = merr.From(nil)
		}
	}()
	ctx, cancel := context.WithTimeout(s.remote.living, fetchTime)
	defer cancel()
	if err := s.remote.slots.Acquire(ctx, 1); err != nil {
		return err
	}
	defer s.remote.slots.Release(1)
	l, err := s.Limits(ctx)
	if err != nil {
		return err
	}
	if err := s.bring(ctx, cancel, w, l.Remote/shareOfOne); err != nil {
		s.remote.failed.note(remoteName{w.Server, w.ID}, err, s.now())
		return err
	}
	return s.shrinkRemote(ctx, l.Remote)
}

// bring takes in what a server sends, of most bytes at most.
func (s *Service) bring(ctx context.Context, cancel context.CancelFunc, w Wanted, most int64) error {
	watch := time.AfterFunc(s.remote.stall, cancel)
	defer watch.Stop()
	in, err := s.remote.from.Fetch(ctx, w.Server, w.ID)
	if err != nil {
		return notGiven(err)
	}
	defer in.Body.Close()
	if in.Size > most {
		return tooLargeThere(most)
	}
	if err := s.room(ctx, max(in.Size, 0)); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = in.Body.Close() })()
	f, err := s.receive(&moving{in.Body, watch, s.remote.stall}, most)
	if errors.Is(err, errLong) {
		return tooLargeThere(most)
	}
	if err != nil {
		return notGiven(err)
	}
	defer f.Close()
	now := store.Millis(s.now())
	m := store.RemoteMedia{Server: w.Server, ID: w.ID, SHA256: f.sum, Size: f.size, ContentType: contentType(in.ContentType), Fetched: now, Used: now}
	if validName(in.Name) {
		m.FileName = in.Name
	}
	return s.known(ctx, f, func(tx *store.Tx) error { return tx.PutRemoteMedia(m) })
}

// moving puts the end off as long as bytes come.
type moving struct {
	io.Reader
	watch *time.Timer
	stall time.Duration
}

func (m *moving) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	if n > 0 {
		m.watch.Reset(m.stall)
	}
	return n, err
}

// notGiven is what a client learns of a fetch that failed: what the other server answered as a Matrix error, or 502.
func notGiven(err error) error {
	if e := new(merr.Error); errors.As(err, &e) {
		return err
	}
	return merr.New(http.StatusBadGateway, "M_UNKNOWN", "The other server did not give the media").Because(err)
}

// Spec: client-server API, "GET /_matrix/client/v1/media/download/{serverName}/{mediaId}", 502.
func tooLargeThere(most int64) error {
	return merr.New(http.StatusBadGateway, "M_TOO_LARGE", "The media has more than the %d bytes that are kept of other servers' files", most)
}
