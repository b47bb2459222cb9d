package specschema

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
)

// Handler checks every answer that a server gives to other servers, as Transport does with those that a test gets, and notes the calls. It is next where s is nil.
func (s *Spec) Handler(t testing.TB, next http.Handler) http.Handler {
	if s == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.EscapedPath()
		if !strings.HasPrefix(path, "/_matrix/federation/") && !strings.HasPrefix(path, "/_matrix/key/") {
			next.ServeHTTP(w, r)
			return
		}
		a := &answered{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(a, r)
		if r.Context().Err() != nil {
			return // who asked went away: what was written is not what was meant
		}
		s.note(t, r, a.status)
		for _, fault := range s.Check(r.Method, path, a.status, w.Header(), a.body.Bytes()) {
			t.Errorf("%s %s: %d: %s\n%.300s", r.Method, path, a.status, fault, a.body.Bytes())
		}
	})
}

// answered keeps what is answered.
type answered struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (a *answered) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

func (a *answered) Write(b []byte) (int, error) {
	a.body.Write(b)
	return a.ResponseWriter.Write(b)
}

// Unwrap serves http.ResponseController.
func (a *answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }
