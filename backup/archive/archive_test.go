package archive

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

func testKey() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) }

func testHeader() Header {
	return Header{Schema: 3, ServerName: "commune.test", Created: 1_800_000_000_000, Program: "devel"}
}

// collected is an archive as it was read.
type collected struct {
	header   Header
	tables   []string
	rows     [][]any
	files    map[Sum][]byte
	lazy     bool // reads no file
	finished bool
}

func (c *collected) Begin(h Header) error { c.header = h; return nil }

func (c *collected) Table(name string, columns []string) error {
	c.tables = append(c.tables, name+"("+strings.Join(columns, ",")+")")
	return nil
}

func (c *collected) Row(row []any) error {
	c.rows = append(c.rows, append([]any{}, row...))
	return nil
}

func (c *collected) File(sum Sum, _ int64, r io.Reader) error {
	if c.lazy {
		return nil
	}
	b, err := io.ReadAll(r)
	c.files[sum] = b
	return err
}

func (c *collected) End(Manifest) error { c.finished = true; return nil }

func read(b []byte) (*collected, Manifest, error) {
	c := &collected{files: map[Sum][]byte{}}
	m, err := Read(bytes.NewReader(b), c)
	return c, m, err
}

// exoticRows are values of every type at their limits.
func exoticRows() [][]any {
	return [][]any{
		{nil, int64(0), ""},
		{int64(math.MinInt64), int64(math.MaxInt64), []byte{}},
		{math.Inf(-1), math.Copysign(0, -1), math.MaxFloat64},
		{"zéro \x00 dedans", "\xff\xfe pas UTF-8", []byte{0, 1, 255}},
		{strings.Repeat("long ", blockSize/2), bytes.Repeat([]byte{7}, 3*blockSize+1), int64(-1)}, // across blocks
		{float64(5), int64(5), "5"},
	}
}

func noise(n int) []byte {
	b := make([]byte, n)
	rng := rand.NewChaCha8([32]byte{1})
	_, _ = rng.Read(b)
	return b
}

func write(t testing.TB, rows [][]any, files ...[]byte) ([]byte, Manifest) {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, testHeader())
	must(t, err)
	must(t, w.Table("a", []string{"x", "y", "z"}))
	for _, row := range rows {
		must(t, w.Row(row))
	}
	must(t, w.Table("empty", []string{"x"}))
	for _, f := range files {
		must(t, w.File(sha256.Sum256(f), int64(len(f)), bytes.NewReader(f)))
	}
	m, err := w.Close("ed25519:a", testKey())
	must(t, err)
	return b.Bytes(), m
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	files := [][]byte{{}, []byte("petit"), noise(2*blockSize + 7), bytes.Repeat([]byte("a"), blockSize)}
	b, written := write(t, exoticRows(), files...)
	c, m, err := read(b)
	must(t, err)
	if !reflect.DeepEqual(m, written) || c.header != m.Header || !c.finished {
		t.Errorf("%+v\n%+v", m, written)
	}
	if !reflect.DeepEqual(c.rows, exoticRows()) {
		t.Error("the rows came back changed")
	}
	if want := []string{"a(x,y,z)", "empty(x)"}; !reflect.DeepEqual(c.tables, want) {
		t.Error(c.tables)
	}
	for _, f := range files {
		if got, ok := c.files[sha256.Sum256(f)]; !ok || !bytes.Equal(got, f) {
			t.Errorf("a file of %d bytes came back with %d", len(f), len(got))
		}
	}
	if m.Tables[0].Rows != int64(len(exoticRows())) || m.Media.Files != 4 || m.Media.Bytes != 3*blockSize+12 {
		t.Errorf("%+v", m)
	}
	lazy := &collected{lazy: true}
	if _, err := Read(bytes.NewReader(b), lazy); err != nil {
		t.Error("a sink that reads no file:", err)
	}
}

