// Package config holds what is needed to start one homeserver: defaults, then a TOML file, then the environment, then
// flags, each over the one before, checked as a whole. What the town hall edits later lives in the database, not here.
package config

import (
	"fmt"
	"net"
	"strings"
)

// Config is one homeserver's configuration. Each field names its key in the file; the environment variable of a key is
// BEFFROI_ and the key in capitals with underscores for dots (listen.http: BEFFROI_LISTEN_HTTP).
type Config struct {
	ServerName   string   // server_name: what follows the colon in user ids, never changed once the data folder is used; empty: the data folder's, or the wizard asks
	PublicURL    string   // public_url: where clients reach us, "https://host[:port]"; empty: derived, see ClientBaseURL
	DataDir      string   // data_dir: the data folder, made when missing
	AppServices  []string // appservices: registration files; a path that is not absolute begins at the configuration file, or at the data folder where it was given otherwise
	Listen       Listen
	Log          Log
	Registration Registration
	Password     Password
	Media        Media
	Rooms        Rooms
	Presence     Presence
	Directory    Directory
	Limits       Limits
	Push         Push
	Federation   Federation
	Previews     Previews
}

// Federation says whether this server speaks with others, and by which way.
type Federation struct {
	Enabled     bool   // federation.enabled: off, this server neither asks nor answers others, whatever the town hall decides
	Mode        string // federation.mode: open, trusted or closed, until the town hall decides (server/policy)
	Allow       string // federation.allow: addresses of this network that other servers may have, as prefixes, separated by commas; empty: public ones only
	Authorities string // federation.authorities: PEM file of certification authorities that they may have beside the usual ones; empty: none
	Notaries    string // federation.notaries: server names, separated by commas, that are asked for the keys of servers that don't answer; empty: none

	DeviceNames bool // federation.device_names: tell other servers how people named their devices

	Presence     bool  // federation.presence: where there is presence, servers that share rooms are told of it too
	LongestPause int64 // federation.longest_pause: how many seconds a server that does not answer is left alone at most
}

// Limits says how often clients may ask.
type Limits struct {
	Enabled bool // limits.enabled: without them whoever reaches the server can guess passwords as fast as it answers
}

// Push says where push gateways may be.
type Push struct {
	Allow       string // push.allow: addresses of this network that gateways may have, as prefixes, separated by commas ("192.168.1.20/32"); empty: public ones only
	Authorities string // push.authorities: PEM file of certification authorities that gateways may have beside the usual ones; empty: none
}

// Previews are how addresses in messages are looked at until the administration sets that in the database.
type Previews struct {
	Enabled bool   // previews.enabled
	Allow   string // previews.allow: addresses beside the public Internet that may be looked at, as prefixes, separated by commas; empty: none
	Ports   string // previews.ports: that may be asked, separated by commas, 0 for every one; empty: 80 and 443
}

// Presence says whether people see who is connected. It is off by default: a town hall does not watch over its agents' presence unless it
// decided to.
type Presence struct {
	Enabled bool // presence.enabled
}

// Listen says where the server listens. At least one of HTTP and TLS is set; both serve the same API.
type Listen struct {
	HTTP        string // listen.http: host:port of plain HTTP, for a proxy or development; empty: none
	TLS         string // listen.tls: host:port of HTTPS; empty: none
	Certificate string // listen.tls_certificate: PEM file, the server's certificate first
	Key         string // listen.tls_key: PEM file
	Proxies     string // listen.proxies: addresses and networks, with commas, of proxies whose X-Forwarded-For counts; empty: none
}

// Log says how much is logged to standard error, and in which form.
type Log struct {
	Level  string // log.level: trace, debug, info, warn or error
	Format string // log.format: console, json, or auto (console on a terminal)
}

// Registration says who may make an account through the API.
type Registration struct {
	Enabled      bool   // registration.enabled: strangers may register (Client-Server API, "Account registration")
	AllowDummy   bool   // registration.allow_dummy: m.login.dummy proves enough to register
	SharedSecret string // registration.shared_secret: key of /_synapse/admin/v1/register; empty: that endpoint is off
}

// Password is the cost of argon2id with one lane, for passwords set from now on.
type Password struct {
	MemoryKiB  uint32 // password.memory_kib
	Iterations uint32 // password.iterations
}

