package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"maunium.net/go/mautrix/id"
)

// A setting is one key: how its value is taken over and checked.
type setting struct {
	key    string
	want   string         // what a value must be, in French: it ends the line that a wrong value gives
	secret bool           // the value is never printed
	set    func(any) bool // takes a value of the TOML file, or the text of a variable or flag; false: of the wrong kind
	valid  func() bool    // whether the value that was set last can be used
	get    func() any
}

const appServices = "appservices"

const addressWanted = "une adresse comme 127.0.0.1:8008, ou rien"

// settings lists every key, bound to the fields of c.
func (c *Config) settings() []setting {
	return []setting{
		text("server_name", &c.ServerName, "un nom de serveur comme matrix.mairie.example, au plus 230 caractères, ou rien", validServerName),
		text("public_url", &c.PublicURL, "une adresse comme https://matrix.mairie.example, sans chemin, ou rien", validPublicURL),
		text("data_dir", &c.DataDir, "un dossier", filled),
		texts(appServices, &c.AppServices, "une liste de fichiers d'enregistrement, chacun une fois"),
		text("listen.http", &c.Listen.HTTP, addressWanted, validAddress),
		text("listen.tls", &c.Listen.TLS, addressWanted, validAddress),
		text("listen.tls_certificate", &c.Listen.Certificate, "un fichier PEM", anything),
		text("listen.tls_key", &c.Listen.Key, "un fichier PEM", anything),
		text("listen.proxies", &c.Listen.Proxies, "des adresses ou réseaux séparés par des virgules, comme 127.0.0.1, 10.0.0.0/8, ou rien", validProxies),
		oneOf("log.level", &c.Log.Level, "trace", "debug", "info", "warn", "error"),
		oneOf("log.format", &c.Log.Format, "auto", "console", "json"),
		toggle("registration.enabled", &c.Registration.Enabled),
		toggle("registration.allow_dummy", &c.Registration.AllowDummy),
		hidden(text("registration.shared_secret", &c.Registration.SharedSecret, "un texte", anything)),
		number("password.memory_kib", &c.Password.MemoryKiB, 8, 1<<20),
		number("password.iterations", &c.Password.Iterations, 1, 16),
		number("media.max_upload_bytes", &c.Media.MaxUploadBytes, 1, 4<<30),
		toggle("media.unauthenticated", &c.Media.Unauthenticated),
		toggle("presence.enabled", &c.Presence.Enabled),
		text("rooms.custodian", &c.Rooms.Custodian, "le début d'un identifiant (a-z 0-9 . _ = / + -), ou rien", validLocalpart),
		toggle("rooms.custody", &c.Rooms.Custody),
		oneOf("rooms.default_version", &c.Rooms.DefaultVersion, "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"),
		toggle("directory.everybody", &c.Directory.Everybody),
		text("push.allow", &c.Push.Allow, "des plages d'adresses séparées par des virgules, comme 192.168.1.0/24, ou rien", validPrefixes),
		text("push.authorities", &c.Push.Authorities, "un fichier PEM, ou rien", anything),
		toggle("federation.enabled", &c.Federation.Enabled),
		oneOf("federation.mode", &c.Federation.Mode, "open", "trusted", "closed"),
		text("federation.allow", &c.Federation.Allow, "des plages d'adresses séparées par des virgules, comme 192.168.1.0/24, ou rien", validPrefixes),
		text("federation.authorities", &c.Federation.Authorities, "un fichier PEM, ou rien", anything),
		text("federation.notaries", &c.Federation.Notaries, "des noms de serveurs séparés par des virgules, ou rien", validServerNames),
		toggle("federation.device_names", &c.Federation.DeviceNames),
		toggle("federation.presence", &c.Federation.Presence),
		number("federation.longest_pause", &c.Federation.LongestPause, 1, 24*3600),
		toggle("previews.enabled", &c.Previews.Enabled),
		text("previews.allow", &c.Previews.Allow, "des plages d'adresses séparées par des virgules, comme 192.168.1.0/24, ou rien", validPrefixes),
		text("previews.ports", &c.Previews.Ports, "des ports séparés par des virgules, comme 80, 443, 8080, ou rien", validPorts),
		toggle("limits.enabled", &c.Limits.Enabled),
	}
}

func text(key string, field *string, want string, valid func(string) bool) setting {
	return setting{
		key: key, want: want,
		set: func(value any) (ok bool) {
			*field, ok = value.(string)
			return ok
		},
		valid: func() bool { return valid(*field) },
		get:   func() any { return *field },
	}
}

