package media

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"beffroi/server/merr"
	"beffroi/server/notify"
	"beffroi/server/store"
	"beffroi/server/store/storetest"
)

// farAway are other servers, in memory.
type farAway struct {
	mu    sync.Mutex
	media map[string]func(ctx context.Context) (*Incoming, error) // by server/id
	asked atomic.Int32
}

func (f *farAway) Fetch(ctx context.Context, server, id string) (*Incoming, error) {
	f.asked.Add(1)
	f.mu.Lock()
	open, known := f.media[server+"/"+id]
	f.mu.Unlock()
	if !known {
		return nil, notFound()
	}
	return open(ctx)
}

func (f *farAway) put(name string, open func(ctx context.Context) (*Incoming, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.media[name] = open
}

// text puts media whose body is known.
func (f *farAway) text(name, body, contentType, fileName string) {
	f.put(name, func(context.Context) (*Incoming, error) {
		return &Incoming{io.NopCloser(strings.NewReader(body)), int64(len(body)), contentType, fileName}, nil
	})
}

type bench struct {
	*Service
	t    *testing.T
	file *storetest.File
	far  *farAway
	now  time.Time
	dir  string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, file: storetest.Open(t), far: &farAway{media: map[string]func(context.Context) (*Incoming, error){}}, now: time.Now(), dir: t.TempDir()}
	var err error
	c := Config{DataDir: b.dir, ServerName: "test", MaxUpload: 1000, Remote: b.far}
	if b.Service, err = New(b.file.DB, notify.New(), c, func() time.Time { return b.now }, rand.Reader); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// limits sets the limits of a test.
func (b *bench) limits(l Limits) { b.t.Helper(); b.must(b.SetLimits(b.t.Context(), l)) }

// get gives what is downloaded, or the errcode.
func (b *bench) get(w Wanted) string {
	b.t.Helper()
	f, err := b.Open(b.t.Context(), w)
	if err != nil {
		return merr.From(err).Code
	}
	defer f.Close()
	body, err := io.ReadAll(f)
	b.must(err)
	return string(body)
}

func far(id string) Wanted { return Wanted{Server: "far.example", ID: id, Within: 10 * time.Second} }

func (b *bench) upload(user, body string) string {
	b.t.Helper()
	uri, err := b.Upload(b.t.Context(), Upload{Uploader: b.file.Atom(user), Size: -1}, strings.NewReader(body))
	b.must(err)
	return filepath.Base(uri)
}

func local(id string) Wanted { return Wanted{Server: "test", ID: id} }

// files are those of the content repository, temporary ones too.
func (b *bench) files() (names []string) {
	b.t.Helper()
	b.must(filepath.WalkDir(filepath.Join(b.dir, Folder), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, path)
		}
		return err
	}))
	return names
}

func TestMediaOfOtherServersAreFetchedOnce(t *testing.T) {
	b := newBench(t)
	goOn := make(chan struct{})
	b.far.put("far.example/a", func(context.Context) (*Incoming, error) {
		<-goOn
		return &Incoming{io.NopCloser(strings.NewReader("bonjour")), -1, "text/html; charset=x\r\nX: y", "a\xff"}, nil
	})
	if got := b.get(Wanted{Server: "far.example", ID: "a", NotRemote: true, Within: time.Minute}); got != "M_NOT_FOUND" || b.far.asked.Load() != 0 {
		t.Errorf("allow_remote=false: %s", got)
	}
	if got := b.get(Wanted{Server: "far.example", ID: "a", Within: time.Millisecond}); got != "M_NOT_YET_UPLOADED" {
		t.Errorf("who does not wait: %s", got)
	}
	got := make(chan string, 20)
	for range cap(got) {
		go func() { got <- b.get(far("a")) }()
	}
	close(goOn)
	for range cap(got) {
		if s := <-got; s != "bonjour" {
			t.Errorf("%q", s)
		}
	}
	if n := b.far.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	f, err := b.Open(t.Context(), Wanted{Server: "far.example", ID: "a", NotRemote: true})
	b.must(err)
	f.Close()
	if f.ContentType != unknownType || f.Name != "" {
		t.Errorf("what can't be a type or name was kept: %q %q", f.ContentType, f.Name)
	}
	b.must(os.Remove(b.path(must(b.Service.kept(t.Context(), far("a"))).SHA256)))
	if s := b.get(far("a")); s != "bonjour" || b.far.asked.Load() != 2 {
		t.Errorf("a lost file: %q", s)
	}
}

