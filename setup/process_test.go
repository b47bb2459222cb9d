package setup_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"beffroi/server/servertest"
)

// A console is the real binary on a fresh folder, and what it prints.
type console struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines *bufio.Scanner
	log   synced
}

// A synced buffer is written by the child and read by the test.
type synced struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *synced) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *synced) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func startBinary(t *testing.T, binary string, args ...string) *console {
	t.Helper()
	c := &console{t: t, cmd: exec.Command(binary, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)}
	c.cmd.Stderr = &c.log
	c.cmd.Env = append(os.Environ(), "BEFFROI_PASSWORD_MEMORY_KIB=8", "BEFFROI_PASSWORD_ITERATIONS=1", "BEFFROI_LOG_FORMAT=json")
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.cmd.Process.Kill() })
	c.lines = bufio.NewScanner(out)
	return c
}

// address waits for the address of the wizard.
func (c *console) address() *url.URL {
	c.t.Helper()
	for c.lines.Scan() {
		if found := regexp.MustCompile(`http://\S+/installation\?jeton=\S+`).FindString(c.lines.Text()); found != "" {
			u, err := url.Parse(found)
			if err != nil {
				c.t.Fatal(err)
			}
			return u
		}
	}
	c.t.Fatal("no address on the console: ", c.log.String())
	return nil
}

func (c *console) stop() {
	c.t.Helper()
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		c.t.Fatal(err)
	}
	if err := c.cmd.Wait(); err != nil {
		c.t.Fatalf("%v: %s", err, c.log.String())
	}
}

// postTo sends a form of the wizard's page at path and gives the page that follows.
func postTo(t *testing.T, client *http.Client, base *url.URL, path string, fields url.Values) (status int, body string) {
	t.Helper()
	_, body = read(t, client, base, path)
	hidden := regexp.MustCompile(`name="formulaire" value="([^"]+)"`).FindStringSubmatch(body)
	if hidden == nil {
		t.Fatalf("no form at %s: %s", path, body)
	}
	fields.Set("formulaire", hidden[1])
	answer, err := client.PostForm(base.ResolveReference(&url.URL{Path: path}).String(), fields)
	if err != nil {
		t.Fatal(err)
	}
	return bodyOf(t, answer)
}

func read(t *testing.T, client *http.Client, base *url.URL, path string) (status int, body string) {
	t.Helper()
	answer, err := client.Get(base.ResolveReference(&url.URL{Path: path}).String())
	if err != nil {
		t.Fatal(err)
	}
	return bodyOf(t, answer)
}

func bodyOf(t *testing.T, answer *http.Response) (int, string) {
	t.Helper()
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// groupsOf answers what the sheet's page asks for.
func groupsOf(t *testing.T, body string) url.Values {
	t.Helper()
	printed := regexp.MustCompile(`<li>([A-Z0-9]{4,6})</li>`).FindAllStringSubmatch(body, -1)
	asked := regexp.MustCompile(`Groupe (\d) `).FindAllStringSubmatch(body, -1)
	if len(printed) != 10 || len(asked) != 2 {
		t.Fatalf("not a sheet: %s", body)
	}
	return url.Values{"groupe_1": {printed[asked[0][1][0]-'1'][1]}, "groupe_2": {printed[asked[1][1][0]-'1'][1]}}
}

// From an empty folder to a server that its administrator logs in to, in one process; then started again, it is a server at once.
func TestInstallation(t *testing.T) {
	binary, data := servertest.Build(t), filepath.Join(t.TempDir(), "data")
	c := startBinary(t, binary, "--data", data)
	base := c.address()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	if status, _ := read(t, browser, base, "/_matrix/client/versions"); status != 404 {
		t.Error("the API answers before there is a server:", status)
	}
	answer, err := browser.Get(base.String())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = bodyOf(t, answer)
	const password = "Abcdefghi-12"
	postTo(t, browser, base, "/installation/commune", url.Values{"commune": {"Mairie de Vauclair"}})
	postTo(t, browser, base, "/installation/adresse", url.Values{"adresse": {"vauclair.fr"}})
	postTo(t, browser, base, "/installation/administrateur", url.Values{"nom": {"Claire Martin"}})
	_, body := postTo(t, browser, base, "/installation/compte", url.Values{"identifiant": {"claire"}, "mot_de_passe": {password}, "encore": {password}})
	status, body := postTo(t, browser, base, "/installation/fiche", groupsOf(t, body))
	if status != 200 || !strings.Contains(body, "@claire:vauclair.fr") {
		t.Fatalf("the end: %d %s", status, body)
	}
	checkInstalled(t, base, password)
	if status, body := read(t, http.DefaultClient, base, "/config.json"); status != 200 || !strings.Contains(body, `"name":"Mairie de Vauclair"`) {
		t.Errorf("the web client is told %s", body)
	}
	c.stop()
	if strings.Contains(c.log.String(), password) || strings.Contains(c.log.String(), base.Query().Get("jeton")) {
		t.Error("a secret is in the log")
	}

	if out, err := exec.Command(binary, "setup", "token", "--data", data).CombinedOutput(); err == nil || !strings.Contains(string(out), "déjà installé") {
		t.Errorf("a token for a server: %v %s", err, out)
	}
	c = startBinary(t, binary, "--data", data)
	checkInstalled(t, c.listening(), password)
	c.stop()

	// the folder is vauclair.fr's
	other := exec.Command(binary, "serve", "--data", data, "--listen", "127.0.0.1:0")
	other.Env = append(os.Environ(), "BEFFROI_SERVER_NAME=autre.fr")
	if out, err := other.CombinedOutput(); err == nil || !strings.Contains(string(out), `est celui du serveur "vauclair.fr"`) {
		t.Errorf("another name: %v %s", err, out)
	}
}

// listening waits for the line of the log that tells the address: an installed server prints none.
func (c *console) listening() *url.URL {
	c.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-time.After(5 * time.Millisecond) {
		if found := regexp.MustCompile(`"address":"([^"]+)"`).FindStringSubmatch(c.log.String()); found != nil {
			return &url.URL{Scheme: "http", Host: found[1]}
		}
	}
	c.t.Fatal("it never listened: ", c.log.String())
	return nil
}

// checkInstalled logs the administrator in and looks for the wizard.
func checkInstalled(t *testing.T, base *url.URL, password string) {
	t.Helper()
	if status, _ := read(t, http.DefaultClient, base, "/installation"); status != 404 {
		t.Error("the wizard still answers:", status)
	}
	login, err := json.Marshal(map[string]any{"type": "m.login.password", "password": password, "identifier": map[string]string{"type": "m.id.user", "user": "claire"}})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Post(base.ResolveReference(&url.URL{Path: "/_matrix/client/v3/login"}).String(), "application/json", bytes.NewReader(login))
	if err != nil {
		t.Fatal(err)
	}
	if status, body := bodyOf(t, answer); status != 200 || !strings.Contains(body, "@claire:vauclair.fr") {
		t.Errorf("log-in: %d %s", status, body)
	}
}
