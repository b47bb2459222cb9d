package httpx

import (
	"encoding/json"
	"strings"
	"testing"

	"beffroi/server/merr"
)

func TestWhatOtherClientsCannotReadIsRefused(t *testing.T) {
	nested := func(n int) string { return `{"a":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + `}` }
	for body, code := range map[string]string{
		nested(100):                               "",
		nested(101):                               "M_BAD_JSON",
		nested(20_000):                            "M_BAD_JSON",
		strings.Repeat("[", 200):                  "M_BAD_JSON", // whatever follows
		`{"a":"[[[{{{\"[[["}`:                     "",
		`{"a":"\ud83d\ude00 \uD83D\uDE00"}`:       "",
		`{"a":"\ud83d"}`:                          "M_BAD_JSON",
		`{"a":"\ud83dx\ude00"}`:                   "M_BAD_JSON",
		`{"\udc00":1}`:                            "M_BAD_JSON",
		`{"a":"\ud83d\ud83d\ude00"}`:              "M_BAD_JSON",
		`{"a":"\\ud83d"}`:                         "",
		`{"a":"\\\ud83d"}`:                        "M_BAD_JSON",
		`{"a":"\u0000\uFFFD\n"}`:                  "",
		`{"a":[1.5,-0,1e308,9007199254740993]}`:   "",
		`{"a":1e309}`:                             "M_BAD_JSON",
		`{"a":-1e309}`:                            "M_BAD_JSON",
		`{"a":1` + strings.Repeat("0", 310) + `}`: "M_BAD_JSON",
		`{"a":"\ud83d`:                            "M_NOT_JSON",
		`{"a":1e309`:                              "M_NOT_JSON",
	} {
		if err := DecodeObject([]byte(body), &struct{}{}); (err == nil) != (code == "") || err != nil && !merr.Is(err, code) {
			t.Errorf("%.60s: %v, want %s", body, err, code)
		}
	}
}

func FuzzInteroperable(f *testing.F) {
	for _, seed := range []string{`{"a":"\ud83d\ude00"}`, `{"a":"\ud83d"}`, `[1e309,-0.5]`, `"\\\u`, `[[[`, `"\ud83d\`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if tooDeep, err := deep(b), interoperable(b); tooDeep || err != nil || !json.Valid(b) {
			return // it must not panic
		}
		var v any
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatalf("%q: %v", b, err)
		}
	})
}
