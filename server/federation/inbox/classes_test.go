package inbox_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestClasses holds CLASSES.md to the tests that there are.
func TestClasses(t *testing.T) {
	text, err := os.ReadFile("../CLASSES.md")
	if err != nil {
		t.Fatal(err)
	}
	named, found := regexp.MustCompile("`([a-z0-9_/]+_test\\.go)`((?: (?:Test|Fuzz)\\w+)+)"), 0
	for _, row := range named.FindAllStringSubmatch(string(text), -1) {
		source, err := os.ReadFile(filepath.Join("../..", row[1]))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, test := range strings.Fields(row[2]) {
			if found++; !strings.Contains(string(source), "func "+test+"(") {
				t.Errorf("%s has no %s", row[1], test)
			}
		}
	}
	if rows := strings.Count(string(text), "CVE-"); found < rows {
		t.Errorf("%d tests are named for %d published faults", found, rows)
	}
}
