//go:build interop

package federation

import (
	"fmt"
	"os"
	"os/exec"
	"strings"

	"beffroi/server/servertest"
)

// A street is servers in network namespaces of their own, on one bridge that can be cut between them. Their clients are in this process, on the bridge too.
type street struct {
	*Lab
	name  string
	nodes []*Node
}

// newStreet makes a bridge and starts servers on it. It needs root.
func newStreet(l *Lab, servers int) *street {
	l.Helper()
	s := &street{Lab: l, name: fmt.Sprintf("bfr%d", os.Getpid()%1_000_000)}
	s.ip("link", "add", s.name, "type", "bridge")
	l.Cleanup(func() { s.ip("link", "del", s.name) })
	s.ip("addr", "add", s.address(254)+"/24", "dev", s.name)
	s.ip("link", "set", s.name, "up")
	for i := 1; i <= servers; i++ {
		s.nodes = append(s.nodes, s.build(i))
	}
	return s
}

// address is that of the i-th house; each run has a network of its own.
func (s *street) address(i int) string { return fmt.Sprintf("10.213.%d.%d", os.Getpid()%250, i) }

func (s *street) port(i int) string { return fmt.Sprintf("%s-%d", s.name, i) }

// build starts the i-th server, in a namespace with one end of a cable whose other end is a port of the bridge.
func (s *street) build(i int) *Node {
	s.Helper()
	house, port := s.port(i), s.port(i)
	s.ip("netns", "add", house)
	s.Cleanup(func() { s.ip("netns", "del", house) })
	s.ip("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", house)
	s.ip("link", "set", port, "master", s.name, "up")
	s.ip("-n", house, "addr", "add", s.address(i)+"/24", "dev", "eth0")
	s.ip("-n", house, "link", "set", "lo", "up")
	s.ip("-n", house, "link", "set", "eth0", "up")

	n := &Node{Label: fmt.Sprint("House", i), ours: true}
	name, clients, data := s.address(i)+":8448", s.address(i)+":8008", s.TempDir()
	crt, key := s.network.Certificate(s.address(i))
	env := append(os.Environ(), settings(s.network)...)
	env = append(env, "BEFFROI_SERVER_NAME="+name, "BEFFROI_PUBLIC_URL=http://"+clients,
		"BEFFROI_LISTEN_TLS="+name, "BEFFROI_LISTEN_TLS_CERTIFICATE="+crt, "BEFFROI_LISTEN_TLS_KEY="+key)
	n.Client = servertest.NewClient(s, "http://"+clients, name, secret)
	n.Unchecked(s)
	n.process = startProcess(s, n.Label, n.URL+"/_matrix/client/versions", func() *exec.Cmd {
		cmd := exec.Command("ip", "netns", "exec", house, s.beffroi, "serve", "--data", data, "--listen", clients)
		cmd.Env = env
		return cmd
	})
	return n
}

// cut lets no packet pass between the servers, or lets them again.
func (s *street) cut(yes bool) {
	s.Helper()
	isolated := map[bool]string{true: "on", false: "off"}[yes]
	for i := range s.nodes {
		s.run("bridge", "link", "set", "dev", s.port(i+1), "isolated", isolated)
	}
	s.Log("the servers are cut from each other:", yes)
}

func (s *street) ip(args ...string) { s.Helper(); s.run("ip", args...) }

func (s *street) run(command string, args ...string) {
	s.Helper()
	if out, err := exec.Command(command, args...).CombinedOutput(); err != nil {
		s.Fatalf("%s %s: %v: %s (network namespaces need root and Debian's iproute2)", command, strings.Join(args, " "), err, out)
	}
}
