package adminapi_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"beffroi/server/adminapi"
	"beffroi/server/servertest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// outside are calls of Synapse's that are not routed: 404 M_UNRECOGNIZED, as for whatever is not known.
var outside = [][3]string{
	{"POST", v1 + "/account_validity/validity", "accounts have no term here"},
	{"POST", v1 + "/background_updates/enabled", "there are no background updates"},
	{"POST", v1 + "/background_updates/start_job", "there are no background updates"},
	{"PUT", v1 + "/experimental_features/{userId}", "there are no experimental features"},
	{"GET", v1 + "/media/quarantine_changes", "the journal tells it"},
	{"POST", v1 + "/quarantine_media/{roomId}", "the old form of one that is refused"},
	{"GET", v1 + "/users/{userId}/sent_invite_count", "how somebody behaves is not counted"},
	{"GET", v1 + "/users/{userId}/cumulative_joined_room_count", "how somebody behaves is not counted"},
}

const head = `# The calls of administration

Written by a test (` + "`go test ./server/adminapi -run TestTableOfCalls -update`" + `) from the table of calls, and held against it. Who is no administrator gets 403 M_FORBIDDEN
from all that are not open, who has no valid token 401 (TestNobodyElseAdministers walks over them).

- *open*: for everybody: it looks itself at who asks. *reads*: shows accounts, settings, names, counts: nothing that people wrote to each other.
- *acts*: changes something, or shows addresses of people, and stands in the journal. *empty*: tools ask for it, and there is nothing of the kind here.
- *refused*: would show what is private, or act as somebody else: 403 M_FORBIDDEN with the sentence; the try stands in the journal.

Calls that could read what is private: none. TestNothingPrivateIsShown fills a server with secrets and looks for them in every answer.

| call | class | what it shows or does |
|---|---|---|
`

// The table of calls is calls.md, and nothing else is routed.
func TestTableOfCalls(t *testing.T) {
	var text strings.Builder
	text.WriteString(head)
	seen := map[string]bool{}
	for _, c := range new(adminapi.API).Calls() {
		name := c.Method + " " + c.Path
		if seen[name] || c.Note == "" || c.Class == "" {
			t.Errorf("%s: twice, or without a class or a note", name)
		}
		seen[name] = true
		fmt.Fprintf(&text, "| `%s` | %s | %s |\n", name, c.Class, c.Note)
	}
	text.WriteString("\nNot routed (404 M_UNRECOGNIZED):\n\n| call | why |\n|---|---|\n")
	for _, c := range outside {
		fmt.Fprintf(&text, "| `%s %s` | %s |\n", c[0], c[1], c[2])
	}
	if *update {
		if err := os.WriteFile("calls.md", []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if written, err := os.ReadFile("calls.md"); err != nil || string(written) != text.String() {
		t.Errorf("calls.md is not what the table says (%v): run with -update", err)
	}
	if routes := adminapi.New(adminapi.API{}).Routes(); len(routes) != len(seen) {
		t.Errorf("%d routes, %d calls", len(routes), len(seen))
	}
}

func TestWhatStaysOutside(t *testing.T) {
	s := servertest.Start(t)
	chief := s.RegisterAdmin(t, "chief")
	for _, c := range outside {
		status, answer := chief.Raw(c[0], servertest.Sample(c[1], "!room:x", chief), object{})
		if (status != 404 && status != 405) || !strings.Contains(string(answer), "M_UNRECOGNIZED") && !strings.Contains(string(answer), "M_NOT_FOUND") {
			t.Errorf("%s %s: %d %s", c[0], c[1], status, answer)
		}
	}
}
