package accounts

import "testing"

func TestRecentIsBoundedAndKeepsWhatIsUsed(t *testing.T) {
	r := newRecent[int, int](10)
	r.put(-1, 1)
	for i := range 1000 {
		r.put(i, i)
		if _, ok := r.get(-1); !ok {
			t.Fatal("what is used all the time was forgotten at", i)
		}
		if n := len(r.young) + len(r.old); n > 20 {
			t.Fatal("entries:", n)
		}
	}
	if _, ok := r.get(0); ok {
		t.Fatal("what nobody used was kept")
	}
}

func TestRecentTakesOnce(t *testing.T) {
	r := newRecent[int, string](2)
	r.put(1, "a")
	r.put(2, "b")
	r.put(3, "c") // 1 and 2 are old now
	if v, ok := r.take(1); !ok || v != "a" {
		t.Fatal(v, ok)
	}
	if _, ok := r.take(1); ok {
		t.Fatal("taken twice")
	}
}

func TestRecentKeepsNothingThatWasReadBeforeADrop(t *testing.T) {
	r := newRecent[int, int](10)
	mark := r.mark()
	r.drop(func(int) bool { return false })
	r.putSince(mark, 1, 1)
	if _, ok := r.get(1); ok {
		t.Fatal("a value from before the drop was kept")
	}
	r.putSince(r.mark(), 1, 1)
	r.put(2, 2)
	r.drop(func(v int) bool { return v == 1 })
	if _, ok := r.get(1); ok {
		t.Fatal("not dropped")
	}
	if _, ok := r.get(2); !ok {
		t.Fatal("dropped too much")
	}
}
