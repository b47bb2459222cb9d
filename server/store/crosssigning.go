package store

import "database/sql"

const (
	crossSigningKeys   = `SELECT usage, json FROM cross_signing_key WHERE user = ?`
	putCrossSigningKey = `INSERT INTO cross_signing_key (user, usage, json) VALUES (?, ?, ?)
		ON CONFLICT (user, usage) DO UPDATE SET json = excluded.json`
	deleteCrossSigningKey  = `DELETE FROM cross_signing_key WHERE user = ? AND usage = ?`
	deleteCrossSigningKeys = `DELETE FROM cross_signing_key WHERE user = ?`

	keySignatures = `SELECT key_id, signer, signer_key, signature FROM key_signature WHERE user = ? AND signer IN (user, ?)`
	keySignature  = `SELECT signature FROM key_signature WHERE user = ? AND key_id = ? AND signer = ? AND signer_key = ?`
	putSignature  = `INSERT INTO key_signature (user, key_id, signer, signer_key, signature, pos) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (user, key_id, signer, signer_key) DO UPDATE SET signature = excluded.signature, pos = excluded.pos`
	deleteSignaturesOf = `DELETE FROM key_signature WHERE user = ? AND key_id = ?`
	deleteSignaturesBy = `DELETE FROM key_signature WHERE user = ? AND signer = user AND signer_key = ?`
)

// The usages of cross-signing keys.
const (
	UsageMaster      = "master"
	UsageSelfSigning = "self_signing"
	UsageUserSigning = "user_signing"
)

// KeySignature is a signature that was uploaded apart from the key that it signs.
type KeySignature struct {
	User      Atom   // whose key is signed
	KeyID     string // device id or public key
	Signer    Atom
	SignerKey string // ed25519:abcd
	Signature string // unpadded Base64
}

// CrossSigningKeys gives a user's keys, usage to canonical JSON.
func (r *Reader) CrossSigningKeys(user Atom) (map[string][]byte, error) {
	keys := map[string][]byte{}
	err := r.rows(crossSigningKeys, in(user), func(rows *sql.Rows) error {
		var usage string
		var json []byte
		err := rows.Scan(&usage, &json)
		keys[usage] = json
		return err
	})
	return keys, err
}

// PutCrossSigningKey replaces the key of a usage.
func (tx *Tx) PutCrossSigningKey(user Atom, usage string, json []byte) error {
	return tx.exec(putCrossSigningKey, user, usage, json)
}

// ForgetCrossSigningKey removes the key of a usage.
func (tx *Tx) ForgetCrossSigningKey(user Atom, usage string) error {
	return tx.exec(deleteCrossSigningKey, user, usage)
}

// KeySignatures gives the signatures on a user's keys that viewer may see: those by the user and by the viewer.
// Source: client-server API, "Key and signature security".
func (r *Reader) KeySignatures(user, viewer Atom) ([]KeySignature, error) {
	return list(r, keySignatures, in(user, viewer), func(rows *sql.Rows) (KeySignature, error) {
		s := KeySignature{User: user}
		err := rows.Scan(&s.KeyID, &s.Signer, &s.SignerKey, &s.Signature)
		return s, err
	})
}

// PutKeySignature keeps a signature at a position and tells whether it is new.
func (tx *Tx) PutKeySignature(s KeySignature, pos int64) (isNew bool, err error) {
	var old string
	if _, err := tx.row(keySignature, in(s.User, s.KeyID, s.Signer, s.SignerKey), &old); err != nil || old == s.Signature {
		return false, err
	}
	tx.touch(TouchedSignatures, int64(s.Signer), pos)
	return true, tx.exec(putSignature, s.User, s.KeyID, s.Signer, s.SignerKey, s.Signature, pos)
}

// ForgetSignaturesOf removes the signatures on a key that is replaced or gone.
func (tx *Tx) ForgetSignaturesOf(user Atom, keyID string) error {
	return tx.exec(deleteSignaturesOf, user, keyID)
}

// ForgetSignaturesBy removes the signatures that a user's replaced key made on the user's other keys.
func (tx *Tx) ForgetSignaturesBy(user Atom, signerKey string) error {
	return tx.exec(deleteSignaturesBy, user, signerKey)
}
