package directory

import (
	"slices"
	"strings"
	"testing"

	"beffroi/server/merr"
	"beffroi/server/store"
)

func TestFold(t *testing.T) {
	for text, want := range map[string]string{"École": "ecole", "ŒUVRES": "oeuvres", "L’Été": "l'ete", "Straße": "strasse", "ﬁn": "fin", "Ǽ": "ae",
		"e\u0301cole": "ecole", "": ""} {
		if got := fold(text); got != want {
			t.Errorf("%q is folded to %q, want %q", text, got, want)
		}
	}
}

func FuzzFold(f *testing.F) {
	f.Add("École ŒUVRES")
	f.Add("\xff\u0301")
	f.Fuzz(func(t *testing.T, text string) {
		if once := fold(text); !matches(once, fold(text)) {
			t.Errorf("%q is not found by itself", text)
		}
	})
}

func FuzzPlace(f *testing.F) {
	f.Add("n3.7")
	f.Add("p0.-1")
	f.Add("n 3.7")
	f.Fuzz(func(t *testing.T, token string) {
		p, err := parsePlace(token)
		if err == nil && token != "" && p.String() != token {
			t.Errorf("%q was read as %q", token, p)
		}
		if err != nil && !merr.Is(err, "M_INVALID_PARAM") {
			t.Error(err)
		}
	})
}

func FuzzHierarchyToken(f *testing.F) {
	f.Add("h1.5.20.false")
	f.Add("h1.-5.20.false")
	f.Fuzz(func(t *testing.T, token string) {
		w := walk{q: HierarchyQuery{MaxDepth: 20}}
		skip, err := w.parse(token)
		if err == nil && token != "" && (skip < 1 || !strings.HasSuffix(token, ".20.false")) {
			t.Errorf("%q was taken", token)
		}
	})
}

// Whoever turns all pages, forward or back, meets every room once, also where the room that a token names has gone.
func TestPagesOfTheDirectory(t *testing.T) {
	var all []shown
	for ref := range store.RoomRef(23) {
		all = append(all, shown{Entry: Entry{Joined: int(ref) % 5}, ref: ref})
	}
	slices.SortFunc(all, shown.before)
	for limit := 1; limit < 25; limit++ {
		var forward, backward []shown
		at, err := parsePlace("")
		for err == nil {
			from, to := at.window(all, limit)
			forward = append(forward, all[from:to]...)
			if to == len(all) {
				break
			}
			at = place{all[to-1].Joined, all[to-1].ref, false}
		}
		for at = (place{joined: -1, backward: true}); ; {
			from, to := at.window(all, limit)
			backward = append(slices.Clone(all[from:to]), backward...)
			if from == 0 {
				break
			}
			at = place{all[from].Joined, all[from].ref, true}
		}
		same := func(a, b shown) bool { return a.ref == b.ref }
		if !slices.EqualFunc(forward, all, same) || !slices.EqualFunc(backward, all, same) {
			t.Errorf("by %d: %d forward, %d backward", limit, len(forward), len(backward))
		}
	}
	gone := place{all[7].Joined, all[7].ref, false}
	if from, _ := gone.window(slices.Delete(slices.Clone(all), 7, 8), 5); from != 7 {
		t.Errorf("after a room that has gone the page begins at %d", from)
	}
}

func TestDirectConversationsAreAdded(t *testing.T) {
	for _, c := range []struct{ content, want string }{
		{`{"@a:x":["!1"]}`, `{"@a:x":["!1","!2"]}`},
		{`{"@a:x":["!3"],"@b:x":["!1","!3"]}`, `{"@a:x":["!3"],"@b:x":["!1","!3","!2"]}`},
		{`{"@a:x":["!1","!2"]}`, ""},
		{`{"@a:x":[1,"!1"],"y":5}`, ""},
		{`[]`, ""},
		{`{`, ""},
	} {
		got, changed := addDirect([]byte(c.content), "!1", "!2")
		if changed != (c.want != "") || changed && string(got) != c.want {
			t.Errorf("%s: %s", c.content, got)
		}
	}
}
