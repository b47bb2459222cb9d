package remote

import (
	"context"
	"net/http"

	"beffroi/server/keys"
)

// Keys is the client as the key ring wants it: requests that nobody signs, and for which the ring itself knows when to try again.
type Keys struct{ *Client }

// ServerKeys implements keys.Fetcher.
func (k Keys) ServerKeys(ctx context.Context, server string) ([]byte, error) {
	return k.do(ctx, request{method: http.MethodGet, server: server, uri: "/_matrix/key/v2/server"}, keys.MaxDocument)
}

// QueryKeys implements keys.Fetcher.
func (k Keys) QueryKeys(ctx context.Context, notary string, query []byte) ([]byte, error) {
	return k.do(ctx, request{method: http.MethodPost, server: notary, uri: "/_matrix/key/v2/query", body: query}, keys.MaxQuery)
}
