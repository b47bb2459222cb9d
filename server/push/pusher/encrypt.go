package pusher

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

// Lengths of RFC 8188 and RFC 8291, in bytes.
const (
	authBytes   = 16
	saltBytes   = 16
	keyBytes    = 65 // a P-256 point, uncompressed
	tagBytes    = 16
	headerBytes = saltBytes + 4 + 1 + keyBytes
	maxMessage  = 4096 // what every push service takes (RFC 8030, section 7.2)
	padTo       = 1024 // messages are as long as a multiple of this, so that their length tells little

	maxPlaintext = maxMessage - headerBytes - tagBytes - 1
)

var errTooLong = errors.New("more than a push message holds")

// encrypt makes the body of a push message that only the client of a subscription reads.
// Source: RFC 8291 with the content coding aes128gcm of RFC 8188, in one record.
func encrypt(plaintext []byte, to *ecdh.PublicKey, auth []byte) ([]byte, error) {
	own, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	salt := make([]byte, saltBytes)
	if _, err := rand.Read(salt); err != nil {
		return nil, err
	}
	whole := headerBytes + len(plaintext) + 1 + tagBytes
	if whole > maxMessage {
		return nil, errTooLong
	}
	padding := (padTo - whole%padTo) % padTo
	record := append(plaintext[:len(plaintext):len(plaintext)], 2) // the delimiter of the last record, and the padding
	return seal(append(record, make([]byte, padding)...), own, to, auth, salt)
}

// seal encrypts a record.
func seal(record []byte, own *ecdh.PrivateKey, to *ecdh.PublicKey, auth, salt []byte) ([]byte, error) {
	shared, err := own.ECDH(to)
	if err != nil {
		return nil, err
	}
	info := "WebPush: info\x00" + string(to.Bytes()) + string(own.PublicKey().Bytes())
	ikm, err := hkdf.Key(sha256.New, shared, auth, info, 32)
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: aes128gcm\x00", 16)
	if err != nil {
		return nil, err
	}
	nonce, err := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: nonce\x00", 12)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	message := binary.BigEndian.AppendUint32(salt[:len(salt):len(salt)], maxMessage)
	message = append(message, keyBytes)
	message = append(message, own.PublicKey().Bytes()...)
	return gcm.Seal(message, nonce, record, nil), nil
}
