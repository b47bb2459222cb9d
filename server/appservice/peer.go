package appservice

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"beffroi/server/dial"
	"beffroi/server/registrations"
)

const (
	prefix     = "/_matrix/app/v1"
	maxAnswer  = 1 << 20 // bytes of what is read of an answer
	maxAtOnce  = 8       // queries of one service; transactions wait for nobody
	oldPrefix3 = "/_matrix/app/unstable"
)

// peer is a service as it is spoken to.
type peer struct {
	*registrations.Registration
	client *http.Client
	slots  chan struct{} // what is asked at the same time
	awake  chan struct{} // the service is there again
}

func newPeer(r *registrations.Registration) *peer {
	return &peer{Registration: r, client: rule().Client(dial.Limits{Total: callTime}), slots: make(chan struct{}, maxAtOnce), awake: make(chan struct{}, 1)}
}

// call is a request to a service.
type call struct {
	method string
	path   string     // below the prefix, escaped
	old    string     // the path before there were versions; empty: there was none
	query  url.Values // nil: none
	body   []byte     // nil: none
}

// answer is what a service said.
type answer struct {
	status int
	body   []byte
}

func (a answer) ok() bool { return a.status >= 200 && a.status < 300 }

// errcode is the Matrix error code of an answer, empty where it has none.
func (a answer) errcode() string {
	var e struct {
		Code string `json:"errcode"`
	}
	_ = json.Unmarshal(a.body, &e) // what is no JSON has no code
	return e.Code
}

// unrecognized tells whether the service does not know the path, rather than what was asked for.
func (a answer) unrecognized() bool {
	unknown := a.status == http.StatusNotFound || a.status == http.StatusMethodNotAllowed || a.status == http.StatusNotImplemented
	code := a.errcode()
	return unknown && (code == "" || code == "M_UNRECOGNIZED")
}

// do sends a request. A service that does not know the path is asked at the old one, each time: it may be replaced by one that knows it.
//
// Source: application service API, "Legacy routes".
func (p *peer) do(ctx context.Context, c call) (answer, error) {
	if p.URL == "" {
		return answer{}, errNoURL
	}
	a, err := p.once(ctx, c, prefix+c.path, c.query)
	if err != nil || c.old == "" || !a.unrecognized() {
		return a, err
	}
	query := url.Values{"access_token": {p.HSToken}} // who knows old paths only looks for the token only there
	for key, values := range c.query {
		query[key] = values
	}
	old, err := p.once(ctx, c, c.old, query)
	if err != nil || old.unrecognized() {
		return a, err
	}
	return old, nil
}

func (p *peer) once(ctx context.Context, c call, path string, query url.Values) (answer, error) {
	target := p.URL + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, c.method, target, bytes.NewReader(c.body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+p.HSToken)
	if c.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return answer{}, p.withoutToken(err)
	}
	defer resp.Body.Close()
	body, err := dial.ReadAll(resp.Body, maxAnswer)
	return answer{resp.StatusCode, body}, err
}

// withoutToken hides the token of old paths from logs.
func (p *peer) withoutToken(err error) error {
	if u, ok := err.(*url.Error); ok { //nolint:errorlint // what http.Client gives
		u.URL, _, _ = strings.Cut(u.URL, "?")
	}
	return err
}

// ask is do for questions that somebody waits for: a few at a time.
func (p *peer) ask(ctx context.Context, c call) (answer, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
		return p.do(ctx, c)
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
}

// wake lets what waits for the service try again.
func (p *peer) wake() {
	select {
	case p.awake <- struct{}{}:
	default: // it is told already
	}
}
