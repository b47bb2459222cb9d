package clientapi

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"beffroi/server/accounts"
	"beffroi/server/directory"
	"beffroi/server/e2ee"
	"beffroi/server/ephemeral"
	"beffroi/server/httpx"
	"beffroi/server/merr"
	"beffroi/server/notify"
	"beffroi/server/pdu"
	"beffroi/server/push"
	"beffroi/server/rooms"
	"beffroi/server/specschema"
	"beffroi/server/store"
	"beffroi/server/store/storetest"
)

// hall is the encryption's part of a homeserver on loopback, with a database of its own.
type hall struct {
	testing.TB
	db   *store.DB
	hub  *notify.Hub
	path string
	url  string
	http *http.Client
	api  *API
}

// device is a logged-in device.
type device struct {
	*hall
	accounts.Session
	token string
	key   ed25519.PrivateKey
}

func newHall(t testing.TB) *hall {
	t.Helper()
	h := &hall{TB: t, hub: notify.New(), path: filepath.Join(t.TempDir(), "b.db")}
	var err error
	h.db = storetest.OpenAt(t, h.path)
	signer := pdu.Signer{ServerName: "hs", KeyID: "ed25519:1", Key: ed25519.NewKeyFromSeed(make([]byte, 32))}
	h.api = &API{DB: h.db, Now: time.Now, ServerName: "hs", E2EE: e2ee.New(h.db, h.hub, time.Now, e2ee.Config{ServerName: "hs", Log: zerolog.Nop()})}
	config := accounts.Config{ServerName: "hs", Password: accounts.Cost{MemoryKiB: 8, Iterations: 1, Threads: 1}}
	h.api.Accounts, err = accounts.New(context.Background(), h.db, h.hub, config, time.Now, rand.Reader, h.api.E2EE)
	h.ok(err)
	h.api.Rooms = rooms.New(h.db, h.hub, time.Now, rooms.Config{ServerName: signer.ServerName, Signer: func() pdu.Signer { return signer }, People: h.api.Accounts, Counts: push.New(h.db, h.hub)})
	h.api.Ephemeral, err = ephemeral.New(h.db, h.hub, time.Now, rand.Reader, zerolog.Nop(), false, nil)
	h.ok(err)
	t.Cleanup(h.api.Ephemeral.Close)
	h.api.Directory = directory.New(h.db, time.Now, directory.Config{Rooms: h.api.Rooms, ServerName: "hs"})
	adapter := httpx.New(h.api.Accounts, httpx.Gate{}, zerolog.Nop())
	adapter.Mount(h.api.Routes())
	server := httptest.NewServer(adapter)
	t.Cleanup(server.Close)
	h.url = server.URL
	h.http = &http.Client{Transport: specschema.Open(t).Transport(t, http.DefaultTransport)}
	return h
}

// login makes an account where there is none, and a device.
func (h *hall) login(name, deviceID string) *device {
	h.Helper()
	client := accounts.NewDevice{ID: deviceID, DisplayName: name + "'s " + deviceID}
	grant, err := h.api.Accounts.Register(context.Background(), accounts.NewAccount{Localpart: name, Password: "pw " + name}, client)
	if merr.Is(err, "M_USER_IN_USE") {
		grant, err = h.api.Accounts.Login(context.Background(), name, "pw "+name, client)
	}
	h.ok(err)
	session, err := h.api.Accounts.Authenticate(context.Background(), grant.AccessToken, "")
	h.ok(err)
	return &device{hall: h, Session: *session, token: grant.AccessToken, key: newKey(grant.UserID + deviceID)}
}

// exec changes the database from beside.
func (h *hall) exec(query string, args ...any) {
	h.Helper()
	db, err := sql.Open("sqlite", "file:"+h.path+"?_pragma=busy_timeout(10000)")
	h.ok(err)
	defer db.Close()
	_, err = db.Exec(query, args...)
	h.ok(err)
}

func (h *hall) ok(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// read runs fn on the database.
func read[T any](h *hall, fn func(r *store.Reader) (T, error)) T {
	h.Helper()
	v, err := store.Get(context.Background(), h.db, fn)
	h.ok(err)
	return v
}

// newKey gives the same key for the same name each time.
func newKey(name string) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	copy(seed, name)
	for i, c := range []byte(name) {
		seed[i%len(seed)] += c + byte(i)
	}
	return ed25519.NewKeyFromSeed(seed)
}

func public(key ed25519.PrivateKey) string {
	return pdu.EncodeBase64(key.Public().(ed25519.PublicKey))
}

// m is a JSON object.
type m = map[string]any

