package setup

import (
	"net/netip"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"beffroi/server/pdu"
)

const (
	maxName       = 100 // characters of the commune's name and a person's
	maxServerName = 230 // bytes, so that 255 are enough for a user id
	maxLocalpart  = 60
	maxUserID     = 255 // bytes. Source: appendices, "User Identifiers"
)

// nameProblems looks at a name of a commune or a person; kind begins the message's key.
func nameProblems(kind, name string) []problem {
	switch {
	case name == "":
		return []problem{{Key: kind + "_missing"}}
	case utf8.RuneCountInString(name) > maxName:
		return []problem{{Key: "name_too_long", Data: map[string]any{"Max": maxName}}}
	}
	return nil
}

// cleanText is what was typed, on one line.
func cleanText(typed string) string {
	return strings.Join(strings.Fields(strings.ToValidUTF8(typed, "")), " ")
}

// cleanAddress takes an address that was copied from a browser too.
func cleanAddress(typed string) string {
	s := strings.ToLower(cleanText(typed))
	s = strings.TrimPrefix(strings.TrimPrefix(s, "https://"), "http://")
	return strings.TrimSuffix(s, "/")
}

// addressProblems says why a server name can't be the commune's. The specification allows more (addresses of machines, names without a dot):
// what can never change should be a name of one's own. Only localhost is allowed beside, to try on one machine.
func addressProblems(address string) []problem {
	host, _, _ := strings.Cut(address, ":")
	_, isIP := netip.ParseAddr(strings.Trim(host, "[]"))
	switch {
	case address == "":
		return []problem{{Key: "address_missing"}}
	case strings.ContainsAny(address, "/?#"):
		return []problem{{Key: "address_path"}}
	case strings.Contains(address, "@"):
		return []problem{{Key: "address_mail"}}
	case isIP == nil || strings.HasPrefix(address, "["):
		return []problem{{Key: "address_ip"}}
	case !pdu.ValidServerName(address) || len(address) > maxServerName || !validHost(host):
		return []problem{{Key: "address_invalid"}}
	case host != "localhost" && !strings.Contains(host, "."):
		return []problem{{Key: "address_no_dot"}}
	}
	return nil
}

// validHost tells what the grammar of server names does not: that the labels are labels of the DNS (RFC 1123).
func validHost(host string) bool {
	return regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`).MatchString(host)
}

// localpartProblems allows less than the specification: what can be said on the telephone. A leading _ is for services.
func localpartProblems(localpart string) []problem {
	switch {
	case localpart == "":
		return []problem{{Key: "localpart_missing"}}
	case len(localpart) > maxLocalpart:
		return []problem{{Key: "name_too_long", Data: map[string]any{"Max": maxLocalpart}}}
	case !regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`).MatchString(localpart):
		return []problem{{Key: "localpart_invalid"}}
	}
	return nil
}

// proposeLocalpart makes an identifier of a person's name: "Élodie Le Goff" is elodie.legoff; of no Latin letters, "administrateur".
func proposeLocalpart(name string) string {
	first, rest, _ := strings.Cut(plainLetters(name), " ")
	proposal := strings.Trim(first+"."+strings.ReplaceAll(rest, " ", ""), ".-")
	if proposal == "" {
		return "administrateur"
	}
	return strings.TrimRight(proposal[:min(len(proposal), maxLocalpart)], ".-")
}

// plainLetters keeps a to z, digits, dashes and spaces, without accents.
func plainLetters(name string) string {
	name = strings.NewReplacer("œ", "oe", "æ", "ae", "ß", "ss", "ø", "o", "ł", "l").Replace(strings.ToLower(name))
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == ' ' {
			return r
		}
		return -1
	}, norm.NFD.String(name))
	return strings.Join(strings.Fields(name), " ")
}
