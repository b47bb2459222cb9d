package httpx

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"beffroi/server/limits"
	"beffroi/server/merr"
)

type who string

func (w who) Who() string { return string(w) }

func (w who) Writable() error { return nil }

func (w who) Allowance() limits.Allowance { return limits.Allowance{} }

type tokens struct{}

func (tokens) Authenticate(_ context.Context, token, _ string) (who, error) {
	if token != "good" {
		return "", merr.UnknownToken(false)
	}
	return "@a:hs", nil
}

func (tokens) Assert(_ context.Context, w who, parameters url.Values) (who, error) {
	if as := parameters.Get("user_id"); as != "" {
		return who(as), nil
	}
	return w, nil
}

// signatures takes a request as signed by the server that the header names, where the body is what that server meant to send.
type signatures struct{}

func (signatures) Expect(context.Context, *http.Request) error { return nil }

func (signatures) Origin(_ context.Context, r *http.Request, body []byte) (string, error) {
	origin, meant, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if origin == "Bearer" || origin == "" || meant != string(body) {
		return "", merr.New(http.StatusUnauthorized, "M_UNAUTHORIZED", "not signed")
	}
	return origin, nil
}

func TestSignedRoutes(t *testing.T) {
	s := serve(t)
	for _, c := range []struct {
		header, body string
		status       int
		want         string
	}{
		{`a.fr {"n":1}`, `{"n":1}`, 200, `{"n":1,"origin":"a.fr","who":""}`},
		{`a.fr {"n":2}`, `{"n":1}`, 401, "M_UNAUTHORIZED"},
		{`Bearer good`, `{"n":1}`, 401, "M_UNAUTHORIZED"},
		{``, `{"n":1}`, 401, "M_UNAUTHORIZED"},
		{`a.fr `, ``, 400, "M_NOT_JSON"},
		{`a.fr x`, strings.Repeat("x", 33), 413, "M_TOO_LARGE"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.URL+"/signed", strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", c.header)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != c.status || !strings.Contains(string(b), c.want) {
			t.Errorf("%q %q: %d %s", c.header, c.body, resp.StatusCode, b)
		}
	}
}

func serve(t *testing.T) *httptest.Server {
	t.Helper()
	a := New[who](tokens{}, Gate{Origins: signatures{}}, zerolog.Nop())
	a.Mount([]Route[who]{
		{Method: "PUT", Path: "/signed", Auth: Signed, Limit: 32, Handle: func(r *Request[who]) (any, error) {
			var q struct {
				N int `json:"n"`
			}
			err := r.Decode(&q)
			return map[string]any{"origin": r.Origin, "n": q.N, "who": string(r.Session)}, err
		}},
		{Method: "GET", Path: "/who", Handle: func(r *Request[who]) (any, error) { return map[string]string{"who": string(r.Session)}, nil }},
		{Method: "GET", Path: "/perhaps", Auth: Optional, Handle: func(r *Request[who]) (any, error) { return map[string]string{"who": string(r.Session)}, nil }},
		{Method: "POST", Path: "/body", Auth: None, Limit: 32, Handle: func(r *Request[who]) (any, error) {
			var q struct {
				N int `json:"n"`
			}
			return Status{201, &q}, r.Decode(&q)
		}},
		{Method: "POST", Path: "/optional", Auth: None, Handle: func(r *Request[who]) (any, error) {
			return nil, r.DecodeOptional(&struct{}{})
		}},
		{Method: "GET", Path: "/secret", Auth: None, Handle: func(*Request[who]) (any, error) { return nil, errors.New("the disk is on fire") }},
		{Method: "GET", Path: "/panic", Auth: None, Handle: func(*Request[who]) (any, error) { panic("oh") }},
		{Method: "GET", Path: "/key/{key}", Auth: None, Handle: func(r *Request[who]) (any, error) { return map[string]string{"key": r.PathValue("key")}, nil }},
	})
	s := httptest.NewServer(a)
	t.Cleanup(s.Close)
	return s
}

func TestAnswers(t *testing.T) {
	s := serve(t)
	for _, c := range []struct {
		method, path, token, body string
		status                    int
		want                      string
	}{
		{"GET", "/who", "good", "", 200, `{"who":"@a:hs"}`},
		{"GET", "/who?access_token=good", "", "", 200, `{"who":"@a:hs"}`},
		{"GET", "/who?user_id=b", "good", "", 200, `{"who":"b"}`},
		{"GET", "/who?user_id=b", "bad", "", 401, "M_UNKNOWN_TOKEN"},
		{"GET", "/who", "", "", 401, "M_MISSING_TOKEN"},
		{"GET", "/who", "bad", "", 401, `"soft_logout":false`},
		{"GET", "/perhaps", "", "", 200, `{"who":""}`},
		{"GET", "/perhaps", "bad", "", 401, "M_UNKNOWN_TOKEN"},
		{"POST", "/body", "", `{"n":1}`, 201, `{"n":1}`},
		{"POST", "/body", "", `{"n":`, 400, "M_NOT_JSON"},
		{"POST", "/body", "", ``, 400, "M_NOT_JSON"},
		{"POST", "/body", "", "{\"n\xff\":1}", 400, "M_NOT_JSON"},
		{"POST", "/body", "", `{"n":"1"}`, 400, "M_BAD_JSON"},
		{"POST", "/body", "", `[]`, 400, "M_BAD_JSON"},
		{"POST", "/body", "", `null`, 400, "M_BAD_JSON"},
		{"POST", "/body", "", `{"n":1,"long":"` + strings.Repeat("x", 32) + `"}`, 413, "M_TOO_LARGE"},
		{"POST", "/optional", "", "", 200, "{}"},
		{"GET", "/secret", "", "", 500, `{"errcode":"M_UNKNOWN","error":"Internal server error"}`},
		{"GET", "/panic", "", "", 500, "M_UNKNOWN"},
		{"GET", "/key/a%2F%2Fb", "", "", 200, `{"key":"a//b"}`},
		{"GET", "/key/%ff", "", "", 400, "M_INVALID_PARAM"},
		{"GET", "/key/..%2f", "", "", 200, `{"key":"../"}`},
		{"GET", "//key/a", "", "", 404, "M_UNRECOGNIZED"},
		{"GET", "/key/../who", "", "", 404, "M_UNRECOGNIZED"},
		{"GET", "/nowhere", "", "", 404, "M_UNRECOGNIZED"},
		{"PUT", "/who", "", "", 405, "M_UNRECOGNIZED"},
		{"OPTIONS", "/who", "", "", 204, ""},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, s.URL, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.URL.Opaque = strings.TrimPrefix(s.URL, "http:") + c.path // as it is, not cleaned
		if c.token != "" {
			req.Header.Set("Authorization", "Bearer "+c.token)
		}
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != c.status || !strings.Contains(string(body), c.want) {
			t.Errorf("%s %s %.40s: %d %s %v; want %d %s", c.method, c.path, c.body, res.StatusCode, body, err, c.status, c.want)
		}
		if res.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s %s: no CORS header", c.method, c.path)
		}
	}
}

func boom(*Request[who]) (any, error) { panic("oh") }

func TestAPanicIsLoggedWithWhereItWas(t *testing.T) {
	var log strings.Builder
	a := New[who](tokens{}, Gate{}, zerolog.New(&log))
	a.Mount([]Route[who]{{Method: "GET", Path: "/panic", Auth: None, Handle: boom}})
	a.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "GET", "/panic", nil))
	if !strings.Contains(log.String(), "httpx.boom") {
		t.Fatalf("nobody finds the fault with %s", log.String())
	}
}
