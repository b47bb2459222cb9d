package server_test

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"beffroi/server/accounts"
	"beffroi/server/clientapi"
	"beffroi/server/fedapi"
	"beffroi/server/httpx"
	"beffroi/server/servertest"
	"beffroi/server/specschema"
)

const (
	served       = "served"
	notYet       = "not yet"
	tableColumns = "\n| operation | chapter | answer | succeeds in | refused in |\n|---|---|---|---|---|\n"
	tableWords   = `An answer is "served", "not yet" (404 M_UNRECOGNIZED, as everything that is not routed), or, of what stays out by decision, the status, the errcode and why:
this one is written by hand. Of the tests, at most four are named: those that call the fewest other operations first. Those that walk over all operations are
named where nobody else is refused.
`
)

// A sheet is the table of one API.
type sheet struct {
	api, file, head string
	operations      int // that the specification has
	routes          []httpx.Route[*accounts.Session]
}

func clientSheet() sheet {
	return sheet{"client-server", "specschema/operations.md", `# The operations of the client-server API and the tests that call them

Written by tests: ` + "`BEFFROI_OPERATIONS=DIR go test -count=1 ./server ./server/clientapi` and then `BEFFROI_OPERATIONS=DIR go test ./server -run 'TestTableOfOperations$' -update`" + `,
DIR being an empty folder. TestTableOfOperations holds it against the specification and our routes, TestOperationsThatStayOut against a server.
` + tableWords, 157, (&clientapi.API{}).Routes()}
}

func serverSheet() sheet {
	return sheet{"server-server", "specschema/serveroperations.md", `# The operations of the server-server API and the tests that call them

Written by tests: ` + "`BEFFROI_OPERATIONS=DIR go test -count=1 ./server` and then `BEFFROI_OPERATIONS=DIR go test ./server -run TestTableOfServerOperations -update`" + `,
DIR being an empty folder. TestTableOfServerOperations holds it against the specification and our routes, TestServerOperationsThatStayOut against a server.
Calls between two servers of a test count, too: servertest holds all answers of servers against the specification.
` + tableWords, 36, slices.Concat((&fedapi.API{}).Routes(), fedapi.OpenID{}.Routes())}
}

// A tableRow is an operation of the specification, or (without a chapter) a route of ours that none of the current ones has.
type tableRow struct{ operation, chapter, answer, succeeds, refused string }

// table is read by operation and chapter, since two chapters may describe the same operation.
type table map[[2]string]tableRow

func (sh *sheet) read(t *testing.T) table {
	t.Helper()
	text, err := os.ReadFile(sh.file)
	if err != nil {
		t.Fatal(err)
	}
	rows := table{}
	for line := range strings.Lines(string(text)) {
		cell := strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "| "), " |\n"), " | ")
		if len(cell) == 5 && strings.HasPrefix(cell[0], "`") {
			r := tableRow{strings.Trim(cell[0], "`"), cell[1], cell[2], cell[3], cell[4]}
			if _, twice := rows[[2]string{r.operation, r.chapter}]; twice {
				t.Errorf("%s stands there twice", r.operation)
			}
			rows[[2]string{r.operation, r.chapter}] = r
		}
	}
	return rows
}

