package selftest

import (
	"context"
	"net/http"
	"regexp"
	"strings"

	"beffroi/server/pdu"
)

// endpoints calls every operation without a signature. That changes nothing: a signed one is refused, with 401 and the code of the specification, by a server that has it and to which
// nothing on the way keeps the request from. What else answers (a web server's page, a gateway) is what stands in the way.
func (r *run) endpoints(ctx context.Context) {
	var missing []string
	tried := 0
	for _, e := range r.Endpoints {
		if !e.Signed {
			continue
		}
		tried++
		var body []byte
		if e.Method != http.MethodGet {
			body = []byte("{}")
		}
		a, err := r.ask(ctx, e.Method, r.path(e), body, false)
		if ctx.Err() != nil {
			r.add(Odd, "endpoints_time", nil)
			return
		}
		if err != nil || !refuses(a) {
			missing = append(missing, e.Method+" "+e.Path)
		}
	}
	if len(missing) > 0 {
		r.add(Odd, "endpoints_missing", map[string]any{"Missing": strings.Join(missing, ", ")})
		return
	}
	r.add(Good, "endpoints", map[string]any{"Count": tried})
}

// refuses tells whether an answer is that of a Matrix server to a request that nobody signed.
func refuses(a answer) bool {
	o, err := pdu.ParseObject(a.body)
	code, coded := o.Text("errcode")
	return err == nil && coded && code != "M_UNRECOGNIZED" && (a.StatusCode == http.StatusUnauthorized || a.StatusCode == http.StatusForbidden)
}

// path fills an endpoint's parameters with what no server has.
func (r *run) path(e Endpoint) string {
	return regexp.MustCompile(`\{\w+\}`).ReplaceAllStringFunc(e.Path, func(name string) string {
		switch name {
		case "{roomId}":
			return "!raccordement:" + r.server
		case "{eventId}":
			return "$raccordement"
		case "{userId}":
			return "@raccordement:" + r.server
		}
		return "raccordement"
	})
}

// admission asks a question with our signature, which a server answers that speaks with us: it has to know our keys for it.
func (r *run) admission(ctx context.Context) {
	a, err := r.ask(ctx, "GET", "/_matrix/federation/v1/query/profile?user_id=%40raccordement%3A"+r.server, nil, true)
	data := map[string]any{"Own": r.Name}
	switch {
	case err != nil:
		data["Error"] = err.Error()
		r.add(Bad, "unreachable", data)
	case a.StatusCode == http.StatusOK || a.StatusCode == http.StatusNotFound:
		r.add(Good, "admitted", data)
	case a.StatusCode == http.StatusUnauthorized:
		r.add(Bad, "unverified", data)
	case a.StatusCode == http.StatusForbidden:
		r.add(Bad, "refused", data)
	default:
		data["Status"] = a.StatusCode
		r.add(Odd, "admission_unclear", data)
	}
}