func must(m store.Media, _ bool, err error) store.Media {
	if err != nil {
		panic(err)
	}
	return m
}

func TestWhatOtherServersMayNotDo(t *testing.T) {
	b := newBench(t)
	b.stall(100 * time.Millisecond)
	b.limits(Limits{Remote: 8000}) // 1,000 bytes each
	endless := func(size int64) func(context.Context) (*Incoming, error) {
		return func(context.Context) (*Incoming, error) { return &Incoming{io.NopCloser(zeroes{}), size, "", ""}, nil }
	}
	b.far.put("far.example/endless", endless(-1))
	b.far.put("far.example/announced", endless(1001))
	b.far.put("far.example/liar", endless(5))
	b.far.put("far.example/broken", func(context.Context) (*Incoming, error) { return nil, errors.New("refused") })
	b.far.put("far.example/panics", func(context.Context) (*Incoming, error) { panic("a mistake") })
	b.far.put("far.example/silent", func(ctx context.Context) (*Incoming, error) {
		<-ctx.Done() // never, but for the watch
		return nil, ctx.Err()
	})
	b.far.put("far.example/stalls", func(context.Context) (*Incoming, error) {
		r, w := io.Pipe()
		go func() { _, _ = w.Write([]byte("some")) }()
		return &Incoming{r, -1, "", ""}, nil
	})
	for id, want := range map[string]string{"none": "M_NOT_FOUND", "endless": "M_TOO_LARGE", "announced": "M_TOO_LARGE", "liar": "M_TOO_LARGE", "broken": "M_UNKNOWN",
		"panics": "M_UNKNOWN", "stalls": "M_UNKNOWN", "silent": "M_UNKNOWN", "..": "M_NOT_FOUND", "a/b": "M_NOT_FOUND", "": "M_NOT_FOUND"} {
		if got := b.get(far(id)); got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
	asked := b.far.asked.Load()
	for _, server := range []string{"", "far example", "far.example/x", "../..", "far.example:99999999", "[::", strings.Repeat("a", 256)} {
		if got := b.get(Wanted{Server: server, ID: "a", Within: time.Second}); got != "M_NOT_FOUND" || b.far.asked.Load() != asked {
			t.Errorf("%q: %s", server, got)
		}
	}
	if left := b.files(); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	b.remote.from = nil
	if got := b.get(far("endless")); got != "M_NOT_FOUND" {
		t.Errorf("without federation: %s", got)
	}
}

func (b *bench) stall(d time.Duration) { b.remote.stall = d }

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestTheMediaOfOtherServersHaveABudget: what was used longest ago goes first, and bytes that somebody uploaded here stay.
func TestTheMediaOfOtherServersHaveABudget(t *testing.T) {
	b := newBench(t)
	b.limits(Limits{Remote: 8000})
	body := func(i int) string { return strings.Repeat(fmt.Sprint(i%10), 900) + fmt.Sprint(i) }
	shared := b.upload("@alice:test", body(1))
	for i := range 8 {
		b.far.text(fmt.Sprintf("far.example/%d", i), body(i), "", "")
		b.now = b.now.Add(time.Second)
		if got := b.get(far(fmt.Sprint(i))); got != body(i) {
			t.Fatalf("%d: %.20q", i, got)
		}
	}
	b.now = b.now.Add(time.Second)
	b.get(far("0")) // the oldest is used again, which is only noted
	b.far.text("far.example/new", body(99), "", "")
	b.get(far("new"))
	has := func(id string) bool {
		_, found, err := b.kept(t.Context(), far(id))
		b.must(err)
		return found
	}
	if !has("0") || has("1") || !has("2") || !has("new") {
		t.Errorf("0: %t, 1: %t, 2: %t, new: %t", has("0"), has("1"), has("2"), has("new"))
	}
	if got := b.get(local(shared)); got != body(1) {
		t.Errorf("an upload with the same bytes: %.20q", got)
	}
	if n, err := b.PurgeRemote(t.Context(), b.now.Add(time.Minute)); err != nil || n != 8 || len(b.files()) != 1 {
		t.Errorf("purged %d, %v; files %d", n, err, len(b.files()))
	}
}

func TestWhenMediaWasUsedIsWrittenAtTheEnd(t *testing.T) {
	b := newBench(t)
	b.far.text("far.example/a", "a", "", "")
	b.get(far("a"))
	b.now = b.now.Add(time.Hour)
	b.get(far("a"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b.must(b.Run(ctx))
	m, err := store.Get(t.Context(), b.file.DB, func(r *store.Reader) (m store.RemoteMedia, err error) {
		m, _, err = r.RemoteMedia("far.example", "a")
		return m, err
	})
	if err != nil || m.Used != store.Millis(b.now) {
		t.Errorf("%d, want %d; %v", m.Used, store.Millis(b.now), err)
	}
}

func TestTheEndEndsFetches(t *testing.T) {
	b := newBench(t)
	begun := make(chan struct{})
	b.far.put("far.example/a", func(ctx context.Context) (*Incoming, error) {
		close(begun)
		<-ctx.Done()
		return nil, ctx.Err()
	})
	got := make(chan string)
	go func() { got <- b.get(far("a")) }()
	<-begun
	b.Close()
	if code := <-got; code != "M_UNKNOWN" {
		t.Errorf("%s", code)
	}
}

func TestQuotas(t *testing.T) {
	b := newBench(t)
	b.limits(Limits{Quota: 1500})
	up := func(user string, announced int64, n int) string {
		_, err := b.Upload(t.Context(), Upload{Uploader: b.file.Atom(user), Size: announced}, io.LimitReader(zeroes{}, int64(n)))
		if err != nil {
			return merr.From(err).Code
		}
		return ""
	}
	for i, c := range []struct {
		user string
		size int64
		n    int
		want string
	}{
		{"@alice:test", 1000, 1000, ""}, {"@alice:test", 501, 501, "M_FORBIDDEN"}, {"@alice:test", -1, 501, "M_FORBIDDEN"}, {"@bob:test", -1, 1000, ""},
		{"@alice:test", 500, 500, ""}, {"@alice:test", 1, 1, "M_FORBIDDEN"}, {"@bob:test", 1001, 0, "M_TOO_LARGE"}, {"@bob:test", -1, 1001, "M_TOO_LARGE"},
	} {
		if got := up(c.user, c.size, c.n); got != c.want {
			t.Errorf("%d: %q, want %q", i, got, c.want)
		}
	}
	b.limits(Limits{})
	if got := up("@alice:test", 900, 900); got != "" {
		t.Errorf("without quota: %s", got)
	}
	if err := b.SetLimits(t.Context(), Limits{Quota: -1}); merr.From(err).Code != "M_INVALID_PARAM" {
		t.Errorf("%v", err)
	}
	if l, err := b.Limits(t.Context()); err != nil || l != (Limits{}) {
		t.Errorf("%v, %v", l, err)
	}
	if n := len(b.files()); n != 3 {
		t.Errorf("%d files, want those of 1000, 500 and 900 bytes", n)
	}
}

// TestAnAccountsUploadsAtATime: those that end make place, also where they fail.
func TestAnAccountsUploadsAtATime(t *testing.T) {
	b := newBench(t)
	done := make(chan error)
	var pipes []*io.PipeWriter
	for range uploadsAtATime {
		r, w := io.Pipe()
		pipes = append(pipes, w)
		go func() {
			_, err := b.Upload(t.Context(), Upload{Uploader: 7, Size: -1}, r)
			done <- err
		}()
		_, _ = w.Write([]byte("x")) // it is under way
	}
	next := func() error {
		_, err := b.Upload(t.Context(), Upload{Uploader: 7, Size: 1}, strings.NewReader("x"))
		return err
	}
	if err := next(); merr.From(err).Code != "M_LIMIT_EXCEEDED" {
		t.Errorf("one more: %v", err)
	}
	if _, err := b.Upload(t.Context(), Upload{Uploader: 8, Size: 1}, strings.NewReader("y")); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	broken := errors.New("the line broke")
	for _, w := range pipes {
		_ = w.CloseWithError(broken)
		if err := <-done; !errors.Is(err, broken) {
			t.Errorf("%v", err)
		}
	}
	if err := next(); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if b.intake.bytes != 0 || len(b.intake.of) != 0 || len(b.files()) != 2 {
		t.Errorf("left behind: %d bytes, %v, %v", b.intake.bytes, b.intake.of, b.files())
	}
}

func TestUploadsLeaveTheDiskItsReserve(t *testing.T) {
	b := newBench(t)
	b.free = func(string) (int64, error) { return 1500, nil }
	b.limits(Limits{Reserve: 1000, Remote: 8000})
	for _, size := range []int64{501, -1} {
		if _, err := b.Upload(t.Context(), Upload{Uploader: 7, Size: size}, strings.NewReader("")); merr.From(err).Status != 507 {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	if _, err := b.Upload(t.Context(), Upload{Uploader: 7, Size: 400}, bytes.NewReader(make([]byte, 400))); err != nil {
		t.Error(err)
	}
	b.far.put("far.example/a", func(context.Context) (*Incoming, error) { return &Incoming{io.NopCloser(zeroes{}), 600, "", ""}, nil })
	if _, err := b.Open(t.Context(), far("a")); merr.From(err).Status != 507 {
		t.Errorf("from another server: %v", err)
	}
	if free, err := freeBytes(b.dir); err != nil || free <= 0 {
		t.Errorf("the disk: %d, %v", free, err)
	}
}

// TestAFullDisk: the disk is full in the middle of an upload.
func TestAFullDisk(t *testing.T) {
	b := newBench(t)
	tmp := b.tmp()
	if err := syscall.Mount("tmpfs", tmp, "tmpfs", 0, "size=16k"); err != nil {
		t.Skip("no small disk:", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(tmp, 0) })
	b.max = 1 << 20
	b.free = func(string) (int64, error) { return 1 << 40, nil }
	_, err := b.Upload(t.Context(), Upload{Uploader: 7, Size: -1}, io.LimitReader(zeroes{}, 100<<10))
	if e := merr.From(err); e.Status != 507 || len(b.files()) != 0 {
		t.Errorf("%v; files %v", err, b.files())
	}
}

func TestWhatCouldNotBeFetchedIsNotAskedForAgainAtOnce(t *testing.T) {
	b := newBench(t)
	for range 3 {
		if got := b.get(far("gone")); got != "M_NOT_FOUND" {
			t.Errorf("%q", got)
		}
	}
	if n := b.far.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	b.far.text("far.example/gone", "here", "text/plain", "")
	b.now = b.now.Add(failedFor)
	if got := b.get(far("gone")); got != "here" {
		t.Errorf("%q", got)
	}
	b.far.put("far.example/later", func(context.Context) (*Incoming, error) {
		return nil, merr.New(504, "M_NOT_YET_UPLOADED", "not yet")
	})
	if got := b.get(far("later")); got != "M_NOT_YET_UPLOADED" {
		t.Errorf("%q", got)
	}
	b.far.text("far.example/later", "now", "text/plain", "")
	if got := b.get(far("later")); got != "now" {
		t.Errorf("%q", got)
	}
}