// The signature and the hashes stand for every byte, also where somebody has the key to encrypt.
func TestAnyByteChangedIsRefused(t *testing.T) {
	b, _ := write(t, [][]any{{int64(1), "two", []byte("three")}, {nil, 0.5, "x"}}, []byte("a file"), noise(300))
	for i := range b {
		for _, mask := range []byte{1, 0x20, 0x80} {
			changed := bytes.Clone(b)
			changed[i] ^= mask
			if c, _, err := read(changed); err == nil || c.finished {
				t.Fatalf("byte %d of %d changed by %#x: accepted", i, len(b), mask)
			}
		}
	}
	for n := range b {
		if c, _, err := read(b[:n]); err == nil || c.finished {
			t.Fatalf("cut to %d of %d bytes: accepted", n, len(b))
		}
	}
	if _, _, err := read(append(bytes.Clone(b), 0)); !errors.Is(err, ErrDamaged) {
		t.Error("a byte appended:", err)
	}
	if _, _, err := read(append(bytes.Clone(b), b...)); !errors.Is(err, ErrDamaged) {
		t.Error("twice:", err)
	}
}

// records splits an archive.
func records(b []byte) (out [][]byte) {
	for b = b[len(magic):]; len(b) > 0; {
		n := 5 + binary.BigEndian.Uint32(b[1:])
		out = append(out, b[:n:n])
		b = b[n:]
	}
	return out
}

func join(records ...[]byte) []byte { return append([]byte(magic), bytes.Join(records, nil)...) }

func record(kind byte, body []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(body))), body...)
}

func TestRecordsOutOfPlaceAreRefused(t *testing.T) {
	good, _ := write(t, [][]any{{int64(1), "two", nil}}, []byte("one file"), []byte("another"))
	other, _ := write(t, [][]any{{int64(2), "two", nil}}, []byte("one file"), []byte("another"))
	r, o := records(good), records(other) // H T B T M B M B E
	if len(r) != 9 {
		t.Fatal(len(r), "records")
	}
	if _, _, err := read(join(r...)); err != nil {
		t.Fatal("put together again:", err)
	}
	huge := record('B', append([]byte{methodZstd}, bomb(t)...))
	for name, b := range map[string][]byte{
		"nothing":             {},
		"a table left out":    join(r[0], r[3], r[4], r[5], r[6], r[7], r[8]),
		"a table twice":       join(r[0], r[1], r[2], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8]),
		"a block left out":    join(r[0], r[1], r[3], r[4], r[5], r[6], r[7], r[8]),
		"another's block":     join(r[0], r[1], o[2], r[3], r[4], r[5], r[6], r[7], r[8]),
		"files exchanged":     join(r[0], r[1], r[2], r[3], r[6], r[7], r[4], r[5], r[8]),
		"another's manifest":  join(r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], o[8]),
		"two headers":         join(r[0], r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8]),
		"a block on its own":  join(r[0], r[2], r[1], r[3], r[4], r[5], r[6], r[7], r[8]),
		"no header":           join(r[1:]...),
		"no manifest":         join(r[:8]...),
		"two manifests":       join(append(r, r[8])...),
		"an unknown record":   join(r[0], record('?', nil), r[8]),
		"a record too large":  join(r[0], []byte{'T', 255, 255, 255, 255}),
		"a bomb":              join(r[0], r[1], huge, r[3]),
		"a value of 2^62":     join(r[0], r[1], record('B', binary.AppendUvarint([]byte{methodStored, valueBlob}, 1<<62)), r[3]),
		"a number of 80 bits": join(r[0], r[1], record('B', append([]byte{methodStored, valueInteger}, bytes.Repeat([]byte{255}, 12)...)), r[3]),
		"an empty block":      join(r[0], r[1], record('B', []byte{methodStored}), r[2], r[3]),
	} {
		if c, _, err := read(b); err == nil || c.finished || !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrForeign) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// bomb is a small frame of much content.
func bomb(t *testing.T) []byte {
	p, err := newPacker()
	must(t, err)
	return bytes.Clone(p.pack(make([]byte, 100*blockSize))[1:])
}

