package servertest

import (
	"net"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The value was made with OpenSSL: printf 'nonce\0alice\0password\0notadmin' | openssl dgst -sha1 -hmac secret
func TestRegisterMAC(t *testing.T) {
	if got := registerMAC("secret", "nonce", "alice", "password", false); got != "3f3a2618a5c984dc53fc0dc16c6bb561b61f1c7b" {
		t.Error(got)
	}
}

func TestProcessIsKilledStoppedAndStartedAgain(t *testing.T) {
	p := StartProcess(t, Build(t))
	reachable := func() {
		t.Helper()
		p.Anonymous(t).MustFail(404, "M_UNRECOGNIZED", "GET", "/_matrix/nowhere", nil)
	}
	reachable()
	pid := p.PID()
	p.Kill()
	if _, err := new(net.Dialer).DialContext(t.Context(), "tcp", p.address); err == nil {
		t.Error("it still listens after SIGKILL")
	}
	p.Start()
	reachable()
	if p.PID() == pid {
		t.Error("the same process answers after SIGKILL")
	}
	if err := p.Stop(); err != nil {
		t.Error("SIGTERM: ", err)
	}
	p.Start()
	reachable()
}
