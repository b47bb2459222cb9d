package rooms

import (
	"strings"
	"testing"
	"time"

	"beffroi/server/pdu"
)

func TestServerACLs(t *testing.T) {
	for _, c := range []struct {
		content, server string
		want            bool
	}{
		{`{"allow":["*"]}`, "a.fr", true},
		{`{"allow":["*"],"deny":["a.fr"]}`, "a.fr", false},
		{`{"allow":["*"],"deny":["a.fr"]}`, "a.fr:8448", false},
		{`{"allow":["*"],"deny":["A.fr"]}`, "a.FR", false},
		{`{"allow":["*"],"deny":["a.fr"]}`, "b.a.fr", true},
		{`{"allow":["*"],"deny":["*.a.fr"]}`, "b.a.fr", false},
		{`{"allow":["*"],"deny":["?.fr"]}`, "a.fr", false},
		{`{"allow":["*"],"deny":["?.fr"]}`, "ab.fr", true},
		{`{"allow":["a.fr"]}`, "b.fr", false},
		{`{"allow":["a.fr"]}`, "a.fr", true},
		{`{"allow":["a.fr",5,null]}`, "a.fr", true},
		{`{}`, "a.fr", false},
		{`{"allow":"*"}`, "a.fr", false},
		{`{"allow":["*"],"allow_ip_literals":false}`, "1.2.3.4", false},
		{`{"allow":["*"],"allow_ip_literals":false}`, "1.2.3.4:8448", false},
		{`{"allow":["*"],"allow_ip_literals":false}`, "[2a01::1]:8448", false},
		{`{"allow":["*"],"allow_ip_literals":false}`, "1.2.3.4.fr", true},
		{`{"allow":["*"],"allow_ip_literals":"no"}`, "1.2.3.4", true},
		{`{"allow":["*"],"deny":["[2a01::1]"]}`, "[2a01::1]:5", false},
	} {
		o, err := pdu.ParseObject([]byte(c.content))
		if err != nil {
			t.Fatal(err)
		}
		if got := admits(o, true, c.server); got != c.want {
			t.Errorf("%s with %s: %t", c.server, c.content, got)
		}
	}
	if !admits(pdu.Object{}, false, "a.fr") {
		t.Error("a room without a list refuses")
	}
}

func TestGlobsTakeLittleTime(t *testing.T) {
	start := time.Now()
	if pdu.MatchesGlob(strings.Repeat("*a", 5000)+"b", strings.Repeat("a", 250)) {
		t.Error("it matches")
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("%s", took)
	}
}
