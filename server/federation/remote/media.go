package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"time"

	"beffroi/server/dial"
	"beffroi/server/media"
	"beffroi/server/merr"
)

// Media is the client as the content repository wants it.
type Media struct {
	*Client
	elsewhere *http.Client // for addresses that servers name
}

const (
	// maxMetadata is how many bytes are read of what an answer says of its file.
	maxMetadata = 64 << 10
	// elsewhereTime is how long a file at an address that a server named may take; its reader knows better when it stalls.
	elsewhereTime = 10 * time.Minute
)

// NewMedia makes one. What servers name is fetched under the same rule as servers are asked: no address inside, HTTPS only.
func NewMedia(c *Client) Media {
	return Media{c, c.Rule.Client(dial.Limits{Total: elsewhereTime, Connect: connectTime})}
}

// Fetch implements media.Remote: from the endpoint that wants a signature, and from the one before it only where the server does not know that one, or
// answers as no Matrix server does.
//
// Source: server-server API, "Content Repository".
func (m Media) Fetch(ctx context.Context, server, mediaID string) (*media.Incoming, error) {
	resp, err := m.open(ctx, request{http.MethodGet, server, federation + "media/download/" + url.PathEscape(mediaID), nil, true})
	if unknown(err) {
		return m.fetchUnsigned(ctx, server, mediaID)
	}
	if err != nil {
		return nil, notGiven(server, err)
	}
	in, err := m.second(ctx, resp)
	if err != nil {
		_ = resp.Body.Close() // the other error says more
		return nil, fmt.Errorf("%s: %w", server, err)
	}
	return in, nil
}

// unknown tells whether a server, or what stands before it, doesn't know the endpoint.
func unknown(err error) bool {
	var refused *Refused
	if !errors.As(err, &refused) {
		return false
	}
	switch refused.Code {
	case "M_UNRECOGNIZED":
		return true
	case "":
		return refused.Status == http.StatusNotFound || refused.Status == http.StatusBadRequest || refused.Status == http.StatusMethodNotAllowed
	}
	return false
}

// fetchUnsigned asks as it was done before v1.11.
func (m Media) fetchUnsigned(ctx context.Context, server, mediaID string) (*media.Incoming, error) {
	uri := "/_matrix/media/v3/download/" + url.PathEscape(server) + "/" + url.PathEscape(mediaID) + "?allow_remote=false"
	resp, err := m.open(ctx, request{method: http.MethodGet, server: server, uri: uri}) //nolint:bodyclose // whoever gets the media closes it
	if err != nil {
		return nil, notGiven(server, err)
	}
	return incoming(resp.Body, resp.ContentLength, textproto.MIMEHeader(resp.Header)), nil
}

// second gives the second part of an answer, or what stands where it points to. The first one says nothing yet.
func (m Media) second(ctx context.Context, resp *http.Response) (*media.Incoming, error) {
	kind, parameters, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/mixed" || parameters["boundary"] == "" {
		return nil, errors.New("the answer is not multipart/mixed")
	}
	parts := multipart.NewReader(resp.Body, parameters["boundary"])
	first, err := parts.NextPart()
	if err != nil {
		return nil, err
	}
	if _, err = dial.ReadAll(first, maxMetadata); err != nil {
		return nil, err
	}
	part, err := parts.NextPart()
	if err != nil {
		return nil, err
	}
	if location := part.Header.Get("Location"); location != "" {
		_ = resp.Body.Close() // nothing follows
		return m.at(ctx, location)
	}
	size, err := strconv.ParseInt(part.Header.Get("Content-Length"), 10, 64)
	if err != nil || size < 0 {
		size = -1
	}
	return incoming(body{part, resp.Body}, size, part.Header), nil
}

// body is a part of a body.
type body struct {
	io.Reader
	io.Closer
}

// at fetches from an address that a server named; it does not lead on to others.
func (m Media) at(ctx context.Context, location string) (*media.Incoming, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, location, nil)
	if err != nil || req.URL.Scheme != "https" {
		return nil, errors.New("the answer points to no HTTPS address")
	}
	req.Header.Set("User-Agent", "Beffroi")
	resp, err := m.elsewhere.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close() // it is of no use
		return nil, fmt.Errorf("the address that the answer points to gives %s", resp.Status)
	}
	return incoming(resp.Body, resp.ContentLength, textproto.MIMEHeader(resp.Header)), nil
}

func incoming(b io.ReadCloser, size int64, h textproto.MIMEHeader) *media.Incoming {
	in := &media.Incoming{Body: b, Size: size, ContentType: h.Get("Content-Type")}
	if _, parameters, err := mime.ParseMediaType(h.Get("Content-Disposition")); err == nil {
		in.Name = parameters["filename"]
	}
	return in
}

// notGiven gives an error the words of the endpoints for media.
func notGiven(server string, err error) error {
	var refused *Refused
	switch {
	case errors.Is(err, ErrRefused):
		return merr.NotFound("This server does not speak with %s", server).Because(err)
	case !errors.As(err, &refused):
	case refused.Code == "M_NOT_YET_UPLOADED":
		return merr.New(http.StatusGatewayTimeout, refused.Code, "The media was not uploaded yet").Because(err)
	case refused.Code == "M_TOO_LARGE":
		return merr.New(http.StatusBadGateway, refused.Code, "The media is too large for %s to give it", server).Because(err)
	case refused.Status == http.StatusNotFound:
		return merr.NotFound("%s has no such media", server).Because(err)
	}
	return err
}
