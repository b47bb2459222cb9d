package pdu

import (
	"bytes"
	"crypto/ed25519"
	"go/ast"
	goparser "go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// mautrixDir is where the module cache has mautrix-go, whose tests hold events
// of real rooms, and the keys of their servers.
func mautrixDir(t testing.TB) string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "maunium.net/go/mautrix").Output()
	if err != nil || len(bytes.TrimSpace(dir)) == 0 {
		t.Skipf("module maunium.net/go/mautrix is not in the module cache: %v", err)
	}
	return strings.TrimSpace(string(dir))
}

// realEvent is a testPDU of mautrix's tests.
type realEvent struct{ name, pdu, id, version, redacted string }

// realKeys are the keys of real servers, by server name and key id.
type realKeys map[string]map[string]ed25519.PublicKey

func (k realKeys) find(server, keyID string) (ed25519.PublicKey, bool) {
	key, ok := k[server][keyID]
	return key, ok
}

// realEvents reads the literals of mautrix's tests.
func realEvents(t testing.TB) (events []realEvent, keys realKeys) {
	t.Helper()
	keys = realKeys{}
	for _, name := range []string{"pdu_test.go", "v1_test.go"} {
		file, err := goparser.ParseFile(token.NewFileSet(), filepath.Join(mautrixDir(t), "federation/pdu", name), nil, 0)
		if err != nil {
			t.Skipf("mautrix without its test events: %v", err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			literal, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			m := literalFields(literal)
			if m["pdu"] != "" {
				events = append(events, realEvent{m["name"], m["pdu"], m["eventID"], strings.TrimPrefix(m["roomVersion"], "RoomV"), m["redacted"]})
			}
			if server := m["serverName"]; server != "" {
				keys[server] = realKeysIn(t, literal)
			}
			return true
		})
	}
	return events, keys
}

// literalFields are the fields of a literal that are strings or names.
func literalFields(literal *ast.CompositeLit) map[string]string {
	m := map[string]string{}
	for _, e := range literal.Elts {
		pair, ok := e.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		name := ""
		switch key := pair.Key.(type) {
		case *ast.Ident:
			name = key.Name
		case *ast.BasicLit:
			name, _ = strconv.Unquote(key.Value)
		}
		switch value := pair.Value.(type) {
		case *ast.BasicLit:
			m[name], _ = strconv.Unquote(value.Value)
		case *ast.SelectorExpr:
			m[name] = value.Sel.Name
		case *ast.Ident:
			m[name] = value.Name
		}
	}
	return m
}

func realKeysIn(t testing.TB, server *ast.CompositeLit) map[string]ed25519.PublicKey {
	keys := map[string]ed25519.PublicKey{}
	ast.Inspect(server, func(n ast.Node) bool {
		pair, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		id, ok := pair.Key.(*ast.BasicLit)
		literal, isLiteral := pair.Value.(*ast.CompositeLit)
		if !ok || !isLiteral {
			return true
		}
		keyID, _ := strconv.Unquote(id.Value)
		key, err := DecodeBase64(literalFields(literal)["key"])
		if err != nil {
			t.Fatal(err)
		}
		keys[keyID] = key
		return true
	})
	return keys
}

// Events of real rooms of versions 1 to 12: id, signature and hash hold.
func TestRealEvents(t *testing.T) {
	events, keys := realEvents(t)
	versions := map[string]int{}
	for _, real := range events {
		rc, err := Receive(rulesOf(t, real.version), []byte(real.pdu))
		if err != nil {
			t.Errorf("%s: %v", real.name, err)
			continue
		}
		e, err := rc.Verify(keys.find)
		if err != nil || e.ID() != real.id || e.RedactedOnArrival() != (real.redacted == "true") {
			t.Errorf("%s: %v, redacted %v, id %s", real.name, err, e != nil && e.RedactedOnArrival(), rc.ID())
		}
		versions[real.version]++
	}
	if len(events) < 14 || versions["1"] < 3 || versions["4"] < 3 || versions["10"] < 3 {
		t.Errorf("%d real events, by version %v", len(events), versions)
	}
	t.Logf("%d real events, by version %v", len(events), versions)
}
