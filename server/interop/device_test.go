package interop

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// A device is a logged-in client.
type device struct {
	*driver
	t        testing.TB
	UserID   string `json:"user_id"`
	DeviceID string `json:"device_id"`
}

// A view is what a device shows of a room.
type view struct {
	Changes    int
	Membership string
	Name       string
	Encrypted  bool
	Joined     []string
	Typing     []string
	Receipts   map[string]string // by user: the last event that it has read
	Messages   []message
}

// A message of a conversation as a person sees it.
type message struct {
	EventID   string `json:"event_id"`
	Sender    string
	Redacted  bool   `json:",omitempty"`
	Failure   string `json:",omitempty"` // why it can't be read
	Encrypted bool   `json:",omitempty"`
	Kind      string `json:",omitempty"`
	Body      string `json:",omitempty"`
	Edited    bool   `json:",omitempty"`
	Reactions string `json:",omitempty"` // "KEY USER, …", sorted
}

// login starts a client for a user whose password is its name, and returns after its first sync.
func login(t testing.TB, impl implementation, r *relay, user string) *device {
	t.Helper()
	d := &device{driver: startDriver(t, impl, user), t: t}
	d.must("login", map[string]any{"url": r.URL, "user": user, "password": user, "name": impl.name, "sliding": impl.sliding}, d)
	return d
}

func (d *device) must(command string, args map[string]any, out any) {
	d.t.Helper()
	if err := d.do(command, args, out); err != nil {
		d.t.Fatal(err)
	}
}

// until waits for a room to look as told, and gives how it looks.
func (d *device) until(room, what string, ok func(view) bool) view {
	d.t.Helper()
	var seen view
	for end := time.Now().Add(deadline); time.Now().Before(end); {
		var next view
		if err := d.do("view", map[string]any{"room": room, "after": seen.Changes}, &next); err != nil {
			d.t.Fatalf("%s does not see %s: %v; it sees %v", d.name, what, err, seen)
		}
		if seen = next; ok(seen) {
			return seen
		}
	}
	d.t.Fatalf("%s does not see %s after %v; it sees %v", d.name, what, deadline, seen)
	return view{}
}

// String tells a message in one line.
func (m message) String() string {
	out, err := json.Marshal(m)
	if err != nil {
		return err.Error()
	}
	return string(out)
}

func (v view) String() string {
	return fmt.Sprintf("%s of %q, encrypted: %t, joined %v, typing %v, receipts %v\n%s",
		v.Membership, v.Name, v.Encrypted, v.Joined, v.Typing, v.Receipts, lines(v.Messages))
}

func lines(messages []message) string {
	var all strings.Builder
	for _, m := range messages {
		_, _ = fmt.Fprintln(&all, "\t"+m.String())
	}
	return all.String()
}
