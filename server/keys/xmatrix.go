package keys

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"beffroi/server/merr"
	"beffroi/server/pdu"
)

const (
	scheme = "X-Matrix"
	// maxSignatures is how many keys one request may be signed with.
	maxSignatures = 4
)

// Authorization is the header with which a request of ours is signed. The uri is path and query; body is nil where there is none.
//
// Spec: server-server API, "Request Authentication".
func (o *Own) Authorization(method, uri, destination string, body []byte) (string, error) {
	s := o.Signer()
	signed, err := signedRequest(method, uri, s.ServerName, destination, body)
	if err != nil {
		return "", err
	}
	return scheme + ` origin="` + s.ServerName + `",destination="` + destination + `",key="` + s.KeyID + `",sig="` +
		pdu.EncodeBase64(ed25519.Sign(s.Key, signed)) + `"`, nil
}

// signedRequest is what a signature of a request covers: canonical JSON of the body as it was sent.
func signedRequest(method, uri, origin, destination string, body []byte) ([]byte, error) {
	if len(body) == 0 {
		return withContent(method, uri, origin, destination, nil)
	}
	content, err := pdu.CanonicalAnyNumber(body)
	if err != nil {
		return nil, err
	}
	return withContent(method, uri, origin, destination, content)
}

// withContent is signedRequest for a body that is canonical already, or is taken for it: no other text than the one that was signed comes out of anything else, as
// the members behind the content hold nothing but strings.
func withContent(method, uri, origin, destination string, content []byte) ([]byte, error) {
	b := append(make([]byte, 0, len(content)+len(uri)+512), '{')
	if len(content) > 0 {
		b = append(append(append(b, `"content":`...), content...), ',')
	}
	for i, member := range [...][2]string{{"destination", destination}, {"method", method}, {"origin", origin}, {"uri", uri}} {
		value, err := canonicalText(member[1])
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), member[0]+`":`...), value...)
	}
	return append(b, '}'), nil
}

func canonicalText(s string) ([]byte, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	return pdu.Canonical(b)
}

// credentials are one Authorization header.
type credentials struct{ origin, destination, key, sig string }

// Expect refuses a request before its body is read, where no body could make it one of another server: 401 M_UNAUTHORIZED without credentials, or where none of the
// keys that they name is known; 403 M_FORBIDDEN for servers that this one does not speak with.
func (r *Ring) Expect(ctx context.Context, req *http.Request) error {
	all, err := r.credentials(req)
	if err != nil {
		return err
	}
	for _, c := range all {
		if _, _, err = r.keyOf(ctx, c); err == nil {
			return nil
		}
	}
	return unauthorized("The signature could not be verified").Because(err)
}

