//go:build interop

package federation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"beffroi/server/specschema"
)

// An exchange is a request of one server to another, with the status of its answer.
type exchange struct {
	from, to     string // server names; from is empty where the request is not signed
	method, path string
	status       int
	body         []byte
	refused      []string // why events of a transaction were refused
}

// hear reads what became of a transaction's events.
func (e *exchange) hear(resp *http.Response) error {
	if !strings.Contains(e.path, "/federation/v1/send/") || e.status != http.StatusOK {
		return nil
	}
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	resp.Body = io.NopCloser(bytes.NewReader(answer))
	var outcome struct {
		PDUs map[string]struct{ Error string }
	}
	if err := json.Unmarshal(answer, &outcome); err != nil {
		return err
	}
	for _, o := range outcome.PDUs {
		if o.Error != "" {
			e.refused = append(e.refused, "  refused: "+o.Error)
		}
	}
	return nil
}

// origin is the server that says that it has signed a request.
func origin(req *http.Request) string {
	if m := regexp.MustCompile(`origin="?([^",]+)`).FindStringSubmatch(req.Header.Get("Authorization")); m != nil {
		return m[1]
	}
	return ""
}

// An account of what was exchanged, since it was last told.
type account struct {
	t     testing.TB
	spec  *specschema.Spec
	names map[string]*Node // by server name

	mu   sync.Mutex
	seen map[string]int
}

func newAccount(t testing.TB) *account {
	return &account{t: t, spec: specschema.Open(t), names: map[string]*Node{}, seen: map[string]int{}}
}

// watch counts an exchange, and reports what no server deserves of ours: a request or an answer that the specification does not have.
func (a *account) watch(e exchange) {
	from, to := a.names[e.from], a.names[e.to]
	if to != nil && to.ours && (e.status >= 500 || e.status == http.StatusMethodNotAllowed) {
		a.t.Errorf("%s %s of %s: %d from %s\n%.500s", e.method, e.path, e.from, e.status, label(to), e.body)
	}
	if from != nil && from.ours && e.status == http.StatusBadRequest {
		a.t.Errorf("%s %s of %s: %d from %s\n%.2000s", e.method, e.path, label(from), e.status, label(to), e.body)
	}
	if from != nil && from.ours && a.spec != nil && len(e.body) > 0 {
		for _, fault := range a.spec.CheckBody(e.method, e.path, e.body) {
			if fault == "$: origin is missing" { // which no room version's format of events has
				continue
			}
			a.t.Errorf("%s %s of %s: %s\n%.2000s", e.method, e.path, label(from), fault, e.body)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, what := range e.contents() {
		a.seen[fmt.Sprintf("%-8s → %-8s %s", label(from), label(to), what)]++
	}
}

func label(n *Node) string {
	if n == nil {
		return "anybody"
	}
	return n.Label
}

// tell prints what was exchanged and begins anew.
func (a *account) tell(t *testing.T) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var text strings.Builder
	for _, what := range slices.Sorted(maps.Keys(a.seen)) {
		_, _ = fmt.Fprintf(&text, "\n  %5d × %s", a.seen[what], what)
	}
	clear(a.seen)
	t.Log("exchanged:", text.String())
}

// contents names an exchange: its operation and status, and what a transaction carries.
func (e exchange) contents() []string {
	parts := strings.Split(e.path, "/")
	operation := strings.Join(parts[2:min(len(parts), 6)], "/")
	if strings.HasPrefix(operation, "federation/") {
		operation = strings.Join(parts[4:min(len(parts), 5)], "/")
		if slices.Contains([]string{"query", "user", "media", "openid"}, operation) {
			operation = strings.Join(parts[4:min(len(parts), 6)], "/")
		}
	}
	all := append(e.refused, fmt.Sprintf("%s %s %d", e.method, operation, e.status))
	if operation != "send" {
		return all
	}
	var transaction struct {
		PDUs []struct{ Type string } `json:"pdus"`
		EDUs []struct {
			Type string `json:"edu_type"`
		} `json:"edus"`
	}
	if err := json.Unmarshal(e.body, &transaction); err != nil {
		return append(all, err.Error())
	}
	for _, p := range transaction.PDUs {
		all = append(all, "  "+p.Type)
	}
	for _, edu := range transaction.EDUs {
		all = append(all, "  EDU "+edu.Type)
	}
	return all
}
