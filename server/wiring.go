package server

import (
	"io"
	"net/http"
)

// routes is the whole API. What no route matches is answered as the specification says.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", unrecognized)
	return mux
}

// Spec: client-server API, "API Standards": an endpoint that is not implemented answers 404 M_UNRECOGNIZED.
func unrecognized(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.WriteHeader(http.StatusNotFound)
	_, _ = io.WriteString(w, `{"errcode":"M_UNRECOGNIZED","error":"Unrecognized request"}`) // the client may be gone
}
