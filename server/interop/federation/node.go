//go:build interop

// Package federation has real servers federate: Beffroi with Synapse, and Beffroi with Beffroi. `make interop` runs it: it needs Synapse in a Python
// environment, which the Makefile makes.
package federation

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"beffroi/server/servertest"
)

// secret is the shared secret of registration of all servers here.
const secret = "interop shared secret"

// A Node is a server as other servers and its clients have it.
type Node struct {
	servertest.Client
	*process
	relay *relay
	Label string
	ours  bool
}

// A Lab is where nodes are started.
type Lab struct {
	*testing.T
	network *servertest.Network
	account *account
	beffroi string // the binary
}

func NewLab(t *testing.T) *Lab {
	t.Helper()
	return &Lab{T: t, network: servertest.NewNetwork(t), account: newAccount(t), beffroi: servertest.Build(t)}
}

// run starts a server at an address, to which its clients speak, and other servers by the relay.
func (l *Lab) run(n *Node, address string, command func() *exec.Cmd) *Node {
	l.Helper()
	n.Client = servertest.NewClient(l, address, n.relay.name, secret)
	n.Unchecked(l) // Synapse's members have "avatar_url": null, which no schema allows
	n.relay.to(address, l.account.watch)
	l.account.names[n.relay.name] = n
	n.process = startProcess(l, n.Label, address+"/_matrix/client/versions", command)
	return n
}

// StartBeffroi starts a server as a town hall has it: behind a proxy, with the certificate of an authority.
func (l *Lab) StartBeffroi(label string) *Node {
	l.Helper()
	n := &Node{Label: label, ours: true, relay: newRelay(l, l.network)}
	clients, data := freeAddress(l), l.TempDir()
	env := append(os.Environ(), "BEFFROI_SERVER_NAME="+n.relay.name, "BEFFROI_PUBLIC_URL=http://"+clients, "BEFFROI_LISTEN_PROXIES=127.0.0.1")
	env = append(env, settings(l.network)...)
	return l.run(n, "http://"+clients, func() *exec.Cmd {
		cmd := exec.CommandContext(context.WithoutCancel(l.Context()), l.beffroi, "serve", "--data", data, "--listen", clients)
		cmd.Env = env
		return cmd
	})
}

// settings are those of a Beffroi under test, as variables of its environment.
func settings(network *servertest.Network) []string {
	return []string{
		"BEFFROI_REGISTRATION_SHARED_SECRET=" + secret, "BEFFROI_PASSWORD_MEMORY_KIB=8", "BEFFROI_PASSWORD_ITERATIONS=1",
		"BEFFROI_LIMITS_ENABLED=false", "BEFFROI_LOG_LEVEL=debug", "BEFFROI_PRESENCE_ENABLED=true", "BEFFROI_DIRECTORY_EVERYBODY=true",
		"BEFFROI_FEDERATION_ENABLED=true", "BEFFROI_FEDERATION_MODE=open", "BEFFROI_FEDERATION_PRESENCE=true", "BEFFROI_FEDERATION_LONGEST_PAUSE=2", "BEFFROI_FEDERATION_ALLOW=127.0.0.0/8,10.0.0.0/8", "BEFFROI_FEDERATION_AUTHORITIES=" + network.Authorities(),
	}
}

// StartSynapse starts Synapse from the Python environment that INTEROP_SYNAPSE names.
func (l *Lab) StartSynapse(label string) *Node {
	l.Helper()
	python := filepath.Join(os.Getenv("INTEROP_SYNAPSE"), "bin", "python")
	if _, err := os.Stat(python); err != nil {
		l.Fatal("Synapse is not there (run make interop, which installs it from PyPI):", err)
	}
	n := &Node{Label: label, relay: newRelay(l, l.network)}
	clients, data := freeAddress(l), l.TempDir()
	_, port, err := net.SplitHostPort(clients)
	if err != nil {
		l.Fatal(err)
	}
	config := filepath.Join(data, "homeserver.yaml")
	text := fmt.Sprintf(synapseConfig, n.relay.name, port, data, l.network.Authorities(), secret)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		l.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "log.yaml"), []byte(synapseLog), 0o600); err != nil {
		l.Fatal(err)
	}
	if out, err := exec.CommandContext(l.Context(), python, "-m", "synapse.app.homeserver", "-c", config, "--generate-keys").CombinedOutput(); err != nil {
		l.Fatalf("%v: %s", err, out)
	}
	return l.run(n, "http://"+clients, func() *exec.Cmd {
		return exec.CommandContext(context.WithoutCancel(l.Context()), python, "-m", "synapse.app.homeserver", "-c", config)
	})
}

// freeAddress is an address of loopback where nothing listens.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