func TestForeignAndNewer(t *testing.T) {
	for _, b := range []string{"", "x", "SQLite format 3\x00 and so on", strings.ToUpper(magic)} {
		if _, _, err := read([]byte(b)); !errors.Is(err, ErrForeign) {
			t.Errorf("%q: %v", b, err)
		}
	}
	h := testHeader()
	h.Format = Format + 1
	body, _ := json.Marshal(h)
	var newer *NewerError
	if _, _, err := read(join(record('H', body))); !errors.As(err, &newer) || newer.Has != Format+1 {
		t.Error(err)
	}
}

// What a server says of itself is what it signed: a manifest of one's own making needs one's own key, whose fingerprint is shown.
func TestManifestSignedByAnotherKeyShowsIt(t *testing.T) {
	var b bytes.Buffer
	w, err := NewWriter(&b, testHeader())
	must(t, err)
	stranger := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, ed25519.SeedSize))
	_, err = w.Close("ed25519:a", stranger)
	must(t, err)
	_, m, err := read(b.Bytes())
	must(t, err)
	if !m.Key.Of(stranger) || m.Key.Of(testKey()) {
		t.Error(m.Key)
	}
	if f := m.Key.Fingerprint(); len(f) != 79 || strings.Count(f, " ") != 15 {
		t.Error(f)
	}
}

func TestWriterRefusesWhatItCannotWrite(t *testing.T) {
	w, err := NewWriter(io.Discard, testHeader())
	must(t, err)
	must(t, w.Table("a", []string{"x"}))
	if err := w.Row([]any{true}); err == nil {
		t.Error("a truth value is none of SQLite's types")
	}
	if err := w.Row([]any{nil, nil}); err == nil {
		t.Error("two values in one column")
	}
	f := []byte("content")
	if err := w.File(sha256.Sum256(f), 3, bytes.NewReader(f)); err == nil {
		t.Error("a file of another size")
	}
	if err := w.File(Sum{}, int64(len(f)), bytes.NewReader(f)); err == nil {
		t.Error("a file of another content")
	}
}

// A disk that is full is told at once.
func TestWriterTellsErrors(t *testing.T) {
	full := errors.New("full")
	for limit := range 34 {
		w, err := NewWriter(&limited{limit * 50, full}, testHeader())
		if err == nil {
			err = errors.Join(w.Table("a", []string{"x"}), w.Row([]any{string(noise(1000))}), w.File(sha256.Sum256(nil), 0, bytes.NewReader(nil)))
		}
		if err == nil {
			_, err = w.Close("ed25519:a", testKey())
		}
		if !errors.Is(err, full) {
			t.Fatalf("with %d bytes: %v", limit*50, err)
		}
	}
}

type limited struct {
	left int
	err  error
}

func (l *limited) Write(b []byte) (int, error) {
	if l.left -= len(b); l.left < 0 {
		return 0, l.err
	}
	return len(b), nil
}

// FuzzRead reads what somebody with the key to encrypt may have made: it never panics, and what it accepts is what the same writer would write.
func FuzzRead(f *testing.F) {
	small, _ := write(f, [][]any{{int64(1), "two", []byte("three")}, {nil, 0.5, ""}}, []byte("a file"))
	f.Add(small)
	for _, r := range records(small) {
		f.Add(join(records(small)[0], r))
	}
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, m, err := read(b)
		if (err == nil) != c.finished {
			t.Fatal("ended with", err)
		}
		if err != nil {
			var newer *NewerError
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrForeign) && !errors.As(err, &newer) {
				t.Fatalf("an error that has no words: %v", err)
			}
			return
		}
		var rows int64
		for _, table := range m.Tables {
			rows += table.Rows
		}
		if rows != int64(len(c.rows)) || m.Media.Files < int64(len(c.files)) {
			t.Fatal(fmt.Sprint(m), len(c.rows), len(c.files))
		}
	})
}
