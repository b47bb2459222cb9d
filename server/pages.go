package server

import (
	"context"
	"net/http"
	"strings"

	"beffroi/server/store"
)

// Pages makes what people open in a browser, for a server and the commune it belongs to; commune is "" where nobody gave its name.
type Pages func(serverName, commune string) http.Handler

// WithPages serves pages at every path that the API does not own.
func WithPages(pages Pages) Option { return func(s *Server) { s.pages = pages } }

// withPages puts the pages beside the API, where there are any.
func (s *Server) withPages(ctx context.Context, api http.Handler) (http.Handler, error) {
	if s.pages == nil {
		return api, nil
	}
	commune, err := store.Get(ctx, s.db, func(r *store.Reader) (string, error) { return r.MetaText(store.MetaCommuneName) })
	if err != nil {
		return nil, err
	}
	return beside(api, s.pages(s.cfg.ServerName, commune)), nil
}

// beside gives the API the paths that are its own, and the others to pages.
func beside(api, pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		switch first {
		case "_matrix", "_synapse", "_beffroi", ".well-known":
			api.ServeHTTP(w, r)
		default:
			pages.ServeHTTP(w, r)
		}
	})
}
