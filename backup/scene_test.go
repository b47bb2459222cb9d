package backup_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	_ "modernc.org/sqlite" // the driver

	"beffroi/backup/archive"
	"beffroi/server/servertest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sheet is a recovery sheet: the public half, and a file with the identity.
type sheet struct{ recipient, file string }

func newSheet(t testing.TB) sheet {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	must(t, err)
	file := filepath.Join(t.TempDir(), "fiche.txt")
	must(t, os.WriteFile(file, []byte("# sheet of a test\n"+identity.String()+"\n"), 0o600))
	return sheet{identity.Recipient().String(), file}
}

// archiveIn gives the one archive of a folder, in which nothing else is.
func archiveIn(t testing.TB, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	if len(entries) != 1 || !strings.HasPrefix(entries[0].Name(), "beffroi-") || !strings.HasSuffix(entries[0].Name(), "Z.age") {
		t.Fatal("in the folder of the backup:", entries)
	}
	return filepath.Join(dir, entries[0].Name())
}

// command runs the binary and gives what it wrote and how it ended.
func command(binary string, args ...string) (out string, cmd *exec.Cmd, err error) {
	cmd = exec.CommandContext(context.Background(), binary, args...)
	var both bytes.Buffer
	cmd.Stdout, cmd.Stderr = &both, &both
	err = cmd.Run()
	return both.String(), cmd, err
}

func runs(t testing.TB, binary string, args ...string) string {
	t.Helper()
	out, _, err := command(binary, args...)
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return out
}

// ignoring takes an archive that is only checked.
type ignoring struct{}

func (ignoring) Begin(archive.Header) error               { return nil }
func (ignoring) Table(string, []string) error             { return nil }
func (ignoring) Row([]any) error                          { return nil }
func (ignoring) File(archive.Sum, int64, io.Reader) error { return nil }
func (ignoring) End(archive.Manifest) error               { return nil }

// copying writes what it reads into another archive, but for the manifest.
type copying struct {
	t  *testing.T
	to io.Writer
	w  *archive.Writer
}

func (c *copying) Begin(h archive.Header) (err error) {
	c.w, err = archive.NewWriter(c.to, h)
	return err
}

func (c *copying) Table(name string, columns []string) error { return c.w.Table(name, columns) }
func (c *copying) Row(row []any) error                       { return c.w.Row(row) }
func (c *copying) End(archive.Manifest) error                { return nil }

func (c *copying) File(sum archive.Sum, size int64, r io.Reader) error {
	return c.w.File(sum, size, r)
}

func testKey(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func sumOf(content []byte) archive.Sum { return sha256.Sum256(content) }

// put stores a file in a data folder's content repository.
func put(t testing.TB, dataDir string, content []byte) archive.Sum {
	t.Helper()
	path := mediaPath(dataDir, content)
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	must(t, os.WriteFile(path, content, 0o600))
	return sumOf(content)
}

// manifestOf decrypts an archive and checks it without a database.
func manifestOf(r io.Reader, identity string) (archive.Manifest, error) {
	raw, err := os.ReadFile(identity)
	if err != nil {
		return archive.Manifest{}, err
	}
	keys, err := age.ParseIdentities(bytes.NewReader(raw))
	if err != nil {
		return archive.Manifest{}, err
	}
	plain, err := age.Decrypt(r, keys...)
	if err != nil {
		return archive.Manifest{}, err
	}
	return archive.Read(plain, ignoring{})
}

// as lets a user of one server speak to another with the token they have.
func as(t testing.TB, c *servertest.Client, u *servertest.User) *servertest.User {
	v := c.Anonymous(t)
	v.Localpart, v.UserID, v.DeviceID, v.AccessToken = u.Localpart, u.UserID, u.DeviceID, u.AccessToken
	return v
}

// upload puts a file into the content repository and gives its mxc URI.
func upload(t testing.TB, url string, u *servertest.User, content []byte) string {
	t.Helper()
	var answer struct {
		ContentURI string `json:"content_uri"`
	}
	must(t, json.Unmarshal(raw(t, "POST", url+"/_matrix/media/v3/upload?filename=plan.pdf", u, content), &answer))
	return answer.ContentURI
}

func download(t testing.TB, url string, u *servertest.User, uri string) []byte {
	t.Helper()
	return raw(t, "GET", url+"/_matrix/client/v1/media/download/"+strings.TrimPrefix(uri, "mxc://"), u, nil)
}

func raw(t testing.TB, method, url string, u *servertest.User, body []byte) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, url, bytes.NewReader(body))
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+u.AccessToken)
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	must(t, err)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %d %s", method, url, resp.StatusCode, answer)
	}
	return answer
}
