// Package pusher tells users' devices of what their push rules find: by push gateways (HTTP pushers, also those of UnifiedPush), by Web Push, which
// this server speaks itself, and by e-mail digests.
//
// Pushers are cursors over the stream of events. One loop wakes up when something happened to a user who has pushers; a message in a room
// where nobody has any costs it nothing.
//
// Spec: client-server API, "Push Notifications"; push gateway API. Source: MSC4174 (Web Push), MSC3881 (pushers switched off from elsewhere).
package pusher

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"beffroi/server/notify"
	"beffroi/server/push"
	"beffroi/server/store"

	"github.com/rs/zerolog"
)

// The kinds of pushers.
const (
	kindHTTP            = "http"
	kindEmail           = "email"
	kindWebPush         = "webpush"
	kindUnstableWebPush = "org.matrix.msc4174.webpush"
)

// Config is what the service is made of.
type Config struct {
	Push   *push.Service
	Client *http.Client // that asks push gateways and push services; it follows no redirects
	Site   string       // the address at which this server is found, for push services and for links in e-mails
	Mail   Mail         // nil: no e-mail is sent, and nobody can ask for any
	Now    func() time.Time
	Log    zerolog.Logger
}

// Mail sends digests.
type Mail interface {
	// Owns tells whether an address is one of a user's third-party ids.
	Owns(r *store.Reader, user store.Atom, address string) (bool, error)
	// SendIn takes a digest that is sent if the write is durable.
	SendIn(tx *store.Tx, d *Digest) error
}

// Service keeps pushers. Run sends.
type Service struct {
	Config
	db      *store.DB
	hub     *notify.Hub
	changed chan struct{} // pushers are other than Run knows

	vapidMu sync.Mutex
	vapid   *vapid // made at first need
}

// New makes the service.
func New(db *store.DB, hub *notify.Hub, c Config) *Service {
	return &Service{Config: c, db: db, hub: hub, changed: make(chan struct{}, 1)}
}

// about is what a client said of a pusher beside its names.
type about struct {
	AppName    string          `json:"app_display_name"`
	DeviceName string          `json:"device_display_name"`
	ProfileTag string          `json:"profile_tag,omitempty"`
	Lang       string          `json:"lang"`
	Data       json.RawMessage `json:"data"`
}

// pusherData is what this server reads of a pusher's data. All else is between the client and its gateway.
type pusherData struct {
	URL            string          `json:"url"`
	Format         json.RawMessage `json:"format"`
	Auth           json.RawMessage `json:"auth"`            // Web Push
	EventsOnly     json.RawMessage `json:"events_only"`     // Web Push: true where counts alone are not to be told
	DefaultPayload json.RawMessage `json:"default_payload"` // Web Push: members that each message has
}

// idOnly tells whether the client wants no more than the event's id.
func (d *pusherData) idOnly() bool { return text(d.Format) == "event_id_only" }

// text reads a JSON string; "" where it is none.
func text(raw json.RawMessage) (s string) {
	_ = json.Unmarshal(raw, &s) // else it stays empty
	return s
}

func isWebPush(kind string) bool { return kind == kindWebPush || kind == kindUnstableWebPush }

// tell wakes Run up.
func (s *Service) tell() {
	select {
	case s.changed <- struct{}{}:
	default: // it is told already
	}
}
