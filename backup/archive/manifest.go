package archive

import (
	"crypto/ed25519"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"hash"
	"slices"

	"beffroi/server/pdu"
)

// Sum is a SHA-256.
type Sum [32]byte

// Fingerprint is the signing key's public half as people compare it: hexadecimal, in groups of four.
func (k Key) Fingerprint() string {
	raw, _ := pdu.DecodeBase64(k.Public) // a key that was read is well-formed
	text := hex.EncodeToString(raw)
	out := make([]byte, 0, len(text)*5/4)
	for i := range len(text) {
		if i > 0 && i%4 == 0 {
			out = append(out, ' ')
		}
		out = append(out, text[i])
	}
	return string(out)
}

// sign writes the manifest as a signed JSON object. Spec: appendices, "Signing JSON".
func (m *Manifest) sign(key ed25519.PrivateKey) ([]byte, error) {
	m.Key.Public = pdu.EncodeBase64(key.Public().(ed25519.PublicKey))
	raw, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	return pdu.SignJSON(raw, m.ServerName, m.Key.ID, key)
}

// parseManifest reads a manifest and checks its signature with the key that it names.
func parseManifest(raw []byte) (m Manifest, err error) {
	tree, err := pdu.ParseObject(raw) // strict: no name twice, nothing that is not canonical
	if err != nil {
		return m, damaged("the manifest is not JSON: %v", err)
	}
	if err := json.Unmarshal(tree.Raw(), &m); err != nil {
		return m, damaged("the manifest is malformed: %v", err)
	}
	public, err := pdu.DecodeBase64(m.Key.Public)
	if err != nil || len(public) != ed25519.PublicKeySize {
		return m, damaged("the manifest names no key")
	}
	if err := pdu.VerifyJSON(raw, m.ServerName, m.Key.ID, public); err != nil {
		return m, damaged("the manifest's signature: %v", err)
	}
	return m, nil
}

// matches compares what a manifest says with what was read.
func (m *Manifest) matches(h Header, tables []Table, media Media) error {
	if m.Header != h {
		return damaged("header and manifest disagree")
	}
	if !slices.EqualFunc(m.Tables, tables, Table.Equal) {
		return damaged("the tables are not those of the manifest")
	}
	media.Missing = m.Media.Missing
	if m.Media != media {
		return damaged("the media are not those of the manifest")
	}
	return nil
}

// addMedia adds a file to the hash over all files.
func addMedia(all hash.Hash, sum Sum, size int64) {
	_, _ = all.Write(mediaBody(sum, size)) // a hash never fails
}

// mediaBody is the body of a file's record.
func mediaBody(sum Sum, size int64) []byte {
	return binary.BigEndian.AppendUint64(sum[:], uint64(size))
}

func hexOf(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }
