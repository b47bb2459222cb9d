package journal

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"
)

// Every act has words, and no words are for nothing.
func TestEveryActHasWords(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "acts.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	acts := map[Act]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if lit, ok := spec.Values[0].(*ast.BasicLit); ok {
			text, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			acts[Act(text)] = true
		}
		return true
	})
	if len(acts) < 30 || len(acts) != len(french) {
		t.Errorf("%d acts, %d words", len(acts), len(french))
	}
	for act := range acts {
		if act.French() == string(act) {
			t.Errorf("%s has no words", act)
		}
	}
	if got := Act("future.act").French(); got != "future.act" {
		t.Errorf("of a version after ours: %q", got)
	}
}
