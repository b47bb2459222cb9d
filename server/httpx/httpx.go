// Package httpx is the one adapter between net/http and Beffroi's handlers: it authenticates, limits and decodes
// requests, answers with JSON, maps errors, adds CORS headers and writes the log. A handler is a function that returns a value
// or an error.
package httpx

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"beffroi/server/limits"
	"beffroi/server/merr"

	"github.com/rs/zerolog"
)

// The limits of request bodies, in bytes.
const (
	LimitEvent   = 64 << 10  // one event
	LimitGeneral = 256 << 10 // everything that has no limit of its own
	LimitKeys    = 1 << 20   // key uploads and to-device messages
	LimitBackup  = 16 << 20  // key backups
)

// Session is what an access token proves.
type Session interface {
	// Who is a name for the log.
	Who() string
	// Writable refuses sessions that may only read, with a merr error.
	Writable() error
	// Allowance is what the account may do more than others, or less.
	Allowance() limits.Allowance
}

// Authenticator turns an access token into a session, or gives a merr error.
type Authenticator[S Session] interface {
	Authenticate(ctx context.Context, accessToken, addr string) (S, error)
	// Assert gives the session of whom the parameters of the request name, where the session may act as others; else it is the session itself.
	Assert(ctx context.Context, session S, parameters url.Values) (S, error)
}

// Handler answers a request with a value that is sent as JSON, with a Responder, or with an error.
// A nil value is the empty object.
type Handler[S Session] func(r *Request[S]) (any, error)

// Responder writes an answer that is not JSON.
type Responder interface {
	Respond(w http.ResponseWriter, r *http.Request)
}

// Raw is a JSON text that is sent as it is.
type Raw []byte

// Appender is an answer that writes its JSON itself.
type Appender interface{ AppendJSON(b []byte) []byte }

// Status is a JSON answer with another status than 200.
type Status struct {
	Code int
	Body any
}

// Auth says which requests a route takes.
type Auth int

// The kinds of authentication.
const (
	Required Auth = iota // with a valid access token only
	Optional             // Session is the zero value where no token was sent
	None                 // tokens are not looked at
	Exempt               // tokens are not looked at, but for whether limits hold: application services make users without limit
	Signed               // by another server: Origin tells which; the body is read before the handler, within the limit
)

// Origins tells which server signed a request, or gives a merr error. The body is what was sent.
type Origins interface {
	// Expect refuses, before the body is read, what could not be verified whatever the body is.
	Expect(ctx context.Context, r *http.Request) error
	Origin(ctx context.Context, r *http.Request, body []byte) (string, error)
}

// Route is a line of a route table. Path is a pattern of net/http.ServeMux without the method.
type Route[S Session] struct {
	Method string
	Path   string
	Handle Handler[S]
	Auth   Auth
	Limit  int64        // of the body, in bytes; 0: LimitGeneral; -1: the handler limits it
	Class  limits.Class // how often it may be asked for

	// Suspended routes take sessions that may only read, although they are not GET: they write nothing that others would see, or the handler
	// asks Writable itself.
	Suspended bool
}

// Request is a request with its session. The body is read through Decode only, or by the handler where the route's limit is -1.
type Request[S Session] struct {
	*http.Request
	Session S
	Origin  string              // the server that signed the request; "" where the route asks for no signature
	Client  netip.Addr          // where the request comes from; invalid where that is unknown
	Writer  http.ResponseWriter // for limits and deadlines of streamed bodies
	limit   int64               // of the body
	body    []byte              // of a signed request
	share   *limits.Share       // what the body holds
	moved   int                 // see Moves
}

// Moves notes that the request reads or stores n bytes: in its class it then counts for more than one.
func (r *Request[S]) Moves(n int) { r.moved += n }

// Gate says who is let in.
type Gate struct {
	Limits  *limits.Limiter // nil: no limits
	Proxies limits.Proxies  // whose word on the client's address counts
	Origins Origins         // for signed routes
	Bodies  *limits.Bytes   // what the bodies of signed requests hold in memory; nil: whatever comes
}

// Adapter serves routes.
type Adapter[S Session] struct {
	auth Authenticator[S]
	gate Gate
	log  zerolog.Logger
	mux  *http.ServeMux
	pace pace
}

