package pdu

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// Spec: appendices, "Canonical JSON", "Examples"; the last of them, with -0 and
// 1e10, is refused since room version 6.
func TestCanonical(t *testing.T) {
	for in, want := range map[string]string{
		`{}`:                             `{}`,
		"{\"one\": 1,\n\"two\":\"Two\"}": `{"one":1,"two":"Two"}`,
		`{"b": "2", "a": "1"}`:           `{"a":"1","b":"2"}`,
		`{"b":"2","a":"1"}`:              `{"a":"1","b":"2"}`,
		`{"auth": {"success": true, "mxid": "@john.doe:example.com", "profile": {"display_name": "John Doe",
		  "three_pids": [{"medium": "email", "address": "john.doe@example.org"}, {"medium": "msisdn", "address": "123456789"}]}}}`: `{"auth":{"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","three_pids":[{"address":"john.doe@example.org","medium":"email"},{"address":"123456789","medium":"msisdn"}]},"success":true}}`,
		`{"a": "日本語"}`:                     `{"a":"日本語"}`,
		`{"本": 2, "日": 1}`:                 `{"日":1,"本":2}`,
		`{"a": "\u65E5"}`:                  `{"a":"日"}`,
		`{"a": null}`:                      `{"a":null}`,
		` [ 1 , -2 , [ ] , { } , false ] `: `[1,-2,[],{},false]`,
		`"\/\u0000\u0008\u0009\u000a\u000B\u000c\u000d\u001f\u007f\u0022\u005C"`: `"/\u0000\b\t\n\u000b\f\r\u001f` + "\x7f" + `\"\\"`,
		`"\ud83D\uDE00"`:                       `"😀"`,
		`[9007199254740991,-9007199254740991]`: `[9007199254740991,-9007199254740991]`,
		// Sorted by code point: not by UTF-16 (U+1F600 before U+FB01), and with
		// escapes undone ('"' is 0x22, '!' is 0x21, '\' is 0x5c, 'a' 0x61).
		`{"😀":1,"ﬁ":2,"a":3,"\\":4,"\"":5,"!":6,"\u0001":7,"":8}`: `{"":8,"\u0001":7,"!":6,"\"":5,"\\":4,"a":3,"ﬁ":2,"😀":1}`,
		`{"b":{"d":1,"c":{"f":[{"h":1,"g":2}],"e":0}},"a":1}`:     `{"a":1,"b":{"c":{"e":0,"f":[{"g":2,"h":1}]},"d":1}}`,
	} {
		got, err := Canonical([]byte(in))
		if err != nil || string(got) != want {
			t.Errorf("Canonical(%s)\n got %s %v\nwant %s", in, got, err, want)
		}
	}
}

// Events of versions 1 to 5 may have any number. Spec: appendices, "Canonical
// JSON", the last of the examples; rooms/v1, "Canonical JSON".
func TestCanonicalWithAnyNumber(t *testing.T) {
	for in, want := range map[string]string{
		`{"a": -0, "b": 1e10}`:                                            `{"a":0,"b":10000000000}`,
		`[1.0, 1.50, -1.5, 1e-7, 5E-1]`:                                   `[1.0,1.50,-1.5,1e-7,5E-1]`,
		`[9007199254740992,-9007199254740993]`:                            `[9007199254740992,-9007199254740993]`,
		`[123456789012345678901234567890]`:                                `[123456789012345678901234567890]`,
		`[1E5, 1e+2, -3e1, 0e9, -0e1, 1e0]`:                               `[100000,100,-30,0,0,1]`,
		`[1e15, 1e16, 1e400, 9007199254740992e0, 1e99999999999999999999]`: `[1000000000000000,1e16,1e400,9007199254740992e0,1e99999999999999999999]`,
		`[0.5, -0.0, 0.0, 1.5e3, 0e99999999999]`:                          `[0.5,-0.0,0.0,1.5e3,0]`,
	} {
		for _, version := range Versions() {
			r := rulesOf(t, version)
			got, err := r.canonical([]byte(in))
			if r.CanonicalJSON && !errors.Is(err, ErrBadJSON) || !r.CanonicalJSON && (err != nil || string(got) != want) {
				t.Errorf("version %s: %s\n got %s %v\nwant %s", version, in, got, err, want)
			}
			if again, err := r.canonical(got); !r.CanonicalJSON && (err != nil || string(again) != want) {
				t.Errorf("version %s: %s is not its own canonical form: %s %v", version, want, again, err)
			}
		}
	}
	for _, in := range []string{`{"a":1,"a":1}`, `"\ud800"`, strings.Repeat("[", 101) + strings.Repeat("]", 101), `01`, `[1.]`, "\"\xff\""} {
		if got, err := rulesOf(t, "1").canonical([]byte(in)); err == nil {
			t.Errorf("version 1 takes %.20q as %s", in, got)
		}
	}
}