func (sh *sheet) write(t *testing.T, rows table) {
	t.Helper()
	text := sh.head
	for _, beside := range []bool{false, true} {
		text += map[bool]string{false: "\n## In the specification\n", true: "\n## Deprecated, unstable or our own\n"}[beside] + tableColumns
		for _, key := range slices.SortedFunc(maps.Keys(rows), func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[1], b[1]), cmp.Compare(a[0], b[0])) }) {
			if r := rows[key]; (r.chapter == "") == beside {
				text += fmt.Sprintf("| `%s` | %s | %s | %s | %s |\n", r.operation, r.chapter, r.answer, r.succeeds, r.refused)
			}
		}
	}
	if err := os.WriteFile(sh.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// catalogue tells what there is: the current operations of the specification, and the routes of ours.
type catalogue struct {
	spec   *specschema.Spec
	wanted map[[2]string]*specschema.Operation
	routed map[string]bool // by operation, as the table has them
	mux    *http.ServeMux
}

func newCatalogue(spec *specschema.Spec, sh sheet) *catalogue {
	c := &catalogue{spec, map[[2]string]*specschema.Operation{}, map[string]bool{}, http.NewServeMux()}
	for _, op := range spec.Ops {
		if op.API == sh.api && !op.Old {
			c.wanted[[2]string{op.Method + " " + op.Path, strings.TrimSuffix(op.File, ".yaml") + ": " + op.Title}] = op
		}
	}
	for _, r := range sh.routes {
		c.mux.Handle(r.Method+" "+r.Path, http.NotFoundHandler())
		c.routed[c.operation(r.Method, r.Path)] = true
	}
	return c
}

// operation names that of a request or of a route, "" where there is none. The paths of before v1.1 are those of now.
func (c *catalogue) operation(method, path string) string {
	path = strings.TrimSuffix(strings.Replace(path, "/r0/", "/v3/", 1), "{$}")
	if op := c.spec.Find(method, path); op != nil {
		return method + " " + op.Path
	}
	_, pattern := c.mux.Handler(httptest.NewRequest(method, path, nil))
	return pattern
}

// rows are those that the table must have, without their tests.
func (c *catalogue) rows() table {
	rows, current := table{}, map[string]bool{}
	for key := range c.wanted {
		current[key[0]] = true
		rows[key] = tableRow{operation: key[0], chapter: key[1], answer: notYet}
		if c.routed[key[0]] {
			rows[key] = tableRow{operation: key[0], chapter: key[1], answer: served}
		}
	}
	for operation := range c.routed {
		if !current[operation] {
			rows[[2]string{operation, ""}] = tableRow{operation: operation, answer: served}
		}
	}
	return rows
}

// renew fills the rows with the tests that were noted, and keeps what was written by hand.
func (c *catalogue) renew(t *testing.T, folder string, before table) table {
	t.Helper()
	calls, err := specschema.Calls(folder)
	if err != nil || len(calls) == 0 {
		t.Fatalf("%d calls are noted in %q: %v", len(calls), folder, err)
	}
	uses, breadth := map[string]map[string][]int{}, map[string]map[string]bool{}
	for _, call := range calls {
		operation := c.operation(call.Method, call.Path)
		if uses[operation] == nil {
			uses[operation] = map[string][]int{}
		}
		if breadth[call.Test] == nil {
			breadth[call.Test] = map[string]bool{}
		}
		uses[operation][call.Test] = append(uses[operation][call.Test], call.Status)
		breadth[call.Test][operation] = true
	}
	rows := c.rows()
	for key, r := range rows {
		if by := before[key].answer; by != "" && by != served && by != notYet {
			r.answer = by
		}
		r.succeeds, r.refused = cells(uses[r.operation], breadth)
		rows[key] = r
	}
	return rows
}

const (
	namedTests = 4
	walk       = 60 // who calls more operations calls them for the sake of all
)

// cells names tests that an operation answers, and those that it refuses, with the statuses.
func cells(tests map[string][]int, breadth map[string]map[string]bool) (succeeds, refused string) {
	var good, bad []string
	for _, test := range slices.SortedFunc(maps.Keys(tests), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(breadth[a]), len(breadth[b])), cmp.Compare(a, b))
	}) {
		statuses := slices.Compact(slices.Sorted(slices.Values(tests[test])))
		failures := slices.DeleteFunc(slices.Clone(statuses), func(s int) bool { return s < 400 })
		walks := len(breadth[test]) > walk
		if len(failures) < len(statuses) && len(good) < namedTests && !walks {
			good = append(good, test)
		}
		if len(failures) > 0 && len(bad) < namedTests && (!walks || len(bad) == 0) {
			bad = append(bad, test+" "+strings.Trim(fmt.Sprint(failures), "[]"))
		}
	}
	return strings.Join(good, ", "), strings.Join(bad, ", ")
}

// testNames reads which tests there are, named as specschema.Call does.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	names, function := map[string]bool{}, regexp.MustCompile(`(?m)^func ((?:Test|Benchmark)\w+)\(`)
	for _, pattern := range []string{"*_test.go", "*/*_test.go", "*/*/*_test.go"} {
		files, err := filepath.Glob(filepath.Join(here, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, found := range function.FindAllSubmatch(text, -1) {
				names[filepath.Base(filepath.Dir(file))+"."+string(found[1])] = true
			}
		}
	}
	return names
}

var update = flag.Bool("update", false, "write the golden files anew")