// New makes an adapter.
func New[S Session](auth Authenticator[S], gate Gate, log zerolog.Logger) *Adapter[S] {
	return &Adapter[S]{auth: auth, gate: gate, log: log, mux: http.NewServeMux(), pace: linePace()}
}

// Mount adds routes. It panics where two contradict each other, as http.ServeMux does.
func (a *Adapter[S]) Mount(routes []Route[S]) {
	for _, r := range routes {
		a.mux.Handle(r.Method+" "+r.Path, a.handler(r))
	}
}

func (a *Adapter[S]) handler(route Route[S]) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r := &Request[S]{Request: req, Client: a.gate.Proxies.Client(req), Writer: w, limit: limited(w, req, route.Limit)}
		answer, err := a.run(route, r)
		if err != nil {
			a.fail(w, req, err)
			return
		}
		respond(w, req, answer)
	})
}

func (a *Adapter[S]) run(route Route[S], r *Request[S]) (any, error) {
	if !utf8.ValidString(r.URL.Path) {
		return nil, merr.InvalidParam("The path is not UTF-8") // ids and types in it are kept, and sent to others as JSON
	}
	caller, err := a.authenticate(route, r)
	defer r.release()
	if err != nil {
		return nil, err
	}
	admission, err := a.gate.Limits.Admit(route.Class, caller)
	if err != nil {
		return nil, err
	}
	defer admission.Leave()
	answer, err := route.Handle(r)
	a.gate.Limits.Weigh(route.Class, caller, r.moved)
	return answer, err
}

// authenticate finds out who asks, and whether they may.
func (a *Adapter[S]) authenticate(route Route[S], r *Request[S]) (limits.Caller, error) {
	caller := limits.Caller{Addr: r.Client}
	if route.Auth == Signed {
		return a.origin(r)
	}
	token := AccessToken(r.Request)
	if route.Auth == Required && token == "" {
		return caller, merr.New(http.StatusUnauthorized, "M_MISSING_TOKEN", "Missing access token")
	}
	if route.Auth == None || token == "" {
		return caller, nil
	}
	if route.Auth == Exempt {
		caller.Allowance = a.exemption(r, token)
		return caller, nil
	}
	session, err := a.auth.Authenticate(r.Context(), token, clientName(r))
	if err == nil {
		session, err = a.auth.Assert(r.Context(), session, r.URL.Query())
	}
	if err != nil {
		return caller, err
	}
	r.Session, caller.Account, caller.Allowance = session, session.Who(), session.Allowance()
	if s, ok := r.Writer.(*recorder); ok {
		s.who = caller.Account
	}
	return caller, route.admits(session.Writable)
}

// origin finds out which server asks. Whoever makes this server check signatures, and fetch keys for that, is counted first.
func (a *Adapter[S]) origin(r *Request[S]) (limits.Caller, error) {
	caller := limits.Caller{Addr: r.Client}
	admission, err := a.gate.Limits.Admit(limits.Proof, caller)
	if err != nil {
		return caller, err
	}
	defer admission.Leave()
	if err := a.gate.Origins.Expect(r.Context(), r.Request); err != nil {
		return caller, err
	}
	r.share = a.gate.Bodies.Share(limits.Prefix(r.Client).String())
	if r.body, err = r.ReadBody(); err != nil {
		return caller, err
	}
	if r.Origin, err = a.gate.Origins.Origin(r.Context(), r.Request, r.body); err != nil {
		return caller, err
	}
	caller.Account = r.Origin
	if s, ok := r.Writer.(*recorder); ok {
		s.who = r.Origin
	}
	return caller, nil
}

// exemption is the allowance of who has no limits; who sends another token, or a wrong one, is as everybody.
func (a *Adapter[S]) exemption(r *Request[S], token string) limits.Allowance {
	session, err := a.auth.Authenticate(r.Context(), token, clientName(r))
	if err != nil || !session.Allowance().Unlimited {
		return limits.Allowance{}
	}
	return session.Allowance()
}

// clientName is the client's address, for people.
func clientName[S Session](r *Request[S]) string {
	if r.Client.IsValid() {
		return r.Client.String()
	}
	return r.RemoteAddr
}

// admits asks whether the session may write, where the route does.
func (route Route[S]) admits(writable func() error) error {
	if route.Method == http.MethodGet || route.Suspended {
		return nil
	}
	return writable()
}

