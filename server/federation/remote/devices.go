package remote

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"beffroi/server/merr"
)

// Devices is the client as the service of encryption wants it.
type Devices struct{ *Client }

// UserDevices implements e2ee.Remote.
func (d Devices) UserDevices(ctx context.Context, server, userID string) ([]byte, error) {
	b, err := d.Get(ctx, server, federation+"user/devices/"+url.PathEscape(userID))
	return b, public(server, err)
}

// QueryKeys implements e2ee.Remote.
func (d Devices) QueryKeys(ctx context.Context, server string, body []byte) ([]byte, error) {
	b, err := d.Post(ctx, server, federation+"user/keys/query", body)
	return b, public(server, err)
}

// ClaimKeys implements e2ee.Remote.
func (d Devices) ClaimKeys(ctx context.Context, server string, body []byte) ([]byte, error) {
	b, err := d.Post(ctx, server, federation+"user/keys/claim", body)
	return b, public(server, err)
}

// public gives an error the words that a client may read: that this server does not speak with another one (403), that there is no such thing (404 M_NOT_FOUND), that the other
// one doesn't answer (504) or refuses (502).
func public(server string, err error) error {
	var refused *Refused
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrRefused):
		return merr.Forbidden("This server does not speak with %s", server).Because(err)
	case errors.As(err, &refused) && refused.Status == http.StatusNotFound && refused.Code != "M_UNRECOGNIZED":
		return merr.NotFound("%s knows of no such thing", server).Because(err)
	case errors.As(err, &refused):
		return merr.New(http.StatusBadGateway, "M_UNKNOWN", "%s refuses to answer", server).Because(err)
	}
	return merr.New(http.StatusGatewayTimeout, "M_UNKNOWN", "%s does not answer", server).Because(err)
}
