package servertest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"beffroi/server/specschema"
)

// A Client knows one server and makes users on it.
type Client struct {
	URL        string // "http://127.0.0.1:PORT"
	ServerName string
	secret     string
	http       *http.Client
}

// NewClient is a client of a server that runs elsewhere, with its secret of registration.
func NewClient(t testing.TB, url, serverName, secret string) Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	t.Cleanup(transport.CloseIdleConnections)
	checked := specschema.Open(t).Transport(t, transport) // every answer is held against the specification
	return Client{URL: url, ServerName: serverName, secret: secret, http: &http.Client{Transport: checked}}
}

// Unchecked lets answers pass without holding them against the specification, and keeps a connection for everybody who asks: for measuring.
func (c *Client) Unchecked(t testing.TB) {
	transport := &http.Transport{MaxIdleConnsPerHost: 2000}
	t.Cleanup(transport.CloseIdleConnections)
	c.http = &http.Client{Transport: transport}
}

// Register makes the account @localpart with one device, by the shared secret (Synapse's admin API, "Shared-Secret
// Registration"). The password is the localpart.
func (c *Client) Register(t testing.TB, localpart string) *User {
	t.Helper()
	return c.register(t, localpart, false)
}

// RegisterAdmin is Register of an administrator.
func (c *Client) RegisterAdmin(t testing.TB, localpart string) *User {
	t.Helper()
	return c.register(t, localpart, true)
}

func (c *Client) register(t testing.TB, localpart string, admin bool) *User {
	t.Helper()
	const path = "/_synapse/admin/v1/register"
	u := &User{t: t, c: c, Localpart: localpart}
	var challenge struct{ Nonce string }
	u.Must("GET", path, nil, &challenge)
	u.Must("POST", path, map[string]any{
		"nonce": challenge.Nonce, "username": localpart, "password": localpart, "admin": admin,
		"mac": registerMAC(c.secret, challenge.Nonce, localpart, localpart, admin),
	}, u)
	return u
}

func registerMAC(secret, nonce, username, password string, admin bool) string {
	role := "notadmin"
	if admin {
		role = "admin"
	}
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(strings.Join([]string{nonce, username, password, role}, "\x00")))
	return hex.EncodeToString(mac.Sum(nil))
}

// Login gives a user of Register one more device.
func (c *Client) Login(t testing.TB, localpart string) *User {
	t.Helper()
	u := &User{t: t, c: c, Localpart: localpart}
	u.Must("POST", "/_matrix/client/v3/login", map[string]any{
		"type": "m.login.password", "password": localpart,
		"identifier": map[string]any{"type": "m.id.user", "user": localpart},
	}, u)
	return u
}

// Anonymous speaks without an access token.
func (c *Client) Anonymous(t testing.TB) *User { return &User{t: t, c: c} }

// A User is one device of an account.
type User struct {
	Localpart   string `json:"-"`
	UserID      string `json:"user_id"`
	DeviceID    string `json:"device_id"`
	AccessToken string `json:"access_token"`

	t        testing.TB
	c        *Client
	asserted string // user id that an application service acts as; empty: its own
}

// Do sends body as JSON (none when nil; []byte as it is) to the path, which may have a query, and gives the answer's status.
// The answer is decoded into out, unless out is nil.
func (u *User) Do(method, path string, body, out any) int {
	u.t.Helper()
	status, answer := u.do(method, path, body)
	if out == nil {
		return status
	}
	if err := json.Unmarshal(answer, out); err != nil {
		u.t.Fatalf("%s %s: %d with %.200q: %v", method, path, status, answer, err)
	}
	return status
}

// Raw is Do that gives the answer as it came.
func (u *User) Raw(method, path string, body any) (status int, answer []byte) {
	u.t.Helper()
	return u.do(method, path, body)
}

// Must is Do that ends the test unless the answer is 200.
func (u *User) Must(method, path string, body, out any) {
	u.t.Helper()
	status, answer := u.do(method, path, body)
	if status != http.StatusOK {
		u.t.Fatalf("%s %s: %d %.500s", method, path, status, answer)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(answer, out); err != nil {
		u.t.Fatalf("%s %s: %.200q: %v", method, path, answer, err)
	}
}

// MustFail is Do that ends the test unless the answer has this status and errcode.
func (u *User) MustFail(status int, errcode, method, path string, body any) {
	u.t.Helper()
	got, answer := u.do(method, path, body)
	var failure struct{ Errcode string }
	if err := json.Unmarshal(answer, &failure); err != nil || got != status || failure.Errcode != errcode {
		u.t.Fatalf("%s %s: %d %.500s, want %d %s", method, path, got, answer, status, errcode)
	}
}

func (u *User) do(method, path string, body any) (int, []byte) {
	u.t.Helper()
	if u.asserted != "" {
		sign := "?"
		if strings.Contains(path, "?") {
			sign = "&"
		}
		path += sign + "user_id=" + url.QueryEscape(u.asserted)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, u.c.URL+path, u.reader(body))
	if err != nil {
		u.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if u.AccessToken != "" {
		req.Header.Set("Authorization", "Bearer "+u.AccessToken)
	}
	resp, err := u.c.http.Do(req)
	if err != nil {
		u.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		u.t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp.StatusCode, answer
}

func (u *User) reader(body any) io.Reader {
	u.t.Helper()
	if body == nil {
		return nil
	}
	raw, isRaw := body.([]byte)
	if !isRaw {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			u.t.Fatal(err)
		}
	}
	return bytes.NewReader(raw)
}
