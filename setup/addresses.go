package setup

import "net"

// Addresses are where a browser finds the wizard, the best first: the address of the proxy, then https, then plain HTTP. plain and secure are
// host:port as listened on, "" where not. Where that is every address, localhost comes first, then the machine's.
func Addresses(plain, secure, publicURL string) []string {
	return addresses(plain, secure, publicURL, machineAddresses())
}

func addresses(plain, secure, publicURL string, machine []net.IP) (urls []string) {
	if publicURL != "" {
		urls = append(urls, publicURL)
	}
	urls = append(urls, addressesOf("https", secure, machine)...)
	return append(urls, addressesOf("http", plain, machine)...)
}

func addressesOf(scheme, listening string, machine []net.IP) (urls []string) {
	host, port, err := net.SplitHostPort(listening)
	if err != nil {
		return nil
	}
	hosts := []string{host}
	ip := net.ParseIP(host)
	if host == "" || ip != nil && (ip.IsUnspecified() || ip.IsLoopback()) {
		hosts[0] = "localhost"
	}
	if host == "" || ip != nil && ip.IsUnspecified() {
		for _, ip := range machine {
			hosts = append(hosts, ip.String())
		}
	}
	for _, host := range hosts {
		urls = append(urls, scheme+"://"+net.JoinHostPort(host, port))
	}
	return urls
}

// machineAddresses are this machine's, without the loopback ones.
func machineAddresses() (ips []net.IP) {
	addrs, _ := net.InterfaceAddrs() // without them people are shown localhost alone
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			ips = append(ips, n.IP)
		}
	}
	return ips
}