func TestCanonicalRefuses(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct {
		in   string
		want error
	}{
		{``, ErrNotJSON}, {` `, ErrNotJSON}, {`{`, ErrNotJSON}, {`[1`, ErrNotJSON}, {`[1,]`, ErrNotJSON},
		{`{"a":1,}`, ErrNotJSON}, {`{"a" 1}`, ErrNotJSON}, {`{a:1}`, ErrNotJSON}, {`{1:1}`, ErrNotJSON}, {`nul`, ErrNotJSON},
		{`{} {}`, ErrNotJSON}, {`1x`, ErrNotJSON}, {"1\x00", ErrNotJSON}, {`01`, ErrNotJSON}, {`-`, ErrNotJSON}, {`-01`, ErrNotJSON},
		{`1.`, ErrNotJSON}, {`.5`, ErrNotJSON}, {`1e`, ErrNotJSON}, {`1e+`, ErrNotJSON}, {`+1`, ErrNotJSON}, {`NaN`, ErrNotJSON},
		{`"a`, ErrNotJSON}, {`"\`, ErrNotJSON}, {`"\x"`, ErrNotJSON}, {`"\u12"`, ErrNotJSON}, {`"\u12g4"`, ErrNotJSON},
		{"\"\n\"", ErrNotJSON}, {"\"\x00\"", ErrNotJSON}, {"\"\xff\"", ErrNotJSON}, {"\"\xed\xa0\x80\"", ErrNotJSON}, {"\"\xc0\x80\"", ErrNotJSON},
		{"\ufeff{}", ErrNotJSON}, {`'a'`, ErrNotJSON}, {`[1}`, ErrNotJSON}, {`{"a":1]`, ErrNotJSON},
		{`1.5`, ErrBadJSON}, {`1e10`, ErrBadJSON}, {`1E2`, ErrBadJSON}, {`1.0`, ErrBadJSON}, {`-0`, ErrBadJSON}, {`-0.0`, ErrBadJSON},
		{`9007199254740992`, ErrBadJSON}, {`-9007199254740992`, ErrBadJSON}, {`99999999999999999999999999`, ErrBadJSON},
		{`"\ud800"`, ErrBadJSON}, {`"\udc00\ud800"`, ErrBadJSON}, {`"\ud800\u0041"`, ErrBadJSON}, {`"\ud800x"`, ErrBadJSON},
		{`{"a":1,"a":1}`, ErrBadJSON}, {`{"b":1,"a":1,"b":2}`, ErrBadJSON}, {`{"a":1,"\u0061":1}`, ErrBadJSON},
		{`{"x":{"\"":1,"\u0022":2}}`, ErrBadJSON}, {nested(MaxNesting + 1), ErrBadJSON},
		// What breaks Canonical JSON first may still be no JSON in the end.
		{`[1.5`, ErrNotJSON}, {`{"a":1,"a":2`, ErrNotJSON},
	} {
		if got, err := Canonical(slices.Clip([]byte(c.in))); !errors.Is(err, c.want) || got != nil {
			t.Errorf("Canonical(%.40q) = %s, %v; want %v", c.in, got, err, c.want)
		}
	}
	objects := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	for levels, want := range map[int]error{MaxNesting: nil, MaxNesting + 1: ErrBadJSON} {
		for _, in := range []string{nested(levels), objects(levels)} {
			if _, err := Canonical([]byte(in)); !errors.Is(err, want) {
				t.Errorf("%d levels: %v", levels, err)
			}
		}
	}
}

// FuzzCanonical: what is accepted is valid JSON of the same meaning, and the
// canonical form is its own.
func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{`{"b":[1,-2,{"c":"\u0000\ud83d\ude00"}],"a":null}`, `{"a":1,"\u0061":2}`, `[1.5,1e3,-0]`, `"\ud800"`, `{"\\":1,"a":2,"\"":3}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		anyNumberIsNoLess(t, b)
		c, err := Canonical(b)
		valid := json.Valid(b) && utf8.Valid(b)
		tooDeep := err != nil && strings.Contains(err.Error(), "levels") // what follows is not read then
		if errors.Is(err, ErrNotJSON) && valid || errors.Is(err, ErrBadJSON) && !valid && !tooDeep {
			t.Fatalf("%q: %v, but it is JSON: %v", b, err, valid)
		}
		if err != nil {
			return
		}
		if !json.Valid(b) || !json.Valid(c) {
			t.Fatalf("%q became %q, and one of them is no JSON", b, c)
		}
		again, err := Canonical(c)
		if err != nil || string(again) != string(c) {
			t.Fatalf("%q is not canonical: %q, %v", c, again, err)
		}
		var x, y any
		if json.Unmarshal(b, &x) != nil || json.Unmarshal(c, &y) != nil || !reflect.DeepEqual(x, y) {
			t.Fatalf("%q and %q differ", b, c)
		}
		if v, _ := Parse(b); string(rewrite(nil, v)) != string(c) {
			t.Fatalf("%q read value by value is %q", c, rewrite(nil, v))
		}
	})
}

// anyNumberIsNoLess: what is canonical is so with any number too, and that form
// is its own.
func anyNumberIsNoLess(t *testing.T, b []byte) {
	c, err := canonical(b, true)
	if strict, errStrict := Canonical(b); errStrict == nil && (err != nil || string(c) != string(strict)) {
		t.Fatalf("%q is %q, but with any number %q, %v", b, strict, c, err)
	}
	if again, errAgain := canonical(c, true); err == nil && (errAgain != nil || string(again) != string(c)) {
		t.Fatalf("%q is not canonical: %q, %v", c, again, errAgain)
	}
	if err == nil && (!json.Valid(b) || !json.Valid(c)) {
		t.Fatalf("%q became %q, and one of them is no JSON", b, c)
	}
}

// rewrite writes a value anew from what its getters say.
func rewrite(dst []byte, v Value) []byte {
	sep := byte(0)
	if o, ok := v.Object(); ok {
		dst, sep = append(dst, '{'), '}'
		for k, inner := range o.All() {
			dst = append(rewrite(append(appendString(dst, k), ':'), inner), ',')
		}
	} else if elements, ok := v.Array(); ok {
		dst, sep = append(dst, '['), ']'
		for inner := range elements {
			dst = append(rewrite(dst, inner), ',')
		}
	} else if s, ok := v.Text(); ok {
		return appendString(dst, s)
	} else {
		return append(dst, v.Raw()...)
	}
	if dst[len(dst)-1] == ',' {
		dst = dst[:len(dst)-1]
	}
	return append(dst, sep)
}

func BenchmarkCanonical(b *testing.B) {
	for name, in := range map[string][]byte{
		"sorted":   []byte(`{"auth_events":["$urlsafe_base64_encoded_eventid","$a-different-event-id"],"content":{"body":"Bonjour à tous","msgtype":"m.text"},"depth":12,"origin_server_ts":1404838188000,"type":"m.room.message"}`),
		"unsorted": []byte(`{"type":"m.room.message","origin_server_ts":1404838188000,"depth":12,"content":{"msgtype":"m.text","body":"Bonjour à tous"},"auth_events":["$urlsafe_base64_encoded_eventid","$a-different-event-id"]}`),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(in)))
			for b.Loop() {
				if _, err := Canonical(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