// Media says what the content repository takes and to whom it gives.
type Media struct {
	MaxUploadBytes  int64 // media.max_upload_bytes: also the m.upload.size that clients are told
	Unauthenticated bool  // media.unauthenticated: /_matrix/media serves downloads without access token, against the specification's freeze
}

// Rooms says how rooms are made.
type Rooms struct {
	Custodian      string // rooms.custodian: localpart of the town hall's account, which sends notices; empty: none
	Custody        bool   // rooms.custody: that account is an additional creator of each salon
	DefaultVersion string // rooms.default_version: the room version of new rooms where the client names none
}

// Directory says who is found in it.
type Directory struct {
	Everybody bool // directory.everybody: everybody finds every account; false: only those in a common room, or in one that is open to all
}

// What argon2id costs at least before the server warns (OWASP's second recommended setting).
const (
	safeMemoryKiB  = 19 * 1024
	safeIterations = 2
)

// Default is the configuration of a server that nobody configured: it can be tried on the machine it runs on.
func Default() Config {
	return Config{
		DataDir:   "data",
		Listen:    Listen{HTTP: "127.0.0.1:8008"},
		Log:       Log{Level: "info", Format: "auto"},
		Password:  Password{MemoryKiB: safeMemoryKiB, Iterations: safeIterations},
		Media:     Media{MaxUploadBytes: 50 << 20},
		Rooms:     Rooms{Custodian: "_commune", Custody: true, DefaultVersion: "12"},
		Directory: Directory{Everybody: true},
		Limits:    Limits{Enabled: true},

		Federation: Federation{Enabled: true, Mode: "open", LongestPause: 3600},
	}
}

// ClientBaseURL is the address that /.well-known/matrix/client gives, without a slash at the end: public_url, or else
// the host of the server name with the port of the TLS listener, or of the plain one.
func (c Config) ClientBaseURL() string {
	if c.PublicURL != "" {
		return c.PublicURL
	}
	scheme, address, usual := "http", c.Listen.HTTP, "80"
	if c.Listen.TLS != "" {
		scheme, address, usual = "https", c.Listen.TLS, "443"
	}
	host := hostOf(c.ServerName)
	if _, port, err := net.SplitHostPort(address); err == nil && port != usual {
		host += ":" + port
	}
	return scheme + "://" + host
}

// FederationAddress is where other servers reach this one, host:port, where that is not what they try by themselves: an https public_url. Else "".
func (c Config) FederationAddress() string {
	host, secure := strings.CutPrefix(c.PublicURL, "https://")
	if !secure {
		return ""
	}
	if _, _, err := net.SplitHostPort(host); err != nil {
		host += ":443"
	}
	return host
}

// Warnings are the settings that weaken security, one French sentence each that begins with the key.
func (c Config) Warnings() []string {
	var warnings []string
	warn := func(weak bool, key, meaning string) {
		if weak {
			warnings = append(warnings, key+" : "+meaning)
		}
	}
	warn(c.Registration.Enabled && c.Registration.AllowDummy, "registration.enabled",
		"n'importe qui peut créer un compte sur ce serveur")
	secret := c.Registration.SharedSecret
	warn(secret != "" && len(secret) < 16, "registration.shared_secret",
		"ce secret permet de créer des administrateurs et compte moins de 16 caractères")
	warn(c.Password.MemoryKiB < safeMemoryKiB || c.Password.Iterations < safeIterations, "password",
		fmt.Sprintf("les mots de passe sont mal protégés en cas de vol (moins de %d KiB ou de %d itérations)", safeMemoryKiB, safeIterations))
	warn(c.Media.Unauthenticated, "media.unauthenticated",
		"qui connaît l'adresse d'un fichier le reçoit sans être connecté")
	warn(!c.Limits.Enabled, "limits.enabled",
		"rien ne ralentit qui essaie des mots de passe ou accable le serveur")
	warn(c.Listen.HTTP != "" && !loopback(c.Listen.HTTP), "listen.http",
		"cette adresse est ouverte à d'autres machines sans chiffrement ; placez-la derrière un serveur mandataire HTTPS")
	return warnings
}

// loopback tells whether only this machine can reach the address host:port.
func loopback(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
