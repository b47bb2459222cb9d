package keys

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"beffroi/server/pdu"
	"beffroi/server/store"
)

const (
	// MaxDocument is how many bytes a server may say of its keys.
	MaxDocument = 64 << 10
	// maxKeys is how many keys a server may have, old ones included.
	maxKeys = 100
	// maxKept is how many it may have had in its life.
	maxKept = 1000
	// maxVersion is how many bytes of a key id may follow its algorithm.
	maxVersion = 100
	// trusted is how far ahead the word of a server counts: a thief's key must not be valid for years.
	trusted = 7 * 24 * time.Hour
)

// ErrDocument is that a document does not prove the keys in it.
var ErrDocument = errors.New("bad key document")

func documentf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDocument, fmt.Sprintf(format, args...))
}

// document is what a server says of its keys: checked.
type document struct {
	object pdu.Object
	keys   []store.ServerKey
}

// readDocument checks what a server is said to have said of its keys: its name, and that each key in use has signed. A key in use that has not signed
// does not count; a signature that is wrong refuses all of it. What is no Ed25519 key of 32 bytes is left out.
//
// Spec: server-server API, "Publishing Keys".
func readDocument(b []byte, server string, now time.Time) (*document, error) {
	if len(b) > MaxDocument {
		return nil, documentf("%d bytes", len(b))
	}
	o, err := pdu.ParseObject(b)
	if err != nil {
		return nil, documentf("%v", err)
	}
	if name, _ := o.Text("server_name"); name != server {
		return nil, documentf("it is of %q, not of %q", name, server)
	}
	until, ok := o.Int("valid_until_ts")
	if !ok || until < 0 {
		return nil, documentf("valid_until_ts is missing")
	}
	d, most := &document{object: o}, store.Millis(now.Add(trusted))
	if err := d.addKeys(server, min(until, most)); err != nil {
		return nil, err
	}
	return d, d.addOld(most)
}

func (d *document) addKeys(server string, until int64) error {
	signatures := d.object.Object("signatures").Object(server)
	for id, v := range d.object.Object("verify_keys").All() {
		key, ok := readKey(id, v)
		if _, signed := signatures.Text(id); !ok || !signed {
			continue
		}
		if len(d.keys) == maxKeys {
			return documentf("more than %d keys", maxKeys)
		}
		if err := d.object.VerifySignature(server, id, key); err != nil {
			return documentf("%v", err)
		}
		d.keys = append(d.keys, store.ServerKey{ID: id, Key: key, Until: until})
	}
	if len(d.keys) == 0 {
		return documentf("no key in it has signed it")
	}
	return nil
}

func (d *document) addOld(most int64) error {
	for id, v := range d.object.Object("old_verify_keys").All() {
		key, ok := readKey(id, v)
		inner, _ := v.Object()
		expired, dated := inner.Int("expired_ts")
		if !ok || !dated || d.has(id) {
			continue
		}
		if len(d.keys) == maxKeys {
			return documentf("more than %d keys", maxKeys)
		}
		d.keys = append(d.keys, store.ServerKey{ID: id, Key: key, Until: min(expired, most), Retired: true})
	}
	return nil
}

// readKey reads a key; ok is false for what is none of Ed25519.
func readKey(id string, v pdu.Value) (key ed25519.PublicKey, ok bool) {
	inner, _ := v.Object()
	text, _ := inner.Text("key")
	raw, err := pdu.DecodeBase64(text)
	return raw, err == nil && len(raw) == ed25519.PublicKeySize && ValidKeyID(id)
}

func (d *document) has(id string) bool {
	return slices.ContainsFunc(d.keys, func(k store.ServerKey) bool { return k.ID == id })
}

// ValidKeyID tells whether a text is the id of an Ed25519 key. It takes points and dashes beside what the specification allows in a version: servers have used them.
func ValidKeyID(id string) bool {
	version, ed := strings.CutPrefix(id, "ed25519:")
	return ed && version != "" && len(version) <= maxVersion && strings.Trim(version, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == ""
}

// Check reads what a server said of its keys, as the ring does that takes them: those in use and old ones (Retired). The error wraps ErrDocument.
func Check(b []byte, server string, now time.Time) ([]store.ServerKey, error) {
	d, err := readDocument(b, server, now)
	if err != nil {
		return nil, err
	}
	return d.keys, nil
}
