// Package remote asks other servers: signed requests with bounds, and what the room core and the key ring want of them.
package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"beffroi/server/dial"
	"beffroi/server/federation/discovery"
	"beffroi/server/keys"
	"beffroi/server/limits"
)

// Config is what the client works with.
type Config struct {
	Own       *keys.Own
	Discovery *discovery.Resolver
	Rule      dial.Rule                // where connections may go
	Admits    func(server string) bool // whether this server speaks with another one
	Now       func() time.Time

	LongestPause time.Duration       // how long a server that fails is left alone at most; 0: an hour
	Back         func(server string) // told of servers that failed and are there again; nil: nobody is
}

// Client asks other servers.
type Client struct {
	Config
	transport *http.Transport
	pauses    pauses
	answers   *limits.Bytes // what answers hold while they are read
}

const (
	// usual is how many bytes an answer may have: 4,000 events, or the ids of 90,000. Larger ones are streams.
	usual = 4 << 20
	// answersAll and answersEach are what answers may hold in memory while they are read, in all and of one server.
	answersAll, answersEach = 16 << 20, 5 << 20
	// requestTime is how long a request may take, from the look for the server to the last byte.
	requestTime = time.Minute
	// connectTime is how long the connection to one address may take.
	connectTime = 10 * time.Second
	// What is kept and open of connections.
	maxHeader, maxIdle, maxIdlePerHost, maxPerHost = 64 << 10, 200, 4, 32
	idleTime                                       = 2 * time.Minute
)

// ErrRefused is that this server does not speak with another one.
var ErrRefused = errors.New("this server does not speak with it")

// Refused is the answer of a server that is not what was asked for.
type Refused struct {
	Server     string
	Status     int
	Code, Text string // errcode and error, where they were given
	Version    string // room_version of M_INCOMPATIBLE_ROOM_VERSION
}

func (e *Refused) Error() string {
	return fmt.Sprintf("%s answers %d %s %s", e.Server, e.Status, e.Code, e.Text)
}

// New makes a client. Who calls it calls Close.
func New(c Config) *Client {
	client := &Client{Config: c, pauses: newPauses(c), answers: limits.NewBytes(answersAll, answersEach, requestTime)}
	client.transport = &http.Transport{
		DialTLSContext:         client.connect,
		DialContext:            func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("not without TLS") },
		ResponseHeaderTimeout:  requestTime,
		MaxResponseHeaderBytes: maxHeader,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdlePerHost,
		MaxConnsPerHost:        maxPerHost,
		IdleConnTimeout:        idleTime,
	}
	return client
}

// Close ends the looks for servers, and the connections that are not in use.
func (c *Client) Close() {
	c.Discovery.Close()
	c.transport.CloseIdleConnections()
}

// Get asks for a path with its query, escaped. The answer is a JSON object, not yet parsed, of 4 MiB at most. The error is *Refused for answers other than 200, ErrRefused, or
// *Pause for a server that is left alone because it failed.
func (c *Client) Get(ctx context.Context, server, uri string) ([]byte, error) {
	return c.ask(ctx, request{http.MethodGet, server, uri, nil, true}, usual)
}

// Put is Get for PUT with a body, which is JSON.
func (c *Client) Put(ctx context.Context, server, uri string, body []byte) ([]byte, error) {
	return c.ask(ctx, request{http.MethodPut, server, uri, body, true}, usual)
}

// Post is Put for POST.
func (c *Client) Post(ctx context.Context, server, uri string, body []byte) ([]byte, error) {
	return c.ask(ctx, request{http.MethodPost, server, uri, body, true}, usual)
}

// Heard notes that a server spoke to this one: it is not left alone any more.
func (c *Client) Heard(server string) { c.pauses.end(server) }

type request struct {
	method, server, uri string
	body                []byte
	signed              bool
}

// ask makes a request unless the server is to be left alone, and notes how it went.
func (c *Client) ask(ctx context.Context, r request, most int64) ([]byte, error) {
	if err := c.pauses.of(r.server); err != nil {
		return nil, err
	}
	b, err := c.do(ctx, r, most)
	switch {
	case err == nil || alive(err):
		c.pauses.end(r.server)
	case ctx.Err() == nil && !errors.Is(err, ErrRefused): // who asked is still there: it was not they who gave up
		c.pauses.begin(r.server)
	}
	return b, err
}

// alive tells of an error whether there is a server that works.
func alive(err error) bool {
	var r *Refused
	return errors.As(err, &r) && r.Status != http.StatusBadGateway && r.Status != http.StatusServiceUnavailable && r.Status != http.StatusGatewayTimeout
}

func (c *Client) do(ctx context.Context, r request, most int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	resp, err := c.send(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.server, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, refusal(r.server, resp)
	}
	share := c.answers.Share(r.server)
	defer share.Leave()
	b, err := share.ReadAll(ctx, io.LimitReader(resp.Body, most+1))
	if err == nil && int64(len(b)) > most {
		err = &dial.TooLarge{Max: most}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.server, err)
	}
	return b, nil
}

// refusal reads the answer of a server that does not do what it was asked.
func refusal(server string, resp *http.Response) error {
	var body struct {
		Code    string `json:"errcode"`
		Text    string `json:"error"`
		Version string `json:"room_version"`
	}
	if b, err := dial.ReadAll(resp.Body, maxHeader); err == nil {
		_ = json.Unmarshal(b, &body) // proxies answer with pages
	}
	return &Refused{server, resp.StatusCode, body.Code, body.Text, body.Version}
}

// send sends a request to where the server is; redirects are not followed. It is the one place where requests go out, so for a server that the policy does not admit
// no name is looked up and no connection made.
func (c *Client) send(ctx context.Context, r request) (*http.Response, error) {
	if !c.Admits(r.server) {
		return nil, ErrRefused
	}
	found, err := c.Discovery.Route(ctx, r.server)
	if err != nil {
		return nil, err
	}
	route := route{found}
	u, err := url.Parse("https://" + route.name() + r.uri)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(context.WithValue(ctx, routeKey{}, route), r.method, u.String(), bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	req.Host = route.Host
	req.Header.Set("User-Agent", "Beffroi")
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.signed {
		authorization, err := c.Own.Authorization(r.method, req.URL.RequestURI(), r.server, r.body)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", authorization)
	}
	return c.transport.RoundTrip(req)
}