// sign adds a user's signature to a JSON value.
func (h *hall) sign(v any, userID, keyID string, key ed25519.PrivateKey) m {
	h.Helper()
	raw, err := json.Marshal(v)
	h.ok(err)
	signed, err := pdu.SignJSON(raw, userID, keyID, key)
	h.ok(err)
	var out m
	h.ok(json.Unmarshal(signed, &out))
	return out
}

// answer is what the server answered.
type answer struct {
	testing.TB
	request string
	status  int
	body    []byte
}

// do sends a request with a JSON body; a string is sent as it is.
func (d *device) do(method, path string, body any) answer {
	d.Helper()
	raw, isText := body.(string)
	if !isText && body != nil {
		b, err := json.Marshal(body)
		d.ok(err)
		raw = string(b)
	}
	req, err := http.NewRequest(method, d.url+"/_matrix/client/v3"+path, bytes.NewReader([]byte(raw)))
	d.ok(err)
	req.Header.Set("Authorization", "Bearer "+d.token)
	res, err := d.http.Do(req)
	d.ok(err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	d.ok(err)
	return answer{d.TB, method + " " + path, res.StatusCode, b}
}

func (d *device) post(path string, body any) answer { d.Helper(); return d.do("POST", path, body) }
func (d *device) put(path string, body any) answer  { d.Helper(); return d.do("PUT", path, body) }
func (d *device) get(path string) answer            { d.Helper(); return d.do("GET", path, nil) }

// ok wants success.
func (a answer) ok() answer {
	a.Helper()
	if a.status != http.StatusOK {
		a.Fatalf("%s: %d %s", a.request, a.status, a.body)
	}
	return a
}

// fails wants an error.
func (a answer) fails(status int, code string) answer {
	a.Helper()
	if a.status != status || a.at("errcode") != any(code) {
		a.Fatalf("%s: %d %s; want %d %s", a.request, a.status, a.body, status, code)
	}
	return a
}

// at gives the value under keys, nil where there is none.
func (a answer) at(keys ...string) any {
	a.Helper()
	var v any
	if err := json.Unmarshal(a.body, &v); err != nil {
		a.Fatalf("%s: %s: %v", a.request, a.body, err)
	}
	for _, key := range keys {
		object, _ := v.(map[string]any)
		v = object[key]
	}
	return v
}

// is wants a value, given as JSON, under keys.
func (a answer) is(want string, keys ...string) {
	a.Helper()
	var v any
	if err := json.Unmarshal([]byte(want), &v); err != nil {
		a.Fatal(err)
	}
	if got, wanted := fmt.Sprint(a.at(keys...)), fmt.Sprint(v); got != wanted {
		a.Errorf("%s: %v is %s; want %s", a.request, keys, got, wanted)
	}
}

// keys are the device's identity keys, signed.
func (d *device) keys() m {
	d.Helper()
	return d.sign(m{"user_id": d.UserID, "device_id": d.DeviceID, "algorithms": []string{"m.olm.v1.curve25519-aes-sha2"},
		"keys": m{"ed25519:" + d.DeviceID: public(d.key), "curve25519:" + d.DeviceID: "3C5BFWi2Y8MaVvjM8M22DBmh24PmgR0nPvJOIArzgyI"}},
		d.UserID, "ed25519:"+d.DeviceID, d.key)
}

// oneTimeKey is a signed key whose content is its name.
func (d *device) oneTimeKey(name string) m {
	d.Helper()
	return d.sign(m{"key": name}, d.UserID, "ed25519:"+d.DeviceID, d.key)
}

func (d *device) uploadKeys() *device {
	d.Helper()
	d.post("/keys/upload", m{"device_keys": d.keys()}).ok()
	return d
}

func (d *device) createRoom() string {
	d.Helper()
	return d.post("/createRoom", m{"preset": "public_chat"}).ok().at("room_id").(string)
}

func (d *device) join(room string) {
	d.Helper()
	d.post("/rooms/"+escape(room)+"/join", m{}).ok()
}

func (d *device) leave(room string) {
	d.Helper()
	d.post("/rooms/"+escape(room)+"/leave", m{}).ok()
}

func escape(id string) string { return url.PathEscape(id) }

// lists are the changes of devices since a position.
func (d *device) lists(since int64) store.DeviceLists {
	d.Helper()
	return read(d.hall, func(r *store.Reader) (store.DeviceLists, error) {
		return r.DeviceListChanges(d.User, since, d.db.Visible())
	})
}

// wantRows looks into the database from beside.
func (h *hall) wantRows(want int, query string) {
	h.Helper()
	db, err := sql.Open("sqlite", "file:"+h.path+"?mode=ro")
	h.ok(err)
	defer db.Close()
	var n int
	h.ok(db.QueryRow(query).Scan(&n))
	if n != want {
		h.Errorf("%s: %d, want %d", query, n, want)
	}
}
