package media

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"beffroi/server/media/mediatest"
	"beffroi/server/merr"
	"beffroi/server/store"
)

func TestDeleting(t *testing.T) {
	b := newBench(t)
	hers, his := b.upload("@alice:test", "one"), b.upload("@bob:test", "one")
	deleted, err := b.Delete(t.Context(), []string{hers, "none", hers})
	if err != nil || !slices.Equal(deleted, []string{hers}) {
		t.Errorf("%v, %v", deleted, err)
	}
	if got := b.get(local(hers)) + " " + b.get(local(his)); got != "M_NOT_FOUND one" {
		t.Errorf("%s", got)
	}
	var many []string
	for i := range erasedPerWrite + 1 {
		many = append(many, b.upload("@alice:test", fmt.Sprint(i)))
	}
	if deleted, err := b.Delete(t.Context(), append(many, his)); err != nil || len(deleted) != len(many)+1 || len(b.files()) != 0 {
		t.Errorf("%d deleted, %v, %v", len(deleted), err, b.files())
	}
}

// TestQuarantine: nobody gets the bytes, whoever has uploaded them or will, as a whole or as a thumbnail.
func TestQuarantine(t *testing.T) {
	b := newBench(t)
	hers, his := b.upload("@alice:test", "bad"), b.upload("@bob:test", "bad")
	b.far.text("far.example/a", "bad", "", "")
	write := func(fn func(tx *store.Tx) error) { t.Helper(); b.must(b.file.Write(t.Context(), fn)) }
	sum := sha256.Sum256([]byte("bad"))
	write(func(tx *store.Tx) error { return tx.Quarantine(sum[:], 7, 1) })
	for range 2 {
		for _, w := range []Wanted{local(hers), local(his), local(b.upload("@carol:test", "bad")), far("a")} {
			if got := b.get(w); got != "M_NOT_FOUND" {
				t.Errorf("%v: %s", w, got)
			}
			if _, err := b.Thumbnail(t.Context(), w, 10, 10, Scale); merr.From(err).Code != "M_NOT_FOUND" {
				t.Errorf("thumbnail of %v: %v", w, err)
			}
		}
	}
	if n := b.far.asked.Load(); n != 1 {
		t.Errorf("the other server was asked %d times", n)
	}
	write(func(tx *store.Tx) error { return tx.Protect(his, true) })
	if got := b.get(local(hers)) + " " + b.get(local(his)); got != "M_NOT_FOUND bad" {
		t.Errorf("one is protected: %s", got)
	}
	if deleted, err := b.Delete(t.Context(), []string{hers}); err != nil || len(deleted) != 1 {
		t.Errorf("what is in quarantine can be deleted: %v, %v", deleted, err)
	}
	write(func(tx *store.Tx) error { return tx.Release(sum[:]) })
	if got := b.get(far("a")); got != "bad" {
		t.Errorf("given back: %s", got)
	}
}

// TestErasure: what a user uploaded goes, in many writes, and the files with it, but those that others uploaded too.
func TestErasure(t *testing.T) {
	b := newBench(t)
	shared := b.upload("@bob:test", "0")
	for i := range 2*erasedPerWrite + 1 {
		b.upload("@alice:test", strings.Repeat("0", i+1))
	}
	_, _, err := b.Create(t.Context(), b.file.Atom("@alice:test"))
	b.must(err)
	b.must(b.Erase(t.Context(), b.file.Atom("@alice:test")))
	left, err := store.Get(t.Context(), b.file.DB, func(r *store.Reader) ([]store.Media, error) { return r.MediaOf(b.file.Atom("@alice:test"), 1) })
	if err != nil || len(left) != 0 || len(b.files()) != 1 || b.get(local(shared)) != "0" {
		t.Errorf("uploads %v, %d files, %v", left, len(b.files()), err)
	}
}

// TestWhatGoesAtNight: media with an end, and files that are nobody's since a day.
func TestWhatGoesAtNight(t *testing.T) {
	b := newBench(t)
	kept := b.upload("@alice:test", "kept")
	jpeg := mediatest.JPEG(30, 20, false, 1, 0x11)
	image, err := b.StoreImage(t.Context(), bytes.NewReader(jpeg), 1000, b.now.Add(time.Hour))
	b.must(err)
	if image != (Image{image.ID, "image/jpeg", int64(len(jpeg)), 30, 20}) {
		t.Errorf("%+v", image)
	}
	id := image.ID
	stray := filepath.Join(b.dir, Folder, "00", strings.Repeat("0", 62))
	foreign := filepath.Join(b.dir, Folder, "00", "readme")
	b.must(os.MkdirAll(filepath.Dir(stray), 0o700))
	for _, f := range []string{stray, foreign} {
		b.must(os.WriteFile(f, nil, 0o600))
	}
	b.must(b.Tidy(t.Context()))
	if got := b.get(local(id)); got != string(jpeg) || len(b.files()) != 4 {
		t.Errorf("too early: %s, %v", got, b.files())
	}
	b.now = b.now.Add(25 * time.Hour)
	b.must(b.Tidy(t.Context()))
	if got := b.get(local(id)); got != "M_NOT_FOUND" || len(b.files()) != 2 || b.get(local(kept)) != "kept" {
		t.Errorf("%s, %v", got, b.files())
	}
	for body, want := range map[string]string{string(jpeg): "M_TOO_LARGE", "<svg>": "M_UNKNOWN"} {
		if _, err := b.StoreImage(t.Context(), strings.NewReader(body), 10, b.now); merr.From(err).Code != want || len(b.files()) != 2 {
			t.Errorf("%.10q: %v", body, err)
		}
	}
}
