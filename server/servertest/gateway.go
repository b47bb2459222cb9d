package servertest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"beffroi/server/config"
	"beffroi/server/specschema"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// A Gateway is a push gateway on loopback, with HTTPS. Each request is held against the push gateway API. Its Option lets a server reach it.
type Gateway struct {
	URL    string // of POST /notify
	Option Option

	authorities string // PEM file

	t     testing.TB
	came  chan Notification
	reply chan func(http.ResponseWriter)
}

// Notification is what a gateway was told.
type Notification struct {
	EventID           string          `json:"event_id"`
	RoomID            string          `json:"room_id"`
	Type              string          `json:"type"`
	Sender            string          `json:"sender"`
	SenderDisplayName string          `json:"sender_display_name"`
	RoomName          string          `json:"room_name"`
	RoomAlias         string          `json:"room_alias"`
	UserIsTarget      *bool           `json:"user_is_target"`
	Prio              string          `json:"prio"`
	Content           json.RawMessage `json:"content"`
	Counts            *struct {
		Unread *int `json:"unread"`
	} `json:"counts"`
	Devices []struct {
		AppID   string                     `json:"app_id"`
		Pushkey string                     `json:"pushkey"`
		Since   int64                      `json:"pushkey_ts"`
		Data    map[string]json.RawMessage `json:"data"`
		Tweaks  map[string]json.RawMessage `json:"tweaks"`
	} `json:"devices"`
}

// Unread is the count that came along, -1 where none did.
func (n *Notification) Unread() int {
	if n.Counts == nil || n.Counts.Unread == nil {
		return -1
	}
	return *n.Counts.Unread
}

// NewGateway starts a push gateway.
func NewGateway(t testing.TB) *Gateway {
	t.Helper()
	g := &Gateway{t: t, came: make(chan Notification, 1000), reply: make(chan func(http.ResponseWriter), 1000)}
	spec := specschema.Open(t)
	var address string
	address, g.authorities = ServeTLS(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the server was killed
		}
		if spec != nil {
			for _, fault := range spec.CheckBody(r.Method, r.URL.Path, body) {
				t.Errorf("%s: %s", body, fault)
			}
		}
		var told struct{ Notification Notification }
		if err := json.Unmarshal(body, &told); err != nil || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %v: %v", body, r.Header, err)
		}
		reply := func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"rejected":[]}`) } // who does not wait for it has ended
		select {
		case reply = <-g.reply:
		default:
		}
		g.came <- told.Notification // after that, Reply is about the next one
		reply(w)
	}))
	g.URL, g.Option = address+"/_matrix/push/v1/notify", PushesTo(g.authorities)
	return g
}

// Environment is the gateway's Option for a Process.
func (g *Gateway) Environment() []string {
	return []string{"BEFFROI_PUSH_ALLOW=127.0.0.0/8", "BEFFROI_PUSH_AUTHORITIES=" + g.authorities}
}

// ServeTLS serves a handler on loopback with HTTPS until the test ends, and gives a PEM file of who vouches for it.
func ServeTLS(t testing.TB, h http.Handler) (url, authorities string) {
	t.Helper()
	s := httptest.NewTLSServer(h)
	t.Cleanup(s.Close)
	return s.URL, writePEM(t, t.TempDir()+"/authorities.pem", "CERTIFICATE", s.Certificate().Raw)
}

// PushesTo lets a server push to what is served on loopback by authorities of a PEM file.
func PushesTo(authorities string) Option {
	return func(c *config.Config) { c.Push = config.Push{Allow: "127.0.0.0/8", Authorities: authorities} }
}

// Reply lets the gateway answer the next request otherwise than that all is well.
func (g *Gateway) Reply(with func(w http.ResponseWriter)) { g.reply <- with }

// Next waits for what the gateway is told next.
func (g *Gateway) Next() Notification {
	g.t.Helper()
	select {
	case n := <-g.came:
		return n
	case <-time.After(patience):
		g.t.Fatal("the push gateway was told of nothing")
		return Notification{}
	}
}

// NextEvent is Next without what tells of counts alone.
func (g *Gateway) NextEvent() Notification {
	g.t.Helper()
	for {
		if n := g.Next(); n.EventID != "" {
			return n
		}
	}
}

// Told gives what the gateway was told that nobody has asked for yet.
func (g *Gateway) Told() (all []Notification) {
	for {
		select {
		case n := <-g.came:
			all = append(all, n)
		default:
			return all
		}
	}
}

// SetPusher makes an HTTP pusher of the user's device at the gateway; more adds members, or replaces them.
func (u *User) SetPusher(g *Gateway, pushkey string, more map[string]any) {
	u.t.Helper()
	u.Must("POST", client+"/pushers/set", HTTPPusher(g.URL, pushkey, more), nil)
}

// HTTPPusher is a body of POST /pushers/set.
func HTTPPusher(url, pushkey string, more map[string]any) map[string]any {
	body := map[string]any{"kind": "http", "app_id": "org.example.app", "pushkey": pushkey, "app_display_name": "App", "device_display_name": "Phone",
		"lang": "fr", "data": map[string]any{"url": url}}
	for key, value := range more {
		body[key] = value
	}
	return body
}