// Origin tells which server signed a request to this one; body is what was sent. The error is as that of Expect, 401 too where no signature holds.
//
// Spec: server-server API, "Request Authentication".
func (r *Ring) Origin(ctx context.Context, req *http.Request, body []byte) (string, error) {
	all, err := r.credentials(req)
	if err != nil {
		return "", err
	}
	if len(body) > heavy {
		select {
		case r.heavy <- struct{}{}:
			defer func() { <-r.heavy }()
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	for _, c := range all {
		if err = r.signedBy(ctx, c, req, body); err == nil {
			r.Heard(c.origin)
			return c.origin, nil
		}
	}
	return "", unauthorized("The signature could not be verified").Because(err)
}

// heavy is from how many bytes on bodies are verified one after another: they take time and memory.
const heavy = 128 << 10

// credentials reads who wants to have signed a request.
func (r *Ring) credentials(req *http.Request) ([]credentials, error) {
	all, err := requestCredentials(req.Header.Values("Authorization"))
	if err != nil {
		return nil, unauthorized("The Authorization header is not what servers send").Because(err)
	}
	for _, c := range all {
		if c.origin != all[0].origin || c.origin == r.Own.serverName || !pdu.ValidServerName(c.origin) {
			return nil, unauthorized("The origin is no other server")
		}
		if c.destination != "" && c.destination != r.Own.serverName {
			return nil, unauthorized("The request is for another server")
		}
	}
	if !r.Admits(all[0].origin) {
		return nil, merr.Forbidden("This server does not speak with %s", all[0].origin)
	}
	return all, nil
}

// keyOf finds the key that credentials name.
func (r *Ring) keyOf(ctx context.Context, c credentials) (key ed25519.PublicKey, sig []byte, err error) {
	sig, err = pdu.DecodeBase64(c.sig)
	if err != nil || len(sig) != ed25519.SignatureSize {
		return nil, nil, errors.New("that is no signature")
	}
	if !ValidKeyID(c.key) {
		return nil, nil, errors.New("that is no key id")
	}
	key, err = r.forRequest(ctx, c.origin, c.key)
	return key, sig, err
}

// Claimed is the server that a request says to come from, which nothing has proven yet; ok is false where it says none, or several.
func Claimed(req *http.Request) (server string, ok bool) {
	all, err := requestCredentials(req.Header.Values("Authorization"))
	if err != nil {
		return "", false
	}
	for _, c := range all {
		if c.origin != all[0].origin || !pdu.ValidServerName(c.origin) {
			return "", false
		}
	}
	return all[0].origin, true
}

func unauthorized(text string) *merr.Error {
	return merr.New(http.StatusUnauthorized, "M_UNAUTHORIZED", "%s", text)
}

// signedBy checks one signature. Most servers send the very bytes that they signed; so what lies in a body and is not canonical, or too deep, is left to who reads it:
// an event of a room that its server should not have passed on must not stop all others.
func (r *Ring) signedBy(ctx context.Context, c credentials, req *http.Request, body []byte) error {
	key, sig, err := r.keyOf(ctx, c)
	if err != nil {
		return err
	}
	for _, signed := range [...]func(method, uri, origin, destination string, body []byte) ([]byte, error){withContent, signedRequest} {
		text, err := signed(req.Method, req.RequestURI, c.origin, r.Own.serverName, body)
		if err != nil {
			return err
		}
		if ed25519.Verify(key, text, sig) {
			return nil
		}
	}
	return pdu.ErrSignature
}

func requestCredentials(headers []string) (all []credentials, err error) {
	if len(headers) == 0 || len(headers) > maxSignatures {
		return nil, errors.New("none, or too many")
	}
	for _, header := range headers {
		c, err := parseCredentials(header)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

var errCredentials = errors.New("malformed credentials")

// parseCredentials reads a header: parameters in any order, names in any case, values as tokens, in which colons may stand, or as quoted strings. Those that are
// unknown are left out; none may come twice.
//
// Spec: RFC 9110, 11.4 and 5.6.
func parseCredentials(header string) (c credentials, err error) {
	name, rest, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(name, scheme) {
		return c, errCredentials
	}
	parameters := map[string]string{}
	for rest = skipSpace(rest); rest != ""; {
		if rest[0] == ',' { // an empty element of the list
			rest = skipSpace(rest[1:])
			continue
		}
		var key, value string
		if key, value, rest, err = parameter(rest); err != nil {
			return c, err
		}
		if _, twice := parameters[key]; twice {
			return c, errCredentials
		}
		parameters[key] = value
	}
	c = credentials{parameters["origin"], parameters["destination"], parameters["key"], parameters["sig"]}
	if c.sig == "" {
		c.sig = parameters["signature"]
	}
	if c.origin == "" || c.key == "" || c.sig == "" {
		return c, errCredentials
	}
	return c, nil
}

// parameter reads name=value up to the next comma.
func parameter(s string) (name, value, rest string, err error) {
	n := tokenLength(s, "")
	name, s = strings.ToLower(s[:n]), skipSpace(s[n:])
	if n == 0 || s == "" || s[0] != '=' {
		return "", "", "", errCredentials
	}
	s = skipSpace(s[1:])
	if strings.HasPrefix(s, `"`) {
		value, s, err = quotedString(s[1:])
	} else {
		n = tokenLength(s, ":/=") // Base64 of old servers may stand there, too
		if value, s = s[:n], s[n:]; n == 0 {
			err = errCredentials
		}
	}
	s = skipSpace(s)
	if err == nil && s != "" && s[0] != ',' {
		err = errCredentials
	}
	return name, value, s, err
}

// quotedString reads what follows a quote up to the next one.
func quotedString(s string) (value, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], nil
		case '\\':
			if i++; i == len(s) {
				return "", "", errCredentials
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", errCredentials
}

func tokenLength(s, beside string) int {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
		if !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~"+beside, rune(c)) {
			return i
		}
	}
	return len(s)
}

func skipSpace(s string) string { return strings.TrimLeft(s, " \t") }
