package httpx

import (
	"net/http"
	"path"
	"strings"

	"beffroi/server/merr"
)

// route finds the handler of a request. Source: client-server API, "Common error codes": an unknown path is 404 M_UNRECOGNIZED,
// a wrong method 405 M_UNRECOGNIZED.
func (a *Adapter[S]) route(r *http.Request) http.Handler {
	if !clean(r.URL.EscapedPath()) {
		return refusal(http.StatusNotFound)
	}
	_, pattern := a.mux.Handler(r)
	if pattern != "" {
		return a.mux
	}
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		other := *r
		other.Method = method
		if _, p := a.mux.Handler(&other); p != "" {
			return refusal(http.StatusMethodNotAllowed)
		}
	}
	return refusal(http.StatusNotFound)
}

// clean tells whether the mux would take the path as it is: it redirects others, which clients don't follow.
func clean(escaped string) bool {
	c := path.Clean(escaped)
	return escaped == c || escaped == c+"/" || strings.TrimSuffix(escaped, "/") == ""
}

func refusal(status int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, status, merr.New(status, "M_UNRECOGNIZED", "Unrecognized request"))
	})
}