// texts is a list: an array of the file, or a text with commas.
func texts(key string, field *[]string, want string) setting {
	return setting{
		key: key, want: want,
		set: func(value any) bool {
			*field = nil
			if s, isText := value.(string); isText {
				*field = strings.FieldsFunc(s, func(c rune) bool { return c == ',' })
				return true
			}
			list, isList := value.([]any)
			for _, one := range list {
				s, isText := one.(string)
				if !isText {
					return false
				}
				*field = append(*field, s)
			}
			return isList
		},
		valid: func() bool {
			sorted := slices.Sorted(slices.Values(*field))
			return !slices.Contains(sorted, "") && len(slices.Compact(sorted)) == len(*field)
		},
		get: func() any { return *field },
	}
}

func oneOf(key string, field *string, choices ...string) setting {
	want := "l'un de " + strings.Join(choices, ", ")
	return text(key, field, want, func(value string) bool { return slices.Contains(choices, value) })
}

func hidden(s setting) setting {
	s.secret = true
	return s
}

func toggle(key string, field *bool) setting {
	return setting{
		key: key, want: "true ou false",
		set: func(value any) (ok bool) {
			if s, isText := value.(string); isText {
				*field, ok = s == "true", s == "true" || s == "false"
				return ok
			}
			*field, ok = value.(bool)
			return ok
		},
		valid: func() bool { return true },
		get:   func() any { return *field },
	}
}

func number[T uint32 | int64](key string, field *T, low, high int64) setting {
	return setting{
		key: key, want: fmt.Sprintf("un nombre entier de %d à %d", low, high),
		set: func(value any) bool {
			n, ok := value.(int64)
			if s, isText := value.(string); isText {
				var err error
				n, err = strconv.ParseInt(s, 10, 64)
				ok = err == nil
			}
			*field = T(n)
			return ok && n >= low && n <= high
		},
		valid: func() bool { return int64(*field) >= low && int64(*field) <= high },
		get:   func() any { return *field },
	}
}

func anything(string) bool { return true }

func filled(s string) bool { return s != "" }

// Spec: appendices, "Server Name". A user id has 255 bytes, so a name must leave room for localparts.
func validServerName(name string) bool {
	parsed := id.ParseServerName(name)
	return name == "" || parsed != nil && len(name) <= 230 && parsed.Port <= 65535
}

func validServerNames(list string) bool {
	for _, name := range SplitList(list) {
		if !validServerName(name) {
			return false
		}
	}
	return true
}

// SplitList cuts a list that is separated by commas.
func SplitList(list string) (parts []string) {
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// hostOf is the server name without its port.
func hostOf(serverName string) string {
	parsed := id.ParseServerName(serverName)
	if parsed != nil && parsed.Type == id.ServerNameIPv6 {
		return "[" + parsed.Host + "]"
	}
	host, _, _ := strings.Cut(serverName, ":")
	return host
}

func validAddress(address string) bool {
	if address == "" {
		return true
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}

// The server reads the list by limits.ParseProxies; a leaf can't ask that.
func validProxies(list string) bool {
	for part := range strings.SplitSeq(list, ",") {
		part = strings.TrimSpace(part)
		_, err := netip.ParseAddr(part)
		if _, network := netip.ParsePrefix(part); part != "" && err != nil && network != nil {
			return false
		}
	}
	return true
}

func validPublicURL(address string) bool {
	if address == "" {
		return true
	}
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Scheme+"://"+u.Host == address && u.Hostname() != ""
}

func validPrefixes(list string) bool {
	_, err := ParsePrefixes(list)
	return err == nil
}

// ParsePrefixes reads a list of prefixes of addresses, separated by commas.
func ParsePrefixes(list string) (prefixes []netip.Prefix, err error) {
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(part)
		if err != nil {
			return nil, err
		}
		prefixes = append(prefixes, prefix.Masked())
	}
	return prefixes, nil
}

func validPorts(list string) bool {
	_, err := ParsePorts(list)
	return err == nil
}

// ParsePorts reads a list of ports, separated by commas.
func ParsePorts(list string) (ports []uint16, err error) {
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		port, err := strconv.ParseUint(part, 10, 16)
		if err != nil {
			return nil, err
		}
		ports = append(ports, uint16(port))
	}
	return ports, nil
}

// Spec: appendices, "User Identifiers".
func validLocalpart(localpart string) bool {
	return regexp.MustCompile(`^[a-z0-9._=/+-]{0,64}$`).MatchString(localpart)
}
