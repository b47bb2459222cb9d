package pdu

import (
	"errors"
	"slices"
	"testing"
)

func TestValues(t *testing.T) {
	o, err := ParseObject([]byte(`{"s":"a\"b\n","i":-5,"big":9007199254740991,"t":true,"f":false,"n":null,"o":{"x":1},"a":["p","q",""],"m":[1,"x",{"y":[2]}],"\"k\\":7,"e":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	if s, ok := o.Text("s"); !ok || s != "a\"b\n" {
		t.Errorf("s = %q, %v", s, ok)
	}
	if i, ok := o.Int("i"); !ok || i != -5 {
		t.Errorf("i = %d, %v", i, ok)
	}
	if i, ok := o.Int("big"); !ok || i != MaxInt {
		t.Errorf("big = %d, %v", i, ok)
	}
	if i, ok := o.Int(`"k\`); !ok || i != 7 {
		t.Errorf("the key with escapes = %d, %v", i, ok)
	}
	if b, ok := o.Get("t").Bool(); !ok || !b {
		t.Errorf("t = %v, %v", b, ok)
	}
	if b, ok := o.Get("f").Bool(); !ok || b {
		t.Errorf("f = %v, %v", b, ok)
	}
	if i, ok := o.Object("o").Int("x"); !ok || i != 1 {
		t.Errorf("o.x = %d, %v", i, ok)
	}
	if a, ok := o.Get("a").Texts(); !ok || !slices.Equal(a, []string{"p", "q", ""}) {
		t.Errorf("a = %q, %v", a, ok)
	}
	if a, ok := o.Get("e").Texts(); !ok || len(a) != 0 {
		t.Errorf("e = %q, %v", a, ok)
	}
	if !o.Get("n").Exists() || o.Get("absent").Exists() {
		t.Error("null exists, an absent member doesn't")
	}
	elements, _ := o.Get("m").Array()
	var raw []string
	for v := range elements {
		raw = append(raw, string(v.Raw()))
	}
	if !slices.Equal(raw, []string{`1`, `"x"`, `{"y":[2]}`}) {
		t.Errorf("m = %q", raw)
	}
}

// A getter for another type says no, and never panics.
func TestValuesOfOtherTypes(t *testing.T) {
	for _, in := range []string{"", `null`, `true`, `1`, `"x"`, `[1]`, `{"a":1}`} {
		v := Value{[]byte(in)}
		oks := 0
		for _, ok := range []bool{second(v.Int()), second(v.Text()), second(v.Bool()), second(v.Object()), second(v.Array())} {
			if ok {
				oks++
			}
		}
		if want := 1; (in == "" || in == "null") != (oks == 0) || oks > want {
			t.Errorf("%q is of %d types", in, oks)
		}
		if _, ok := v.Texts(); ok {
			t.Errorf("%q is an array of strings", in)
		}
	}
	if _, err := ParseObject([]byte(`[]`)); !errors.Is(err, ErrBadJSON) {
		t.Errorf("ParseObject([]): %v", err)
	}
}

func second[T any](_ T, ok bool) bool { return ok }

// Bytes of ours that the disk damaged must not make the readers panic.
func TestDamagedBytes(t *testing.T) {
	whole := []byte(`{"a":["x","y\\",{"b":"c\""}],"d":{"e":1},"f":"g"}`)
	for i := range whole {
		for _, c := range []byte{'"', '\\', '{', '}', '[', ']', ',', ':', 'x', 0} {
			damaged := slices.Clone(whole)
			damaged[i] = c
			for _, b := range [][]byte{damaged, damaged[:i], damaged[i:]} {
				for _, v := range (Object{b}).All() {
					v.Texts()
					rewrite([]byte{' '}, v)
				}
			}
		}
	}
}

func TestCutArray(t *testing.T) {
	var got []string
	collect := func(b []byte) error { got = append(got, string(b)); return nil }
	err := CutArray([]byte(` [ {"a" : 1.5} , [1,[2]],"x]" , 1e3 ] `), collect)
	if err != nil || !slices.Equal(got, []string{`{"a" : 1.5}`, `[1,[2]]`, `"x]"`, `1e3`}) {
		t.Errorf("%q, %v", got, err)
	}
	if err := CutArray([]byte(`[]`), func([]byte) error { return errors.New("called") }); err != nil {
		t.Error(err)
	}
	stop := errors.New("stop")
	if err := CutArray([]byte(`[1,2]`), func([]byte) error { return stop }); err != stop {
		t.Errorf("f's error: %v", err)
	}
	for in, want := range map[string]error{``: ErrNotJSON, `[1`: ErrNotJSON, `[1,]`: ErrNotJSON, `[1] 2`: ErrNotJSON, `[1}`: ErrNotJSON, `{}`: ErrBadJSON, `{`: ErrNotJSON, `1`: ErrBadJSON} {
		if err := CutArray([]byte(in), func([]byte) error { return nil }); !errors.Is(err, want) {
			t.Errorf("CutArray(%s): %v, want %v", in, err, want)
		}
	}
}

func TestCutObject(t *testing.T) {
	got := map[string]string{}
	err := CutObject([]byte(`{ "pdus" : [{"x":0.5}], "\u0065dus":{} }`), func(k string, v []byte) error { got[k] = string(v); return nil })
	if err != nil || len(got) != 2 || got["pdus"] != `[{"x":0.5}]` || got["edus"] != `{}` {
		t.Errorf("%q, %v", got, err)
	}
	for in, want := range map[string]error{`{"a":1,"\u0061":2}`: ErrBadJSON, `{"a"}`: ErrNotJSON, `{"a":}`: ErrNotJSON, `{1:2}`: ErrNotJSON, `{"a":1]`: ErrNotJSON, `[]`: ErrBadJSON} {
		if err := CutObject([]byte(in), func(string, []byte) error { return nil }); !errors.Is(err, want) {
			t.Errorf("CutObject(%s): %v, want %v", in, err, want)
		}
	}
}

func FuzzCut(f *testing.F) {
	f.Add([]byte(`[{"a":[1,2.5]},"x"]`))
	f.Add([]byte(`{"a":[1],"b":{}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		element := func(e []byte) error {
			if v, err := Parse(e); errors.Is(err, ErrNotJSON) && !invalidUTF8(e) {
				t.Fatalf("%q was cut out of %q: %v %v", e, b, v, err)
			}
			return nil
		}
		_ = CutArray(b, element) // what is no array is cut into nothing
		_ = CutObject(b, func(_ string, v []byte) error { return element(v) })
	})
}
