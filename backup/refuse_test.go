package backup_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/rs/zerolog"

	"beffroi/backup"
	"beffroi/backup/archive"
	"beffroi/server/media"
	"beffroi/server/store"
	"beffroi/server/store/storetest"
)

// house is a small data folder at rest.
type house struct {
	dir   string
	sheet sheet
}

func newHouse(t testing.TB, files ...[]byte) house {
	t.Helper()
	h := house{t.TempDir(), newSheet(t)}
	ctx := context.Background()
	db := storetest.OpenAt(t, filepath.Join(h.dir, store.FileName))
	must(t, db.Write(ctx, func(tx *store.Tx) error {
		for i, f := range files {
			sum := put(t, h.dir, f)
			if err := tx.InsertMedia(store.Media{ID: string(rune('a' + i)), SHA256: sum[:], Size: int64(len(f)), ContentType: "x/y"}); err != nil {
				return err
			}
		}
		if err := tx.PutMeta(store.MetaBackupRecipient, h.sheet.recipient); err != nil {
			return err
		}
		if err := tx.PutMeta(store.MetaServerName, "petite.test:8448"); err != nil {
			return err
		}
		return tx.AddSigningKey("ed25519:a", testKey(1), time.Unix(1, 0))
	}))
	must(t, db.Close())
	return h
}

func (h house) backup(t testing.TB) []byte {
	t.Helper()
	to := t.TempDir()
	made, err := backup.Write(context.Background(), backup.Request{DataDir: h.dir, To: to, Now: time.Unix(1_800_000_000, 0)})
	must(t, err)
	if want := filepath.Join(to, "beffroi-petite.test_8448-20270115T080000Z.age"); made.Path != want || archiveIn(t, to) != want {
		t.Error(made.Path)
	}
	b, err := os.ReadFile(made.Path)
	must(t, err)
	if int64(len(b)) != made.Bytes {
		t.Error(len(b), made.Bytes)
	}
	return b
}

// restore tries to restore bytes, and checks that a refusal leaves nothing.
func (h house) restore(t testing.TB, b []byte, identity string) error {
	t.Helper()
	dir := t.TempDir()
	from, data := filepath.Join(dir, "a.age"), filepath.Join(dir, "there", "data")
	must(t, os.Mkdir(filepath.Dir(data), 0o700))
	must(t, os.WriteFile(from, b, 0o600))
	_, err := backup.Restore(context.Background(), backup.Restoring{From: from, Identity: identity, DataDir: data, Now: time.Unix(1_800_000_000, 0)})
	left, readErr := os.ReadDir(filepath.Dir(data))
	must(t, readErr)
	if (err == nil) != (len(left) == 1) {
		t.Fatalf("after %v there is %v", err, left)
	}
	must(t, os.RemoveAll(dir))
	return err
}

func noise(n int, seed byte) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// Every byte that somebody changed, wherever it stands, is refused: in the first and last 4 KiB each, one in 97 between.
func TestChangedArchivesAreRefused(t *testing.T) {
	h := newHouse(t, noise(70_000, 1), []byte("petit")) // two of age's chunks
	b := h.backup(t)
	must(t, h.restore(t, b, h.sheet.file))
	ends, between := 4096, 97
	if testing.Short() {
		ends, between = 600, 997
	}
	for i := 0; i < len(b); i++ {
		if i == 4096 {
			t.Log(len(b), "bytes")
		}
		if i > ends && i < len(b)-ends && i%between != 0 {
			continue
		}
		b[i] ^= 1 << (i % 8)
		if _, err := manifestOf(bytes.NewReader(b), h.sheet.file); err == nil {
			t.Fatalf("byte %d of %d changed: accepted", i, len(b))
		}
		if i%997 == 0 { // through the whole of a restore
			if err := h.restore(t, b, h.sheet.file); err == nil || !strings.Contains(err.Error(), "Rien n'a été changé") {
				t.Fatalf("byte %d: %v", i, err)
			}
		}
		b[i] ^= 1 << (i % 8)
	}
}

