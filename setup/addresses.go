package setup

import "net"

// Addresses are where a browser finds the wizard, the best first: the address of the proxy, then https, then plain HTTP. plain and secure are
// host:port as listened on, "" where not. Only where the server listens on every address, machine (its addresses) is used.
func Addresses(plain, secure, publicURL string, machine []net.IP) (urls []string) {
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
