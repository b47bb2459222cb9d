package setup

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// tokenFile lies in the data folder while nobody has finished the wizard: not in the database, so that `beffroi setup token` can write it
// beside a running server.
const tokenFile = "setup-token"

const (
	tokenLifetime = 24 * time.Hour
	tokenLetters  = 28 // of 5 bits: seven groups of four, 140 bits
	tokenGroup    = 4
	maxTokens     = 8 // a server that starts again and again must not fill the file

	base32Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
)

// ErrInstalled is a data folder that is a server's already.
var ErrInstalled = errors.New("ce serveur est déjà installé : il n'y a plus de jeton d'installation")

// A token is what the file keeps of one: only its hash.
type token struct {
	Hash  string    `json:"sha256"` // hexadecimal, over the letters without dashes
	Until time.Time `json:"until"`
}

// NewToken makes a token in place of all others, for `beffroi setup token`, and gives it as it is typed. databaseFile is the name of the
// database in the data folder: ErrInstalled where there is one and no wizard waits for a token.
func NewToken(dataDir, databaseFile string, random io.Reader, now time.Time) (string, error) {
	if err := os.MkdirAll(dataDir, 0o700); err != nil {
		return "", err
	}
	_, noToken := os.Stat(filepath.Join(dataDir, tokenFile))
	_, noDatabase := os.Stat(filepath.Join(dataDir, databaseFile))
	if errors.Is(noToken, fs.ErrNotExist) && noDatabase == nil {
		return "", ErrInstalled
	}
	return addToken(dataDir, nil, random, now)
}

// addToken makes a token beside others.
func addToken(dataDir string, others []token, random io.Reader, now time.Time) (string, error) {
	letters := make([]byte, tokenLetters)
	if _, err := io.ReadFull(random, letters); err != nil {
		return "", err
	}
	for i, b := range letters {
		letters[i] = base32Alphabet[b%32]
	}
	tokens := append([]token{{Hash: hashOf(string(letters)), Until: now.Add(tokenLifetime)}}, others...)
	if err := writeTokens(dataDir, tokens[:min(len(tokens), maxTokens)]); err != nil {
		return "", err
	}
	return strings.Join(groups(string(letters), tokenGroup), "-"), nil
}

// readTokens gives the tokens that can still be used; none where there is no file.
func readTokens(dataDir string, now time.Time) ([]token, error) {
	content, err := os.ReadFile(filepath.Join(dataDir, tokenFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var tokens []token
	if err := json.Unmarshal(content, &tokens); err != nil {
		return nil, fmt.Errorf("%s : fichier abîmé, que `beffroi setup token` remplace : %w", tokenFile, err)
	}
	return slices.DeleteFunc(tokens, func(t token) bool { return !now.Before(t.Until) }), nil
}

// writeTokens replaces the file in one step. It belongs to whoever owns the data folder: root may have called.
func writeTokens(dataDir string, tokens []token) error {
	content, err := json.Marshal(tokens)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dataDir, tokenFile+".*") // of mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, giveToOwner(f, dataDir), f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(dataDir, tokenFile))
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

func giveToOwner(f *os.File, dataDir string) error {
	info, err := os.Stat(dataDir)
	if err != nil || os.Getuid() != 0 {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		return f.Chown(int(owner.Uid), int(owner.Gid))
	}
	return nil
}

// Forget removes the tokens of a data folder that is a server's.
func Forget(dataDir string) error {
	err := os.Remove(filepath.Join(dataDir, tokenFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// isToken tells whether what was typed is one of the tokens. Case, spaces and dashes don't count.
func isToken(typed string, tokens []token) bool {
	hash := hashOf(letters(typed))
	found := 0
	for _, t := range tokens {
		found |= subtle.ConstantTimeCompare([]byte(hash), []byte(t.Hash))
	}
	return found == 1
}

// letters is what was typed without spaces and dashes, in capitals.
func letters(typed string) string {
	return strings.ToUpper(strings.NewReplacer(" ", "", "-", "", "\u00a0", "", "\t", "", "\n", "", "\r", "").Replace(typed))
}

func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// groups cuts a text into pieces of n bytes; the last may be shorter.
func groups(text string, n int) (pieces []string) {
	for piece := range slices.Chunk([]byte(text), n) {
		pieces = append(pieces, string(piece))
	}
	return pieces
}
