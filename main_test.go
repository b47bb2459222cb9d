package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"beffroi": main})
}

// The command line is a contract: testdata/script shows it.
func TestCommandLine(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"await":    await,
			"onlyline": onlyLine,
		},
	})
}

// await FILE TEXT waits until a process has written TEXT to FILE.
func await(ts *testscript.TestScript, _ bool, args []string) {
	file := ts.MkAbs(args[0])
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-time.After(5 * time.Millisecond) {
		if content, err := os.ReadFile(file); err == nil && strings.Contains(string(content), args[1]) {
			return
		}
	}
	ts.Fatalf("%s never had %q: %s", args[0], args[1], ts.ReadFile(args[0]))
}

// onlyline checks that the last command wrote exactly one line to standard error.
func onlyLine(ts *testscript.TestScript, _ bool, _ []string) {
	if errs := ts.ReadFile("stderr"); strings.Count(errs, "\n") != 1 || !strings.HasSuffix(errs, "\n") {
		ts.Fatalf("standard error is not one line: %q", errs)
	}
}
