package setup

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// maxBody is far above what any form here holds.
const maxBody = 64 << 10

// slowestForm is how long a form may take to arrive over a bad line.
const slowestForm = 30 * time.Second

// fromOurPage tells whether the browser says that one of our pages sent the request. With no-referrer a browser sends "Origin: null", and
// without https or localhost no Sec-Fetch-Site: then the form token alone decides.
func fromOurPage(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return false
	}
	origin := r.Header.Get("Origin")
	if origin == "" || origin == "null" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && strings.EqualFold(u.Host, r.Host)
}

// formToken is what a form of the holder of a cookie contains: whoever doesn't know the cookie can't make it.
func formToken(cookie string) string {
	mac := hmac.New(sha256.New, []byte(cookie))
	mac.Write([]byte("beffroi setup form"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func rightFormToken(cookie, sent string) bool {
	return cookie != "" && subtle.ConstantTimeCompare([]byte(formToken(cookie)), []byte(sent)) == 1
}

// exposed tells whether what is typed travels readable over a network: plain HTTP that is neither this machine's own nor behind the proxy that
// public_url names.
func exposed(r *http.Request, publicURL string) bool {
	if r.TLS != nil || behindProxy(r, publicURL) {
		return false
	}
	remote, _, _ := net.SplitHostPort(r.RemoteAddr)
	host := r.Host
	if name, _, err := net.SplitHostPort(r.Host); err == nil {
		host = name
	}
	return !loopback(remote) || !loopback(host)
}

// behindProxy tells whether a proxy on this machine ends https for us.
func behindProxy(r *http.Request, publicURL string) bool {
	host, ok := strings.CutPrefix(publicURL, "https://")
	remote, _, _ := net.SplitHostPort(r.RemoteAddr)
	return ok && strings.EqualFold(host, r.Host) && loopback(remote)
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || err == nil && ip.Unmap().IsLoopback()
}
