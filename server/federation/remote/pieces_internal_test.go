package remote

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"beffroi/server/merr"
)

// piece is what pieces gives.
type piece struct{ member, raw string }

func cut(r io.Reader) (all []piece, err error) {
	err = pieces(r, func(member string, raw json.RawMessage) error {
		all = append(all, piece{member, string(raw)})
		return nil
	})
	return all, err
}

func TestPieces(t *testing.T) {
	long := `"` + strings.Repeat("x", 2*maxPiece) + `"`
	for text, want := range map[string][]piece{
		`{}`: nil,
		`{"state":[{"a":[1,{"b":"]}"}]}, 2 ],"auth_chain":[],"event":{"x":[]},"origin":"o"}`: {{"state", `{"a":[1,{"b":"]}"}]}`}, {"state", "2"}, {"event", `{"x":[]}`}, {"origin", `"o"`}},
		` { "members_omitted" : true } `: {{"members_omitted", "true"}},
	} {
		for what, r := range map[string]io.Reader{"whole": strings.NewReader(text), "byte by byte": iotest.OneByteReader(strings.NewReader(text))} {
			got, err := cut(r)
			if err != nil || len(got) != len(want) {
				t.Errorf("%s %s: %v, %v", text, what, got, err)
				continue
			}
			for i := range got {
				if got[i] != want[i] {
					t.Errorf("%s %s: %v is piece %d, want %v", text, what, got[i], i, want[i])
				}
			}
		}
	}
	for _, text := range []string{``, `[]`, `"x"`, `{"state":{}}`, `{"state":null}`, `{"state":[1`, `{"state":[1]`, `{"state":[1 2]}`, `{"state":[],"state":[]}`, `{"event":1,"event":2}`, `{"state":[{]}`, `{x:1}`,
		`{"event":` + long + `}`, `{"state":[1,` + long + `]}`, `{` + long + `:1}`, `{"state":[` + strings.Repeat(" ", 2*maxPiece) + `1]}`} {
		if got, err := cut(strings.NewReader(text)); err == nil {
			t.Errorf("%.40q is read as %.3v", text, got)
		}
	}
	stop := errors.New("stop")
	if err := pieces(strings.NewReader(`{"state":[1,2]}`), func(string, json.RawMessage) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
}

func FuzzPieces(f *testing.F) {
	f.Add([]byte(`{"state":[{"a":1},2],"auth_chain":[],"event":{}}`))
	f.Add([]byte(`{"state":[`))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := cut(bytes.NewReader(b))
		if err != nil {
			return
		}
		var whole map[string]json.RawMessage
		if err := json.NewDecoder(bytes.NewReader(b)).Decode(&whole); err != nil {
			t.Fatalf("%q is read, and is no JSON: %v", b, err)
		}
		counts := map[string]int{}
		for _, p := range got {
			counts[p.member]++
			if !json.Valid([]byte(p.raw)) {
				t.Errorf("%q is no JSON", p.raw)
			}
		}
		for member, raw := range whole {
			want := 1
			if member == "state" || member == "auth_chain" {
				var elements []json.RawMessage
				if err := json.Unmarshal(raw, &elements); err != nil {
					t.Fatalf("%s is taken for an array", raw)
				}
				want = len(elements)
			}
			if counts[member] != want {
				t.Errorf("%d pieces of %q, want %d", counts[member], member, want)
			}
		}
	})
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		in     error
		status int // 0: no refusal that is told
		code   string
	}{
		{&Refused{"far", 403, "M_FORBIDDEN", "banned", ""}, 403, "M_FORBIDDEN"},
		{&Refused{"far", 404, "M_NOT_FOUND", "", ""}, 404, "M_NOT_FOUND"},
		{&Refused{"far", 403, "M_UNABLE_TO_AUTHORISE_JOIN", "", ""}, 400, "M_UNABLE_TO_AUTHORISE_JOIN"},
		{&Refused{"far", 400, "M_INCOMPATIBLE_ROOM_VERSION", "", "99"}, 400, "M_INCOMPATIBLE_ROOM_VERSION"},
		{&Refused{"far", 404, "M_UNRECOGNIZED", "", ""}, 0, ""},
		{&Refused{"far", 401, "M_UNAUTHORIZED", "", ""}, 0, ""},
		{&Refused{"far", 500, "M_FORBIDDEN", "", ""}, 0, ""},
		{&Refused{"far", 403, "", "a proxy's page", ""}, 0, ""},
		{io.ErrUnexpectedEOF, 0, ""},
	} {
		err := refusedBy(c.in)
		var told *merr.Error
		if errors.As(err, &told) != (c.status != 0) || c.status != 0 && (told.Status != c.status || told.Code != c.code) || !errors.Is(err, c.in) {
			t.Errorf("%v is told as %v", c.in, err)
		}
		if c.code == "M_INCOMPATIBLE_ROOM_VERSION" && told.Extra["room_version"] != "99" {
			t.Errorf("room_version is %v", told.Extra)
		}
	}
	if err := refusedBy(&Refused{"far", http.StatusForbidden, "M_FORBIDDEN", strings.Repeat("é", 100_000), ""}); len(merr.From(err).Text) > 1000 {
		t.Error("a text of any length is handed on")
	}
	if refusedBy(nil) != nil {
		t.Error("nothing is refused")
	}
}
