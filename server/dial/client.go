package dial

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Limits bound what one exchange may cost. Zero values are the defaults.
type Limits struct {
	Total     time.Duration // from the request to the last byte of the answer, redirects included; default 30 s
	Connect   time.Duration // DNS and TCP, and again TLS; default 10 s
	Redirects int           // how many are followed; 0: none, and the answer that redirects is given
	Header    int64         // bytes of an answer's header; default 64 KiB
	Idle      int           // connections that are kept for later, two of one host at most; default 10
}

// What Limits are where nothing is said.
const (
	defaultTotal   = 30 * time.Second
	defaultConnect = 10 * time.Second
	defaultHeader  = 64 << 10
	defaultIdle    = 10
	idlePerHost    = 2
	idleTime       = time.Minute
	busyPerHost    = 32 // connections to one host at a time
)

// Client makes an HTTP client under the rule: no proxy of the environment, no cookies, no Referer, TLS 1.2 at least, no password in a URL. Bodies
// are bounded by who reads them, see ReadAll.
func (r Rule) Client(l Limits) *http.Client {
	connect := or(l.Connect, defaultConnect)
	transport := &http.Transport{
		DialContext:            r.Dialer(connect),
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: r.Roots},
		TLSHandshakeTimeout:    connect,
		MaxResponseHeaderBytes: or(l.Header, defaultHeader),
		MaxIdleConns:           or(l.Idle, defaultIdle),
		MaxIdleConnsPerHost:    idlePerHost,
		MaxConnsPerHost:        busyPerHost,
		IdleConnTimeout:        idleTime,
		ForceAttemptHTTP2:      true, // with a dialer of one's own it is off otherwise
	}
	return &http.Client{Transport: &guard{transport, r.Plain}, Timeout: or(l.Total, defaultTotal), CheckRedirect: redirects(l.Redirects)}
}

func or[T int | int64 | time.Duration](given, otherwise T) T {
	if given == 0 {
		return otherwise
	}
	return given
}

// ErrRedirects is that an answer redirected more often than Limits allow.
var ErrRedirects = errors.New("too many redirects")

func redirects(most int) func(*http.Request, []*http.Request) error {
	return func(next *http.Request, via []*http.Request) error {
		switch {
		case most == 0:
			return http.ErrUseLastResponse
		case len(via) > most:
			return ErrRedirects
		}
		next.Header.Del("Referer") // what is asked for here is nobody's business there
		return nil
	}
}

// guard judges each URL, the first one and those of redirects.
type guard struct {
	*http.Transport
	plain bool
}

// RoundTrip implements http.RoundTripper.
func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if why := g.refuses(req); why != "" {
		if req.Body != nil {
			_ = req.Body.Close() // as http.RoundTripper says
		}
		return nil, &Refusal{req.URL.Redacted(), why}
	}
	return g.Transport.RoundTrip(req)
}

func (g *guard) refuses(req *http.Request) string {
	switch {
	case req.URL.Scheme != "https" && (req.URL.Scheme != "http" || !g.plain):
		return "the scheme is refused"
	case req.URL.User != nil:
		return "there is a name or password in it"
	}
	return ""
}

// TooLarge is the error of bodies that are longer than who reads them takes.
type TooLarge struct{ Max int64 } // bytes

func (e *TooLarge) Error() string { return fmt.Sprintf("the body is longer than %d bytes", e.Max) }

// ReadAll reads a body, unpacked, of most bytes: *TooLarge beyond that.
func ReadAll(body io.Reader, most int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(body, most+1))
	if err == nil && int64(len(b)) > most {
		return nil, &TooLarge{most}
	}
	return b, err
}
