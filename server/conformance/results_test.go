package conformance_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// verdicts reads a list of results: the verdict of each test.
func verdicts(t *testing.T, file string) map[string]string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]string{}
	for line := range strings.Lines(string(content)) {
		name, verdict, _ := strings.Cut(strings.TrimSpace(line), " ")
		if list[name] != "" || !slices.Contains([]string{"PASS", "FAIL", "SKIP"}, verdict) {
			t.Errorf("%s: %q", file, line)
		}
		list[name] = verdict
	}
	return list
}

// What does not pass is explained, and nothing else is.
func TestWhatFailsIsExplained(t *testing.T) {
	readme, err := os.ReadFile("results/README.md")
	if err != nil {
		t.Fatal(err)
	}
	explained := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^- `(Test[A-Za-z0-9_]*)`: .").FindAllStringSubmatch(string(readme), -1) {
		explained[m[1]] = true
	}
	list := verdicts(t, "results/csapi.txt")
	maps.Copy(list, verdicts(t, "results/federation.txt"))
	for name, verdict := range list {
		if (verdict != "PASS") != explained[name] {
			t.Errorf("%s: %s, explained: %v", name, verdict, explained[name])
		}
	}
	for name := range explained {
		if list[name] == "" {
			t.Errorf("%s is explained and not in the list", name)
		}
	}
}

// A renewed list has what passes now as well, and is left alone where something got worse.
func TestResultsMayOnlyImprove(t *testing.T) {
	list, log := filepath.Join(t.TempDir(), "list"), filepath.Join(t.TempDir(), "log")
	renew := func(output string) error {
		if err := os.WriteFile(log, []byte(output), 0o600); err != nil {
			t.Fatal(err)
		}
		return exec.CommandContext(t.Context(), "results/renew.sh", list, log).Run()
	}
	if err := os.WriteFile(list, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		output, want string
		worse        bool
	}{
		{"=== RUN   TestB\n--- PASS: TestB (0.1s)\n    --- FAIL: TestB/part (0.1s)\n--- FAIL: TestA (1s)\n", "TestA FAIL\nTestB PASS\n", false},
		{"--- FAIL: TestB (1s)\n--- PASS: TestA (1s)\n", "TestA FAIL\nTestB PASS\n", true},
		{"--- PASS: TestA (1s)\n", "TestA FAIL\nTestB PASS\n", true}, // one is missing
		{"--- PASS: TestB (1s)\n--- PASS: TestA (1s)\n--- SKIP: TestC (0s)\n", "TestA PASS\nTestB PASS\nTestC SKIP\n", false},
	} {
		if err := renew(step.output); (err != nil) != step.worse {
			t.Errorf("%q: %v", step.output, err)
		}
		if got, err := os.ReadFile(list); string(got) != step.want || err != nil {
			t.Errorf("%q: %q, %v", step.output, got, err)
		}
	}
}