func TestCutAndLengthenedArchivesAreRefused(t *testing.T) {
	h := newHouse(t, noise(150_000, 1))
	b := h.backup(t)
	for i := range 50 {
		n := i * len(b) / 50
		if err := h.restore(t, b[:n], h.sheet.file); err == nil || !strings.Contains(err.Error(), "abîmé") {
			t.Errorf("cut to %d of %d bytes: %v", n, len(b), err)
		}
	}
	for name, longer := range map[string][]byte{"a byte": append(bytes.Clone(b), 0), "itself": append(bytes.Clone(b), b...), "a chunk less": b[:len(b)-1]} {
		if err := h.restore(t, longer, h.sheet.file); err == nil || !strings.Contains(err.Error(), "a été modifiée") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// sealed is a plain archive of one's own making, encrypted to the sheet: anybody can do that, the recipient is no secret.
func (h house) sealed(t *testing.T, plain []byte) []byte {
	t.Helper()
	recipient, err := age.ParseX25519Recipient(h.sheet.recipient)
	must(t, err)
	var b bytes.Buffer
	w, err := age.Encrypt(&b, recipient)
	must(t, err)
	_, err = w.Write(plain)
	must(t, err)
	must(t, w.Close())
	return b.Bytes()
}

func TestForeignArchivesAreRefused(t *testing.T) {
	h := newHouse(t)
	b := h.backup(t)
	stranger := newSheet(t)
	empty := filepath.Join(t.TempDir(), "vide.txt")
	must(t, os.WriteFile(empty, []byte("# rien\n"), 0o600))
	forged := func(build func(w *archive.Writer), header archive.Header) []byte {
		var plain bytes.Buffer
		w, err := archive.NewWriter(&plain, header)
		must(t, err)
		build(w)
		_, err = w.Close("ed25519:a", testKey(2))
		must(t, err)
		return h.sealed(t, plain.Bytes())
	}
	header := archive.Header{Schema: store.SchemaVersion(), ServerName: "petite.test"}
	nothing := func(*archive.Writer) {}
	newer := header
	newer.Schema++
	for name, c := range map[string]struct {
		archive  []byte
		identity string
		words    string
	}{
		"another's sheet":     {b, stranger.file, "n'ouvre pas cette sauvegarde"},
		"no sheet":            {b, filepath.Join(t.TempDir(), "absent"), "ne peut pas être lue"},
		"an empty sheet":      {b, empty, "ne contient pas de clé de récupération"},
		"a text":              {[]byte("Bonjour"), h.sheet.file, "n'est pas une sauvegarde de Beffroi"},
		"an empty file":       {nil, h.sheet.file, "n'est pas une sauvegarde de Beffroi"},
		"another program's":   {h.sealed(t, []byte("a letter in an age file")), h.sheet.file, "n'est pas une sauvegarde de Beffroi"},
		"a newer format":      {h.sealed(t, []byte("beffroi archive\nH\x00\x00\x00\x0c{\"format\":9}")), h.sheet.file, "version plus récente"},
		"a newer schema":      {forged(nothing, newer), h.sheet.file, "version plus récente"},
		"no tables":           {forged(nothing, header), h.sheet.file, "abîmée ou a été modifiée"},
		"an unknown table":    {forged(func(w *archive.Writer) { must(t, w.Table("x", []string{"y"})) }, header), h.sheet.file, "abîmée ou a été modifiée"},
		"a key twice":         {forged(twice(t), header), h.sheet.file, "abîmée ou a été modifiée"},
		"schema of no number": {forged(nothing, archive.Header{}), h.sheet.file, "abîmée ou a été modifiée"},
		"another's signature": {h.signedBy(t, 2), h.sheet.file, "abîmée ou a été modifiée"},
	} {
		if name == "no sheet" {
			continue
		}
		if err := h.restore(t, c.archive, c.identity); err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := h.restore(t, b, filepath.Join(t.TempDir(), "absent")); err == nil || !strings.Contains(err.Error(), "ne peut pas être lue") {
		t.Error(err)
	}
	must(t, h.restore(t, h.signedBy(t, 1), h.sheet.file))
}

func twice(t *testing.T) func(w *archive.Writer) {
	return func(w *archive.Writer) {
		must(t, w.Table("meta", []string{"name", "value"}))
		must(t, w.Row([]any{"a", "b"}))
		must(t, w.Row([]any{"a", "c"}))
	}
}

// signedBy is the house's backup, with the manifest signed by another key.
func (h house) signedBy(t *testing.T, key byte) []byte {
	t.Helper()
	raw, err := os.ReadFile(h.sheet.file)
	must(t, err)
	keys, err := age.ParseIdentities(bytes.NewReader(raw))
	must(t, err)
	plain, err := age.Decrypt(bytes.NewReader(h.backup(t)), keys...)
	must(t, err)
	var b bytes.Buffer
	again := &copying{t: t, to: &b}
	_, err = archive.Read(plain, again)
	must(t, err)
	_, err = again.w.Close("ed25519:a", testKey(key))
	must(t, err)
	return h.sealed(t, b.Bytes())
}

func TestATargetThatIsNotEmptyIsLeftAlone(t *testing.T) {
	h := newHouse(t)
	dir := t.TempDir()
	from := filepath.Join(dir, "a.age")
	must(t, os.WriteFile(from, h.backup(t), 0o600))
	data := filepath.Join(dir, "data")
	restore := func() error {
		_, err := backup.Restore(context.Background(), backup.Restoring{From: from, Identity: h.sheet.file, DataDir: data, Now: time.Now()})
		return err
	}
	must(t, os.Mkdir(data, 0o750))
	must(t, os.WriteFile(filepath.Join(data, "beffroi.db"), []byte("precious"), 0o600))
	if err := restore(); err == nil || !strings.Contains(err.Error(), "n'est pas vide") {
		t.Error(err)
	}
	if b, _ := os.ReadFile(filepath.Join(data, "beffroi.db")); string(b) != "precious" {
		t.Errorf("%q", b)
	}
	must(t, os.Remove(filepath.Join(data, "beffroi.db")))
	must(t, restore()) // an empty folder is taken, and keeps its mode
	if info, err := os.Stat(data); err != nil || info.Mode().Perm() != 0o750 {
		t.Error(info.Mode(), err)
	}
	if err := restore(); err == nil || !strings.Contains(err.Error(), "n'est pas vide") {
		t.Error("over what was restored:", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 2 {
		t.Error("left beside it:", left)
	}
	must(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	data = filepath.Join(dir, "file")
	if err := restore(); err == nil {
		t.Error("a file is no folder")
	}
}

// A damaged file is counted, and told; all the others are in the backup.
func TestMediaThatAreMissing(t *testing.T) {
	h := newHouse(t, []byte("whole"), []byte("damaged"), []byte("missing"))
	for text, change := range map[string]func(string) error{
		"damaged": func(path string) error { return os.WriteFile(path, []byte("Damaged"), 0o600) }, "missing": os.Remove,
	} {
		must(t, change(mediaPath(h.dir, []byte(text))))
	}
	m, err := manifestOf(bytes.NewReader(h.backup(t)), h.sheet.file)
	must(t, err)
	if m.Media.Missing != 2 || m.Media.Files != 1 || m.Media.Bytes != 5 {
		t.Errorf("%+v", m.Media)
	}
}

func mediaPath(dir string, content []byte) string {
	sum := sumOf(content)
	return filepath.Join(dir, media.Folder, media.Name(sum[:]))
}

func TestNothingIsOverwritten(t *testing.T) {
	h := newHouse(t)
	to := t.TempDir()
	write := func() error {
		_, err := backup.Write(context.Background(), backup.Request{DataDir: h.dir, To: to, Now: time.Unix(1_800_000_000, 0)})
		return err
	}
	must(t, write())
	before, err := os.ReadFile(archiveIn(t, to))
	must(t, err)
	if err := write(); err == nil || !strings.Contains(err.Error(), "existe déjà") {
		t.Error(err)
	}
	if after, _ := os.ReadFile(archiveIn(t, to)); !bytes.Equal(before, after) {
		t.Error("it was changed")
	}
}

func TestBackupsThatCannotBe(t *testing.T) {
	h := newHouse(t)
	other := t.TempDir()
	must(t, os.WriteFile(filepath.Join(other, store.FileName), bytes.Repeat([]byte("no database "), 100), 0o600))
	fresh := t.TempDir()
	db, err := store.Open(context.Background(), filepath.Join(fresh, store.FileName), zerolog.Nop())
	must(t, err)
	must(t, db.Close())
	for name, c := range map[string]struct {
		q     backup.Request
		words string
	}{
		"no data":         {backup.Request{DataDir: t.TempDir()}, "pas de serveur Beffroi"},
		"no database":     {backup.Request{DataDir: other}, "ne peut pas être lue"},
		"never started":   {backup.Request{DataDir: fresh}, "pas encore installé"},
		"no such folder":  {backup.Request{DataDir: h.dir, To: filepath.Join(h.dir, "absent")}, "ne peut pas être écrite"},
		"a secret key":    {backup.Request{DataDir: h.dir, Recipients: []string{"AGE-SECRET-KEY-1"}}, "n'est pas une clé publique"},
		"a mistyped key":  {backup.Request{DataDir: h.dir, Recipients: []string{h.sheet.recipient[:50] + h.sheet.recipient[51:]}}, "n'est pas une clé publique"},
		"two keys in one": {backup.Request{DataDir: h.dir, Recipients: []string{h.sheet.recipient + "\n" + h.sheet.recipient}}, "n'est pas une clé publique"},
		"nobody":          {backup.Request{DataDir: h.dir, Recipients: []string{""}}, "n'est pas une clé publique"},
	} {
		if c.q.To == "" {
			c.q.To = t.TempDir()
		}
		if _, err := backup.Write(context.Background(), c.q); err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v", name, err)
		}
		if left, _ := os.ReadDir(c.q.To); len(left) != 0 {
			t.Errorf("%s: left %v", name, left)
		}
	}
}

// Several people's sheets open a backup, each alone.
func TestSeveralRecipients(t *testing.T) {
	h := newHouse(t)
	mayor, opsn := newSheet(t), newSheet(t)
	to := t.TempDir()
	_, err := backup.Write(context.Background(), backup.Request{DataDir: h.dir, To: to, Recipients: []string{mayor.recipient, opsn.recipient}, Now: time.Now()})
	must(t, err)
	b, err := os.ReadFile(archiveIn(t, to))
	must(t, err)
	must(t, h.restore(t, b, mayor.file))
	must(t, h.restore(t, b, opsn.file))
	if err := h.restore(t, b, h.sheet.file); err == nil {
		t.Error("one who was not named opened it")
	}
}

func TestAStoppedBackupLeavesNothing(t *testing.T) {
	h := newHouse(t, noise(3<<20, 1))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	to := t.TempDir()
	if _, err := backup.Write(ctx, backup.Request{DataDir: h.dir, To: to, Now: time.Now()}); err == nil {
		t.Error("it ignored the end of its context")
	}
	if left, _ := os.ReadDir(to); len(left) != 0 {
		t.Error(left)
	}
}
