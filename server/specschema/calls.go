package specschema

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// CallsVariable is the environment variable that names a folder where tests note each request they send: a file per test process.
const CallsVariable = "BEFFROI_OPERATIONS"

// A Call is a request that a test sent, with the status of its answer.
type Call struct {
	Test         string // its package's folder and its name, as in "clientapi.TestTags"
	Method, Path string
	Status       int
}

// note writes down a call, where the tests were asked to.
func (s *Spec) note(t testing.TB, req *http.Request, status int) {
	if s.calls == "" {
		return
	}
	test, _, _ := strings.Cut(t.Name(), "/")
	folder := strings.TrimSuffix(filepath.Base(os.Args[0]), ".test")
	f, err := os.OpenFile(filepath.Join(s.calls, fmt.Sprint(os.Getpid())), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Error(err)
		return
	}
	_, err = fmt.Fprintf(f, "%s.%s\t%s\t%s\t%d\n", folder, test, req.Method, req.URL.EscapedPath(), status)
	if closed := f.Close(); err != nil || closed != nil {
		t.Error(err, closed)
	}
}

// Calls reads what the tests noted in a folder.
func Calls(folder string) (calls []Call, err error) {
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			part := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
			if len(part) != 4 {
				return nil, fmt.Errorf("%s: %q", file, line)
			}
			status, err := strconv.Atoi(part[3])
			if err != nil {
				return nil, err
			}
			calls = append(calls, Call{part[0], part[1], part[2], status})
		}
	}
	return calls, err
}
