package servertest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"beffroi/server"
	"beffroi/server/config"
	"beffroi/server/dial/dnstest"
)

// A Network is servers that federate: on loopback, by TLS, with certificates of an authority and a DNS of their own.
type Network struct {
	Zone *dnstest.Zone

	t           testing.TB
	authority   *x509.Certificate
	key         *ecdsa.PrivateKey
	authorities string // PEM file
}

// NewNetwork makes a network without servers.
func NewNetwork(t testing.TB) *Network {
	t.Helper()
	n := &Network{Zone: dnstest.Start(t), t: t}
	n.authority = &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "servertest"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, key := n.certify(n.authority, nil)
	n.key = key
	n.authorities = writePEM(t, filepath.Join(t.TempDir(), "authority.pem"), "CERTIFICATE", der)
	return n
}

// certify makes a key and a certificate for it; the signer is nil for the authority itself.
func (n *Network) certify(template *x509.Certificate, signer *ecdsa.PrivateKey) ([]byte, *ecdsa.PrivateKey) {
	n.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		n.t.Fatal(err)
	}
	if signer == nil {
		signer = key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, n.authority, key.Public(), signer)
	if err != nil {
		n.t.Fatal(err)
	}
	return der, key
}

// Authorities is a PEM file with the network's authority.
func (n *Network) Authorities() string { return n.authorities }

// Certificate writes the certificate of a host name or address, and its key, and gives their paths.
func (n *Network) Certificate(host string) (certificate, key string) {
	template := &x509.Certificate{SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{host}}
	if ip := net.ParseIP(host); ip != nil {
		template.DNSNames, template.IPAddresses = nil, []net.IP{ip}
	}
	der, private := n.certify(template, n.key)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		n.t.Fatal(err)
	}
	dir := n.t.TempDir()
	return writePEM(n.t, filepath.Join(dir, "crt.pem"), "CERTIFICATE", der), writePEM(n.t, filepath.Join(dir, "key.pem"), "PRIVATE KEY", pkcs8)
}

// StartProcess starts a server in a child process, whose address is its name.
func (n *Network) StartProcess(binary string, env ...string) *Process {
	n.t.Helper()
	secure := listenOn(n.t, "127.0.0.1:0")
	name := secure.Addr().String()
	_ = secure.Close()
	crt, key := n.Certificate("127.0.0.1")
	p := StartProcess(n.t, binary, append([]string{"BEFFROI_SERVER_NAME=" + name, "BEFFROI_LISTEN_TLS=" + name, "BEFFROI_LISTEN_TLS_CERTIFICATE=" + crt,
		"BEFFROI_LISTEN_TLS_KEY=" + key, "BEFFROI_FEDERATION_ENABLED=true", "BEFFROI_FEDERATION_MODE=open", "BEFFROI_FEDERATION_ALLOW=127.0.0.1/32",
		"BEFFROI_FEDERATION_AUTHORITIES=" + n.authorities, "BEFFROI_FEDERATION_LONGEST_PAUSE=5"}, env...)...)
	p.ServerName = name
	return p
}

// Start starts a server of this name, which DNS knows by an SRV record; without a name its address is its name. Clients speak to it as to any other.
func (n *Network) Start(name string, opts ...Option) *Server {
	n.t.Helper()
	secure := listenOn(n.t, "127.0.0.1:0")
	address := secure.Addr().String()
	_ = secure.Close() // so that a restart finds it
	host := name
	if name == "" {
		name, host = address, "127.0.0.1"
	} else {
		n.Zone.Address("node."+name, "127.0.0.1")
		n.Zone.Service("_matrix-fed._tcp."+name, 1, netip.MustParseAddrPort(address).Port(), "node."+name)
	}
	federate := func(c *config.Config) {
		c.ServerName, c.Listen.TLS = name, address
		c.Listen.Certificate, c.Listen.Key = n.Certificate(host)
		c.Federation = config.Federation{Enabled: true, Mode: "open", Allow: "127.0.0.1/32", Authorities: n.authorities, Presence: true, LongestPause: 5}
	}
	return start(n.t, []server.Option{server.WithResolver(n.Zone.Resolver()), server.WithVersion("test")}, append([]Option{federate}, opts...)...)
}
