package accounts

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/argon2"

	"beffroi/server/limits"
	"beffroi/server/merr"
)

// Cost is what one argon2id hash costs. Source: SECURITY.md, 19 MiB, 2 iterations, 1 lane.
type Cost struct {
	MemoryKiB  uint32
	Iterations uint32
	Threads    uint8
}

const (
	saltSize = 16
	keySize  = 32

	hashesAtOnce = 2 // each takes Cost.MemoryKiB and a core

	maxPasswordBytes = 512
)

// passwords hashes and verifies passwords, a few at a time.
type passwords struct {
	cost   Cost
	random io.Reader
	slots  *limits.Slots
}

func newPasswords(cost Cost, random io.Reader) *passwords {
	return &passwords{cost: cost, random: random, slots: limits.NewSlots(hashesAtOnce)}
}

// phc is a parsed hash in the PHC string format: $argon2id$v=19$m=19456,t=2,p=1$salt$key.
type phc struct {
	Cost
	salt, key []byte
}

func (p phc) String() string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.MemoryKiB, p.Iterations, p.Threads, b64(p.salt), b64(p.key))
}

func parsePHC(text string) (p phc, err error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, errors.New("not an argon2id hash of version 19")
	}
	if _, err = fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.MemoryKiB, &p.Iterations, &p.Threads); err != nil {
		return p, fmt.Errorf("argon2id cost %q: %w", parts[3], err)
	}
	var saltErr, keyErr error
	p.salt, saltErr = base64.RawStdEncoding.DecodeString(parts[4])
	p.key, keyErr = base64.RawStdEncoding.DecodeString(parts[5])
	if p.Iterations == 0 || p.Threads == 0 || len(p.key) == 0 {
		err = errors.New("an argon2id hash without iterations, threads or key")
	}
	return p, errors.Join(err, saltErr, keyErr)
}

// hash gives the PHC string of a new password, at the present cost.
func (p *passwords) hash(ctx context.Context, password string) (string, error) {
	if err := checkPassword(password); err != nil {
		return "", err
	}
	if err := p.slots.Hold(ctx); err != nil {
		return "", err
	}
	defer p.slots.Release()
	return p.rehash(password)
}

// rehash is hash for who holds a slot, of a password that is one already.
func (p *passwords) rehash(password string) (string, error) {
	salt, err := randomBytes(p.random, saltSize)
	if err != nil {
		return "", err
	}
	made := phc{Cost: p.cost, salt: salt, key: make([]byte, keySize)}
	made.key = made.derive(password)
	return made.String(), nil
}

// verify tells whether a password is the one of a PHC string, and whether that is of another cost than the present. For the empty string
// it takes as long as for another, and says no: nobody learns which accounts exist. Who calls it holds a slot.
func (p *passwords) verify(text, password string) (right, outdated bool, err error) {
	want := phc{Cost: p.cost, salt: make([]byte, saltSize), key: make([]byte, keySize)}
	if text != "" {
		if want, err = parsePHC(text); err != nil {
			return false, false, err
		}
	}
	if len(password) > maxPasswordBytes {
		return false, false, nil
	}
	key := want.derive(password)
	right = subtle.ConstantTimeCompare(key, want.key) == 1 && text != ""
	return right, want.Cost != p.cost, nil
}

// derive gives the key of a password, by p's cost and salt. Who calls it holds a slot.
func (p phc) derive(password string) []byte {
	return argon2.IDKey([]byte(password), p.salt, p.Iterations, p.MemoryKiB, p.Threads, uint32(len(p.key)))
}

func checkPassword(password string) error {
	switch {
	case password == "":
		return merr.MissingParam("A password is needed")
	case len(password) > maxPasswordBytes:
		return merr.InvalidParam("A password has %d bytes at most", maxPasswordBytes)
	}
	return nil
}
