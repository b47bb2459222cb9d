package server

import (
	"net"
	"net/http"
	"sync"
)

// fresh are the connections on which nothing was asked yet. Browsers open them in advance; http.Server.Shutdown waits five seconds for
// their first request.
type fresh struct {
	mu    sync.Mutex
	conns map[net.Conn]bool
}

// track is an http.Server's ConnState.
func (f *fresh) track(c net.Conn, state http.ConnState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if state != http.StateNew {
		delete(f.conns, c)
		return
	}
	if f.conns == nil {
		f.conns = map[net.Conn]bool{}
	}
	f.conns[c] = true
}

// close ends them all.
func (f *fresh) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		_ = c.Close() // nothing was promised on it
	}
}
