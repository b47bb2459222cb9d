package policy

import (
	"net/http"
	"strings"

	"beffroi/server/httpx"
	"beffroi/server/merr"
)

// Gateway stands in front of what other servers ask: it lets through the specification's operations and nothing else, and those that are signed only where the server
// that the request names is admitted. It decides before anything of the request is read but its head.
type Gateway struct {
	*Service
	Next http.Handler
	// Claimed is the server that a request says to come from; ok is false where it says none, which Next refuses.
	Claimed func(r *http.Request) (server string, ok bool)

	operations []operation
}

// NewGateway makes a gateway.
func NewGateway(s *Service, next http.Handler, claimed func(r *http.Request) (server string, ok bool)) *Gateway {
	return &Gateway{s, next, claimed, operations()}
}

// ServeHTTP implements http.Handler. Paths of other APIs pass.
//
// Spec: server-server API, "Unsupported endpoints".
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !federates(r.URL.Path) || r.Method == http.MethodOptions {
		g.Next.ServeHTTP(w, r)
		return
	}
	op, status := g.find(r)
	if status != http.StatusOK {
		httpx.Refuse(w, merr.New(status, "M_UNRECOGNIZED", "Unrecognized request"))
		return
	}
	if err := g.judge(op, r); err != nil {
		httpx.Refuse(w, merr.From(err))
		return
	}
	g.Next.ServeHTTP(w, r)
}

// federates tells whether a path is one of the server-server API.
func federates(path string) bool {
	return strings.HasPrefix(path, "/_matrix/federation/") || strings.HasPrefix(path, "/_matrix/key/") || strings.HasPrefix(path, "/_matrix/policy/")
}

// find gives the operation of a request: 404 where there is none, 405 where it is one of another method.
func (g *Gateway) find(r *http.Request) (operation, int) {
	segments, status := strings.Split(r.URL.EscapedPath(), "/"), http.StatusNotFound
	for _, op := range g.operations {
		if !op.describes(segments) {
			continue
		}
		if op.method == r.Method {
			return op, http.StatusOK
		}
		status = http.StatusMethodNotAllowed
	}
	return operation{}, status
}

// judge refuses a signed operation by the name in it: who lies about that is refused when the signature is looked at.
func (g *Gateway) judge(op operation, r *http.Request) error {
	if !op.signed {
		return nil
	}
	server, ok := g.Claimed(r)
	if !ok || server == g.ServerName {
		return nil
	}
	why := g.Why(server)
	if why == admitted {
		return nil
	}
	if err := g.Refuse(r.Context(), server, why); err != nil {
		g.Log.Error().Err(err).Str("server", server).Msg("the journal does not tell that a server was refused")
	}
	return merr.Forbidden("This server does not speak with %s", server)
}
