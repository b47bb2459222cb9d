// Package specschema holds what the server answers against the OpenAPI files and event schemas of the Matrix specification.
// It is for tests. It reads ../shared/spec/spec.json, next to the checkout; where that is missing, nothing is checked.
package specschema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// Spec is the specification's description of its operations and events.
type Spec struct {
	Ops     []*Operation       `json:"ops"`
	Schemas map[string]*schema `json:"schemas"`
	Events  map[string]string  `json:"events"`

	// of the answers that an operation does not list: refusals, and those that ask for user-interactive authentication
	failure, interactive *schema

	calls string // the folder that calls are noted in; "" for none
}

// Operation is one line of the specification's tables: a method on a path, with schemas by status and content type.
type Operation struct {
	Method    string                        `json:"method"`
	Path      string                        `json:"path"`
	API       string                        `json:"api"`
	File      string                        `json:"file"` // the chapter that it stands in
	Title     string                        `json:"title"`
	Old       bool                          `json:"deprecated"`
	Auth      string                        `json:"auth"`
	Body      *requestBody                  `json:"body"` // nil: none
	Responses map[string]map[string]*schema `json:"responses"`
	parts     []string
}

// requestBody is what requests of an operation carry, by content type.
type requestBody struct {
	Content map[string]*schema `json:"content"`
}

// CheckBody says what is wrong with the JSON body of a request that this server sends to others; nothing where all is right.
func (s *Spec) CheckBody(method, path string, body []byte) []string {
	op := s.Find(method, path)
	if op == nil || op.Body == nil || op.Body.Content["application/json"] == nil {
		return []string{"the specification has no such request with a body"}
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return []string{err.Error()}
	}
	j := judge{schemas: s.Schemas}
	j.check(op.Body.Content["application/json"], value, "")
	return j.faults
}

// Open reads the specification. Where it is missing, it says so in the test's log and gives nil.
func Open(t testing.TB) *Spec {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	file := filepath.Join(filepath.Dir(here), "..", "..", "..", "shared", "spec", "spec.json")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Log("answers are not held against the specification:", err)
		return nil
	}
	spec := &Spec{calls: os.Getenv(CallsVariable)}
	if err := json.Unmarshal(b, spec); err != nil {
		t.Fatal(file, err)
	}
	for _, op := range spec.Ops {
		op.parts = strings.Split(op.Path, "/")
	}
	spec.failure = spec.Schemas["api/client-server/definitions/errors/error.yaml"]
	spec.withoutOrigin()
	spec.interactive = spec.Schemas["api/client-server/definitions/auth_response.yaml"]
	return spec
}

// withoutOrigin corrects the schema of invitations: events have had no `origin` for years, the room versions' event formats have none, and who signs one must not add it.
func (s *Spec) withoutOrigin() {
	for _, part := range s.Schemas["api/server-server/definitions/invite_event.yaml"].AllOf {
		part.Required = slices.DeleteFunc(part.Required, func(name string) bool { return name == "origin" })
	}
}

// Find gives the operation of a request, nil where the specification has none. A path is as it was sent, with escapes.
func (s *Spec) Find(method, path string) *Operation {
	parts := strings.Split(path, "/")
	if n := len(parts); n == 8 && parts[6] == "state" { // the state key and the slash before it may be left out where it is empty
		parts = append(parts, "")
	}
	var best *Operation
	literal := -1
	for _, op := range s.Ops {
		if n := op.fit(parts); op.Method == method && n > literal {
			best, literal = op, n
		}
	}
	return best
}

// fit counts the parts of a path that are literally the operation's; -1 where the path is another's.
func (op *Operation) fit(parts []string) (n int) {
	if len(parts) != len(op.parts) {
		return -1
	}
	for i, part := range op.parts {
		switch {
		case part == parts[i]:
			n++
		case !strings.HasPrefix(part, "{"):
			return -1
		}
	}
	return n
}

