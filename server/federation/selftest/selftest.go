// Package selftest asks a server, this one or a partner's, as any server of the network would, and says what is wrong and what to do.
package selftest

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"beffroi/server/dial"
	"beffroi/server/federation/discovery"
	"beffroi/server/federation/remote"
	"beffroi/server/keys"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// Endpoint is an operation of the server-server API.
type Endpoint struct {
	Method, Path string // the path with its {parameters}
	Signed       bool
}

// Tester tests servers. Each test looks for the server anew: what was repaired a moment ago counts.
type Tester struct {
	Own       *keys.Own
	Name      string                   // of this server
	Rule      dial.Rule                // where connections may go
	Admits    func(server string) bool // whether this server speaks with another one
	Endpoints []Endpoint               // those that a whole server answers
	Now       func() time.Time
}

// Verdict is how a step went.
type Verdict string

// The verdicts. After a Bad one that stands in the way of the rest, the rest is not tried.
const (
	Good Verdict = "good"
	Odd  Verdict = "odd" // it works, but something needs care
	Bad  Verdict = "bad"
)

// Finding is what a step found. Its words are those of the message Key, of Key + "_do" where something is to be done.
type Finding struct {
	Verdict Verdict
	Key     string
	Data    map[string]any
}

const (
	// stepTime is how long one request may take, testTime a whole test.
	stepTime, testTime = 15 * time.Second, 2 * time.Minute
	// maxAnswer is how much of an answer is read.
	maxAnswer = 64 << 10
	// soon is how long before its end a certificate is told of; drift is by how much a clock may differ.
	soon, drift = 14 * 24 * time.Hour, time.Minute
)

// run is one test.
type run struct {
	*Tester
	server   string
	finder   *discovery.Resolver
	asker    *remote.Client
	findings []Finding
}

func (t *Tester) start(server string) *run {
	wellKnown := t.Rule.Client(dial.Limits{Total: stepTime, Connect: stepTime / 2, Redirects: 5})
	r := &run{Tester: t, server: server, finder: discovery.New(discovery.Config{Client: wellKnown, Resolver: t.Rule.Resolver, Now: t.Now})}
	admits := func(other string) bool { return other == t.Name || t.Admits(other) }
	r.asker = remote.New(remote.Config{Own: t.Own, Discovery: r.finder, Rule: t.Rule, Admits: admits, Now: t.Now})
	return r
}

func (r *run) add(v Verdict, key string, data map[string]any) {
	if data == nil {
		data = map[string]any{}
	}
	data["Server"] = r.server
	r.findings = append(r.findings, Finding{v, key, data})
}

// Test asks a server. It takes two minutes at most.
func (t *Tester) Test(ctx context.Context, server string) []Finding {
	ctx, cancel := context.WithTimeout(ctx, testTime)
	defer cancel()
	r := t.start(server)
	defer r.asker.Close()
	switch {
	case !pdu.ValidServerName(server):
		r.add(Bad, "name", nil)
	case server != t.Name && !t.Admits(server):
		r.add(Bad, "policy", nil)
	case r.place(ctx) && r.version(ctx) && r.keys(ctx):
		r.endpoints(ctx)
		if server != t.Name {
			r.admission(ctx)
		}
	}
	return r.findings
}

// place finds where the server is.
func (r *run) place(ctx context.Context) bool {
	route, err := r.finder.Route(ctx, r.server)
	if err != nil {
		r.add(Bad, "place", map[string]any{"Error": err.Error()})
		return false
	}
	r.add(Good, "place_found", map[string]any{"Addresses": strings.Join(route.Addresses, ", "), "Name": route.TLSName})
	return true
}

// answer is what a server said.
type answer struct {
	*http.Response
	body []byte
}

func (r *run) ask(ctx context.Context, method, uri string, body []byte, signed bool) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	resp, err := r.asker.Try(ctx, method, r.server, uri, body, signed)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	b, err := dial.ReadAll(resp.Body, maxAnswer)
	return answer{resp, b}, err
}

// version asks for something that every server says to everybody: can it be reached, by whose certificate, at which time.
func (r *run) version(ctx context.Context) bool {
	a, err := r.ask(ctx, "GET", "/_matrix/federation/v1/version", nil, false)
	if err != nil {
		r.unreachable(err)
		return false
	}
	r.certificate(a)
	r.clock(a)
	o, err := pdu.ParseObject(a.body)
	name, named := o.Object("server").Text("name")
	if a.StatusCode != http.StatusOK || err != nil || !named {
		r.add(Bad, "no_matrix", map[string]any{"Status": a.StatusCode})
		return false
	}
	v, _ := o.Object("server").Text("version")
	r.add(Good, "version", map[string]any{"Name": name, "Version": v})
	return true
}

func (r *run) unreachable(err error) {
	var (
		wrongName x509.HostnameError
		unknown   x509.UnknownAuthorityError
		invalid   x509.CertificateInvalidError
	)
	data := map[string]any{"Error": err.Error()}
	switch {
	case errors.As(err, &wrongName):
		r.add(Bad, "certificate_name", data)
	case errors.As(err, &unknown):
		r.add(Bad, "certificate_authority", data)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		r.add(Bad, "certificate_expired", data)
	default:
		r.add(Bad, "unreachable", data)
	}
}

func (r *run) certificate(a answer) {
	if a.TLS == nil || len(a.TLS.PeerCertificates) == 0 {
		return
	}
	end := a.TLS.PeerCertificates[0].NotAfter
	data := map[string]any{"Day": end.Format(time.DateOnly), "Days": int(end.Sub(r.Now()).Hours() / 24)}
	if end.Sub(r.Now()) < soon {
		r.add(Odd, "certificate_soon", data)
		return
	}
	r.add(Good, "certificate", data)
}

func (r *run) clock(a answer) {
	at, err := http.ParseTime(a.Header.Get("Date"))
	if err != nil {
		return // not every server says it
	}
	if off := at.Sub(r.Now()); off.Abs() > drift {
		r.add(Odd, "clock", map[string]any{"Seconds": int(off.Abs().Seconds())})
	}
}

// keys checks what the server says of its keys; here, that it is really this server which answers.
func (r *run) keys(ctx context.Context) bool {
	a, err := r.ask(ctx, "GET", "/_matrix/key/v2/server", nil, false)
	if err != nil || a.StatusCode != http.StatusOK {
		r.add(Bad, "keys_missing", map[string]any{"Status": statusOf(a)})
		return false
	}
	found, err := keys.Check(a.body, r.server, r.Now())
	if err != nil {
		r.add(Bad, "keys_wrong", map[string]any{"Error": err.Error()})
		return false
	}
	inUse := slices.DeleteFunc(found, func(k store.ServerKey) bool { return k.Retired })
	if inUse[0].Until < store.Millis(r.Now()) {
		r.add(Bad, "keys_past", nil)
		return false
	}
	if r.server == r.Name && !r.ours(inUse) {
		r.add(Bad, "keys_foreign", nil)
		return false
	}
	r.add(Good, "keys", map[string]any{"Keys": strings.Join(ids(inUse), ", ")})
	return true
}

func ids(all []store.ServerKey) (ids []string) {
	for _, k := range all {
		ids = append(ids, k.ID)
	}
	return ids
}

// ours tells whether it is this server that answers.
func (r *run) ours(found []store.ServerKey) bool {
	return slices.Contains(ids(found), r.Own.Signer().KeyID)
}

func statusOf(a answer) int {
	if a.Response == nil {
		return 0
	}
	return a.StatusCode
}
