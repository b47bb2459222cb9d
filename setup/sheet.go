package setup

import (
	"crypto/subtle"
	"fmt"
	"math/big"
	"strings"

	"crypto/rand"

	"filippo.io/age"
)

// A recovery sheet holds the key that reads the backups: an age identity, "AGE-SECRET-KEY-1" and 58 letters and digits. It exists in memory until
// it was typed back in part, and then on paper only.
type sheet struct {
	identity *age.X25519Identity
	asked    [2]int // the groups that are typed back, counted from 1, ascending
}

const (
	keyPrefix     = "AGE-SECRET-KEY-1"
	keyGroup      = 6
	wholeGroups   = 9 // 58 letters are nine groups of six, and four
	askedField    = "groupe_1"
	askedFieldTwo = "groupe_2"
)

func newSheet() (*sheet, error) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("setup: recovery key: %w", err)
	}
	first, err := rand.Int(rand.Reader, big.NewInt(wholeGroups))
	if err != nil {
		return nil, err
	}
	step, err := rand.Int(rand.Reader, big.NewInt(wholeGroups-1))
	if err != nil {
		return nil, err
	}
	a := int(first.Int64())
	b := (a + 1 + int(step.Int64())) % wholeGroups // another one
	return &sheet{identity: identity, asked: [2]int{min(a, b) + 1, max(a, b) + 1}}, nil
}

// Key is the whole key on one line, as a file for `beffroi restore` has it.
func (s *sheet) Key() string { return s.identity.String() }

// Prefix is what every key begins with.
func (s *sheet) Prefix() string { return keyPrefix }

// Groups are the rest of the key, as people read and type it.
func (s *sheet) Groups() []string { return groups(strings.TrimPrefix(s.Key(), keyPrefix), keyGroup) }

// typedBack says which of the two groups that were asked for were not typed as they stand on the sheet.
func (s *sheet) typedBack(typed [2]string) map[string][]problem {
	problems := map[string][]problem{}
	for i, field := range []string{askedField, askedFieldTwo} {
		right := s.Groups()[s.asked[i]-1]
		if subtle.ConstantTimeCompare([]byte(letters(typed[i])), []byte(right)) == 0 {
			problems[field] = []problem{{Key: "group_wrong", Data: map[string]any{"Number": s.asked[i]}}}
		}
	}
	return problems
}
