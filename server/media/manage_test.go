package media

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"beffroi/server/merr"
)

func TestListingAndDeleting(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	alice := b.file.Atom("@alice:test")
	first := b.upload("@alice:test", "one")
	b.now = b.now.Add(time.Second)
	second := b.upload("@alice:test", "two, and longer")
	his := b.upload("@bob:test", "one")
	list, files, bytes, err := b.List(ctx, alice, 0, 1)
	if err != nil || files != 2 || bytes != 18 || len(list) != 1 || list[0].ID != second {
		t.Fatalf("%v, %d files, %d bytes, %v", list, files, bytes, err)
	}
	if list, _, _, err = b.List(ctx, alice, 1, 10); err != nil || len(list) != 1 || list[0].ID != first || list[0].Size != 3 {
		t.Fatalf("%v, %v", list, err)
	}
	b.must(b.Delete(ctx, "test", first))
	if err := b.Delete(ctx, "test", first); merr.From(err).Code != "M_NOT_FOUND" {
		t.Errorf("twice: %v", err)
	}
	if got := b.get(local(first)) + " " + b.get(local(his)); got != "M_NOT_FOUND one" {
		t.Errorf("%s", got)
	}
	b.far.text("far.example/a", "far away", "", "")
	b.get(far("a"))
	b.must(b.Delete(ctx, "far.example", "a"))
	if n := len(b.files()); n != 2 {
		t.Errorf("%d files", n)
	}
	if n, err := b.DeleteBefore(ctx, b.now.Add(time.Second), 5); err != nil || n != 1 || b.get(local(second)) != "M_NOT_FOUND" || b.get(local(his)) != "one" {
		t.Errorf("old and large: %d, %v", n, err)
	}
}

// TestQuarantine: nobody gets the bytes, whoever has uploaded them or will, as a whole or as a thumbnail.
func TestQuarantine(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	alice, admin := b.file.Atom("@alice:test"), b.file.Atom("@admin:test")
	hers, his := b.upload("@alice:test", "bad"), b.upload("@bob:test", "bad")
	b.far.text("far.example/a", "bad", "", "")
	b.must(b.Service.Quarantine(ctx, "test", hers, admin))
	for _, w := range []Wanted{local(hers), local(his), local(b.upload("@carol:test", "bad")), far("a")} {
		if got := b.get(w); got != "M_NOT_FOUND" {
			t.Errorf("%v: %s", w, got)
		}
		if _, err := b.Thumbnail(ctx, w, 10, 10, Scale); merr.From(err).Code != "M_NOT_FOUND" {
			t.Errorf("thumbnail of %v: %v", w, err)
		}
	}
	m, err := b.await(ctx, hers, 0)
	b.must(err)
	if by, err := b.Quarantined(ctx, m); err != nil || by != admin {
		t.Errorf("by %d, %v", by, err)
	}
	b.must(b.Unquarantine(ctx, "far.example", "a"))
	if got := b.get(local(hers)) + b.get(far("a")); got != "badbad" {
		t.Errorf("given back: %s", got)
	}
	for _, err := range []error{b.Unquarantine(ctx, "test", hers), b.Unquarantine(ctx, "test", "none"), b.Service.Quarantine(ctx, "test", "none", admin),
		b.Service.Quarantine(ctx, "far.example", "none", admin)} {
		if merr.From(err).Code != "M_NOT_FOUND" {
			t.Errorf("%v", err)
		}
	}
	other := b.upload("@alice:test", "also bad")
	if n, err := b.QuarantineOf(ctx, alice, admin); err != nil || n != 2 || b.get(local(other))+b.get(local(his)) != "M_NOT_FOUNDM_NOT_FOUND" {
		t.Errorf("all of hers: %d, %v", n, err)
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
	if _, files, _, err := b.List(t.Context(), b.file.Atom("@alice:test"), 0, 1); err != nil || files != 0 || len(b.files()) != 1 || b.get(local(shared)) != "0" {
		t.Errorf("%d uploads, %d files, %v", files, len(b.files()), err)
	}
}

// TestWhatGoesAtNight: media with an end, and files that are nobody's since a day.
func TestWhatGoesAtNight(t *testing.T) {
	b := newBench(t)
	kept := b.upload("@alice:test", "kept")
	id, err := b.StoreUntil(t.Context(), "image/png", strings.NewReader("an image of a preview"), 100, b.now.Add(time.Hour))
	b.must(err)
	stray := filepath.Join(b.dir, Folder, "00", strings.Repeat("0", 62))
	foreign := filepath.Join(b.dir, Folder, "00", "readme")
	b.must(os.MkdirAll(filepath.Dir(stray), 0o700))
	for _, f := range []string{stray, foreign} {
		b.must(os.WriteFile(f, nil, 0o600))
	}
	b.must(b.Tidy(t.Context()))
	if got := b.get(local(id)); got != "an image of a preview" || len(b.files()) != 4 {
		t.Errorf("too early: %s, %v", got, b.files())
	}
	b.now = b.now.Add(25 * time.Hour)
	b.must(b.Tidy(t.Context()))
	if got := b.get(local(id)); got != "M_NOT_FOUND" || len(b.files()) != 2 || b.get(local(kept)) != "kept" {
		t.Errorf("%s, %v", got, b.files())
	}
	if _, err := b.StoreUntil(t.Context(), "image/png", io.LimitReader(zeroes{}, 11), 10, b.now); merr.From(err).Code != "M_TOO_LARGE" {
		t.Errorf("%v", err)
	}
}
