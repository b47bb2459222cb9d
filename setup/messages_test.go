package setup

import (
	"io/fs"
	"maps"
	"net"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"beffroi/server/look/looktest"
)

// Every language says everything, with the same values in it.
func TestMessagesAreComplete(t *testing.T) { looktest.Complete(t, embedded, "messages", languages()) }

// Every message that a page or the code names is there, and every message is named.
func TestMessagesAreUsed(t *testing.T) {
	var source strings.Builder
	for _, dir := range []fs.FS{os.DirFS("."), os.DirFS("pages"), os.DirFS("../server/passwordrule")} {
		files, err := fs.Glob(dir, "*.*")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			content, err := fs.ReadFile(dir, name)
			if err != nil {
				t.Fatal(err)
			}
			source.Write(content)
		}
	}
	french := looktest.Texts(t, embedded, "messages", "fr")
	for _, named := range regexp.MustCompile(`(?:\bt "|Key: "|has ")([a-z_0-9]+)"`).FindAllStringSubmatch(source.String(), -1) {
		if french[named[1]] == "" && !strings.HasSuffix(named[1], "_") {
			t.Errorf("no message %s", named[1])
		}
	}
	built := regexp.MustCompile(`^(label|hint|lang|error|password_no)_|_(title|button|missing)$`) // by print
	for _, key := range slices.Sorted(maps.Keys(french)) {
		if !built.MatchString(key) && !strings.Contains(source.String(), `"`+key+`"`) {
			t.Errorf("nobody says %s", key)
		}
	}
}

func TestAddressesToOpen(t *testing.T) {
	for _, c := range []struct {
		plain, secure, public string
		want                  []string
	}{
		{plain: "127.0.0.1:8008", want: []string{"http://localhost:8008"}},
		{plain: "192.168.1.5:80", secure: "[::1]:8448", want: []string{"https://localhost:8448", "http://192.168.1.5:80"}},
		{plain: "[::]:8008", want: []string{"http://localhost:8008", "http://192.168.1.9:8008"}},
		{plain: ":8008", public: "https://m.vauclair.fr", want: []string{"https://m.vauclair.fr", "http://localhost:8008", "http://192.168.1.9:8008"}},
	} {
		if got := addresses(c.plain, c.secure, c.public, []net.IP{net.IPv4(192, 168, 1, 9)}); !slices.Equal(got, c.want) {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestThrottleStaysSmall(t *testing.T) {
	now := time.Unix(0, 0)
	th := newThrottle(func() time.Time { return now })
	for n := range maxAddresses + 10 {
		now = now.Add(time.Millisecond)
		th.failed(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}), 32))
	}
	if len(th.wrong) != maxAddresses {
		t.Errorf("%d addresses are remembered", len(th.wrong))
	}
}