// The tables list what the specification has and what we route, neither less nor more, and tests that are there.
func TestTableOfOperations(t *testing.T) { clientSheet().check(t) }

func TestTableOfServerOperations(t *testing.T) { serverSheet().check(t) }

func (sh sheet) check(t *testing.T) {
	spec := specschema.Open(t)
	if spec == nil {
		t.Skip("the specification is not here")
	}
	c, rows := newCatalogue(spec, sh), sh.read(t)
	if *update {
		rows = c.renew(t, os.Getenv(specschema.CallsVariable), rows)
		sh.write(t, rows)
	}
	if len(c.wanted) != sh.operations {
		t.Errorf("the specification has %d operations", len(c.wanted))
	}
	names, want := testNames(t), c.rows()
	for key := range rows {
		if _, ok := want[key]; !ok {
			t.Errorf("%s: neither the specification nor a route has it", key)
		}
	}
	for key, w := range want {
		got, ok := rows[key]
		switch decided := got.answer != served && got.answer != notYet; {
		case !ok:
			t.Errorf("%s: not in the table", key)
		case !decided && got.answer != w.answer:
			t.Errorf("%s: %s, but the routes say %s", key, got.answer, w.answer)
		case got.answer == served && got.succeeds == "":
			t.Errorf("%s: no test calls it with success", key)
		case got.answer == served && got.refused == "" && refuses(c.wanted[key]):
			t.Errorf("%s: no test is refused", key)
		}
		for _, test := range strings.Split(got.succeeds+", "+got.refused, ", ") {
			if name, _, _ := strings.Cut(test, " "); name != "" && !names[name] {
				t.Errorf("%s: there is no test %s", key, name)
			}
		}
	}
}

// refuses tells whether there is something that an operation can refuse.
func refuses(op *specschema.Operation) bool {
	return op != nil && (op.Auth == "access token" || op.Auth == "server signature" || op.Body != nil || strings.Contains(op.Path, "{"))
}

// What stays out by decision answers as the table says.
func TestOperationsThatStayOut(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	room := alice.CreateRoom(object{})
	out := clientSheet().stayOut(t, func(op *specschema.Operation) (int, []byte) {
		var body any
		if op.Body != nil {
			body = object{"medium": "email", "address": "bob@mairie.test", "id_server": "id.mairie.test", "id_access_token": "x"}
		}
		return alice.Raw(op.Method, servertest.Sample(op.Path, room, alice), body)
	})
	if out < 11 {
		t.Errorf("%d operations stay out", out)
	}
}

func TestServerOperationsThatStayOut(t *testing.T) {
	n := servertest.NewNetwork(t)
	s, p := n.Start(""), n.Peer()
	alice := s.Register(t, "alice")
	out := serverSheet().stayOut(t, func(op *specschema.Operation) (int, []byte) {
		var body any
		if op.Body != nil {
			body = object{}
		}
		return p.Do(s, op.Method, servertest.Sample(op.Path, "!r:"+s.ServerName, alice), body)
	})
	if out != 2 {
		t.Errorf("%d operations stay out", out)
	}
}

// stayOut asks for what the table says stays out, and counts it.
func (sh sheet) stayOut(t *testing.T, ask func(op *specschema.Operation) (int, []byte)) (out int) {
	t.Helper()
	spec := specschema.Open(t)
	if spec == nil {
		t.Skip("the specification is not here")
	}
	wanted := newCatalogue(spec, sh).wanted
	for key, r := range sh.read(t) {
		answer, _, decided := strings.Cut(r.answer, ": ")
		op := wanted[key]
		if !decided || op == nil {
			continue
		}
		out++
		status, got := ask(op)
		if want := strings.Fields(answer); fmt.Sprint(status) != want[0] || !strings.Contains(string(got), `"`+want[1]+`"`) {
			t.Errorf("%s: %d %s, want %s", r.operation, status, got, answer)
		}
	}
	return out
}

func TestThereIsNoOtherNetwork(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	var protocols object
	if alice.Must("GET", clientV3+"/thirdparty/protocols", nil, &protocols); len(protocols) != 0 {
		t.Errorf("%v", protocols)
	}
	s.Anonymous(t).MustFail(401, "M_MISSING_TOKEN", "GET", clientV3+"/thirdparty/protocols", nil)
}