// AccessToken finds a request's token, for routes without authentication that look at it themselves. Source: client-server API, "Using access tokens".
func AccessToken(r *http.Request) string {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return token
	}
	return r.URL.Query().Get("access_token")
}

// fail answers with the public part of err and logs the private one. Source for Retry-After: client-server API, "Rate limiting".
func (a *Adapter[S]) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := merr.From(err)
	if e.Status >= http.StatusInternalServerError && !errors.Is(err, context.Canceled) {
		a.log.Error().Err(err).Str("method", r.Method).Str("path", r.URL.Path).Msg("request failed")
	}
	if ms, ok := e.Extra["retry_after_ms"].(int64); ok {
		w.Header().Set("Retry-After", strconv.FormatInt((ms+999)/1000, 10))
	}
	writeJSON(w, e.Status, e)
}

func respond(w http.ResponseWriter, r *http.Request, answer any) {
	switch v := answer.(type) {
	case nil:
		writeJSON(w, http.StatusOK, Raw("{}"))
	case Responder:
		v.Respond(w, r)
	case Status:
		writeJSON(w, v.Code, v.Body)
	default:
		writeJSON(w, http.StatusOK, v)
	}
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	var raw []byte
	switch v := body.(type) {
	case Raw:
		raw = v
	case Appender:
		raw = v.AppendJSON(nil)
	default:
		var text bytes.Buffer
		enc := json.NewEncoder(&text)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(body); err != nil {
			panic(err) // a value that can't be JSON is a mistake in the program: it is logged, and answered as an error
		}
		raw = text.Bytes()
	}
	w.Header().Set("Content-Type", "application/json")
	WriteWithin(w, int64(len(raw)))
	w.WriteHeader(status)
	_, _ = w.Write(raw) // the client is gone: nobody to tell
}

// ServeHTTP answers every request: with a route, or with M_UNRECOGNIZED.
func (a *Adapter[S]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := &recorder{ResponseWriter: w, status: http.StatusOK, pace: a.pace}
	start := time.Now()
	rec.begin(r)
	defer func() {
		if p := recover(); p != nil {
			a.panicked(rec, r, p)
		}
		a.log.Debug().Str("method", r.Method).Str("path", r.URL.Path).Int("status", rec.status).
			Dur("took", time.Since(start)).Str("user", rec.who).Msg("request")
	}()
	if r.Method == http.MethodOptions {
		rec.WriteHeader(http.StatusNoContent)
		return
	}
	a.route(r).ServeHTTP(rec, r)
}

func (a *Adapter[S]) panicked(w *recorder, r *http.Request, p any) {
	if p == http.ErrAbortHandler {
		panic(p)
	}
	a.log.Error().Any("panic", p).Bytes("stack", debug.Stack()).Str("method", r.Method).Str("path", r.URL.Path).Msg("handler panicked")
	if !w.wrote {
		writeJSON(w, http.StatusInternalServerError, merr.From(nil))
	}
}

// Refuse answers a request with an error, for who stands before the adapter.
func Refuse(w http.ResponseWriter, e *merr.Error) {
	setCORS(w.Header())
	writeJSON(w, e.Status, e)
}

// setCORS lets clients of any origin use the API. Source: client-server API, "Web Browser Clients".
func setCORS(h http.Header) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE, PATCH, OPTIONS")
	h.Set("Access-Control-Allow-Headers", "X-Requested-With, Content-Type, Authorization")
}

// recorder remembers what was answered, for the log.
type recorder struct {
	http.ResponseWriter
	status int
	wrote  bool
	who    string
	pace   pace
}

// begin limits how long a body may take that nobody reads (net/http reads it to its end), and takes away the limit of the
// answer before on the same connection.
func (r *recorder) begin(req *http.Request) {
	_ = http.NewResponseController(r).SetWriteDeadline(time.Time{})
	if req.ContentLength != 0 {
		readWithin(r, 0)
	}
}

// Unwrap serves http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) WriteHeader(status int) {
	if !r.wrote {
		r.status, r.wrote = status, true
		setCORS(r.Header()) // not before: who waits long need not hold them
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if !r.wrote {
		r.WriteHeader(http.StatusOK)
	}
	return r.ResponseWriter.Write(b)
}
