package pdu

import "strings"

// HostOf is a server name without its port, in lower case: what server ACLs look at.
//
// Spec: client-server API, "Server Access Control Lists (ACLs) for rooms".
func HostOf(server string) string {
	host, _, _ := cutPort(server)
	return strings.ToLower(host)
}

// MatchesGlob tells whether a glob of '*' and '?' describes a text, in time that grows with glob times text at most. Case counts.
//
// Spec: appendices, "Glob-style matching".
func MatchesGlob(glob, text string) bool {
	star, from := -1, 0
	g, t := 0, 0
	for t < len(text) {
		switch {
		case g < len(glob) && glob[g] == '*':
			star, from = g, t
			g++
		case g < len(glob) && (glob[g] == '?' || glob[g] == text[t]):
			g, t = g+1, t+1
		case star >= 0:
			from++
			g, t = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(glob[g:], "*") == ""
}