// Check says what is wrong with an answer to a request; nothing where all is right.
func (s *Spec) Check(method, path string, status int, header http.Header, body []byte) []string {
	var faults []string
	if header.Get("Access-Control-Allow-Origin") != "*" {
		faults = append(faults, "no CORS header")
	}
	op := s.Find(method, path)
	if op == nil && status < 300 {
		return faults // not the specification's
	}
	contentType, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	if op != nil && status < 400 && !op.json(status) {
		return faults // a file
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil || contentType != "application/json" {
		return append(faults, fmt.Sprintf("%d with %s %.100q: %v", status, contentType, body, err))
	}
	j := judge{schemas: s.Schemas, faults: faults}
	s.answer(&j, op, status, value)
	return j.faults
}

// json tells whether an answer is JSON: so is one that the operation does not list.
func (op *Operation) json(status int) bool {
	listed, ok := op.Responses[fmt.Sprint(status)]
	return !ok || listed["application/json"] != nil
}

func (s *Spec) answer(j *judge, op *Operation, status int, value any) {
	object, _ := value.(map[string]any)
	_, isFailure := object["errcode"]
	_, interactive := object["flows"]
	var listed *schema
	if op != nil {
		listed = op.Responses[fmt.Sprint(status)]["application/json"]
	}
	if listed == nil && interactive {
		listed = s.interactive
	}
	switch {
	case listed != nil && (!isFailure || interactive || status < 400 || status == http.StatusTooManyRequests):
		j.check(listed, value, "")
	case status >= 400:
		j.check(s.failure, value, "")
		if text, _ := object["error"].(string); text == "" {
			j.fault(".error", "a refusal says why")
		}
	default:
		j.fault("", "the specification lists no %d", status)
	}
	s.events(j, value, "")
}

// made tells the types of events whose content the server makes or checks, so that it must be as the specification has it.
func made(eventType string) bool {
	switch eventType {
	case "m.typing", "m.receipt", "m.push_rules", "m.fully_read", "m.tag", "m.room.create", "m.room.member":
		return true
	}
	return false
}

// events judges the events within an answer.
func (s *Spec) events(j *judge, value any, path string) {
	switch v := value.(type) {
	case []any:
		for i, item := range v {
			s.events(j, item, fmt.Sprintf("%s[%d]", path, i))
		}
	case map[string]any:
		eventType, _ := v["type"].(string)
		content, _ := v["content"].(map[string]any)
		unsigned, _ := v["unsigned"].(map[string]any)
		if known := s.Schemas[s.Events[eventType]]; content != nil && known != nil && made(eventType) && unsigned["redacted_because"] == nil {
			j.check(known.Properties["content"], content, path+".content")
		}
		for name, inner := range v {
			if name != "content" {
				s.events(j, inner, path+"."+name)
			}
		}
	}
}

// Transport checks every answer that passes through it and reports faults to the test. It is base itself where s is nil.
func (s *Spec) Transport(t testing.TB, base http.RoundTripper) http.RoundTripper {
	if s == nil {
		return base
	}
	return &transport{base, s, t}
}

type transport struct {
	http.RoundTripper
	spec *Spec
	t    testing.TB
}

func (c *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.RoundTripper.RoundTrip(req)
	if err != nil || req.URL.Query().Has("org.matrix.msc4140.delay") { // which has an answer of its own
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	if closed := resp.Body.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	c.spec.note(c.t, req, resp.StatusCode)
	for _, fault := range c.spec.Check(req.Method, req.URL.EscapedPath(), resp.StatusCode, resp.Header, body) {
		c.t.Errorf("%s %s: %d: %s\n%.300s", req.Method, req.URL.EscapedPath(), resp.StatusCode, fault, body)
	}
	return resp, nil
}

// CloseIdleConnections serves http.Client.
func (c *transport) CloseIdleConnections() {
	if base, ok := c.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}
