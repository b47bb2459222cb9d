// Package e2ee keeps what end-to-end encryption needs of a server: device keys and their lists, one-time and fallback keys,
// cross-signing keys and signatures, key backups, and messages to devices. It sees public keys and ciphertext only.
//
// Source: client-server API, "End-to-End Encryption" and "Send-to-Device messaging".
package e2ee

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"beffroi/server/accounts"
	"beffroi/server/merr"
	"beffroi/server/notify"
	"beffroi/server/pdu"
	"beffroi/server/store"

	"github.com/rs/zerolog"
)

// The limits of what a device may send.
const (
	maxIDLength     = 255       // of device ids, key ids, algorithms, session ids, in bytes
	maxDeviceKeys   = 16 << 10  // of a device's identity keys, in bytes
	maxOneTimeKey   = 4 << 10   // of a one-time key, in bytes
	maxKeysHeld     = 200       // one-time keys of a device and algorithm
	maxUsers        = 10_000    // in a query
	maxDevices      = 10_000    // in a claim or a message to devices
	maxSignatures   = 1_000     // in an upload of signatures
	maxToDeviceSize = 64 << 10  // of a message's content, in bytes
	maxFanOut       = 16 << 20  // of what one request stores for all its devices, in bytes
	maxWaiting      = 100_000   // messages that wait for a device
	maxSessionData  = 64 << 10  // of a backed-up session, in bytes
	maxSessions     = 1_000_000 // in a key backup
	maxBackup       = 256 << 20 // of all session_data in a key backup, in bytes
	maxBackups      = 100       // versions of a user's key backup
	maxAuthData     = 64 << 10  // of a key backup, in bytes
	claimsPerWrite  = 256       // so that nobody waits for a large claim
	backupsPerWrite = 500       // so that nobody waits for a large backup
	backupPage      = 1 << 20   // of session_data that is read at a time, in bytes
	maxAlgorithms   = 16        // of a device's one-time keys, and of its fallback keys
	queuePerWrite   = 500       // messages of a deleted device that are removed at a time
	maxDehydrated   = 128 << 10 // of an encrypted dehydrated device, in bytes
)

// Config is what the service works with.
type Config struct {
	ServerName string
	Remote     Remote // nil: this server does not federate
	NamesTold  bool   // other servers are told how people named their devices
	Log        zerolog.Logger
}

// Service answers the endpoints of encryption.
type Service struct {
	db         *store.DB
	hub        *notify.Hub
	now        func() time.Time
	serverName string
	remote     Remote
	namesTold  bool
	log        zerolog.Logger
	maxBackup  int64         // see the constant
	gone       chan struct{} // devices were deleted: see Run
	stale      chan struct{} // device lists are to be asked for: see Resync
}

// New makes the service of a server's local users.
func New(db *store.DB, hub *notify.Hub, now func() time.Time, c Config) *Service {
	return &Service{db: db, hub: hub, now: now, serverName: c.ServerName, remote: c.Remote, namesTold: c.NamesTold, log: c.Log, maxBackup: maxBackup,
		gone: make(chan struct{}, 1), stale: make(chan struct{}, 1)}
}

// Failures names the servers that could not be asked, each with an error.
type Failures map[string]*merr.Error

// add notes a failure, in words that clients may read.
func (f Failures) add(server string, err error) {
	public := merr.From(err)
	if public.Status == http.StatusInternalServerError {
		public = merr.New(http.StatusServiceUnavailable, "M_UNKNOWN", "%s does not answer", server).Because(err)
	}
	f[server] = public
}

// isLocal tells a local user id.
func (s *Service) isLocal(userID string) (bool, error) {
	if !pdu.ValidUserID(userID) {
		return false, merr.InvalidParam("%q is not a user id", userID)
	}
	return pdu.ServerOf(userID) == s.serverName, nil
}

// localUser gives the atom of a local user, 0 where there is none of that name.
func localUser(r *store.Reader, userID string) (store.Atom, error) {
	user, err := r.FindAtom(userID)
	if err != nil || user == 0 {
		return 0, err
	}
	if _, known, err := r.Account(user); err != nil || !known {
		return 0, err
	}
	return user, nil
}

// stillThere makes sure, inside a write, that the device has not logged out meanwhile.
func stillThere(tx *store.Tx, session *accounts.Session) error {
	device, _, err := tx.Device(session.User, session.DeviceID)
	if err == nil && device.ID != session.Device {
		return merr.UnknownToken(false)
	}
	return err
}

// wakeSharers wakes all who must hear that a user's keys changed. The change is durable, so the end of ctx stops nothing.
func (s *Service) wakeSharers(ctx context.Context, user store.Atom) {
	ctx = context.WithoutCancel(ctx)
	users, err := store.Get(ctx, s.db, func(r *store.Reader) ([]store.Atom, error) { return r.UsersSharingRooms(user) })
	if err != nil {
		s.log.Warn().Err(err).Msg("a change of keys wakes nobody: they hear of it with their next sync")
	}
	s.wake(append(users, user))
}

func (s *Service) wake(users []store.Atom) {
	for _, u := range users {
		s.hub.Wake(int64(u))
	}
}

// object is a JSON object whose members can be changed.
type object map[string]json.RawMessage

func members(o pdu.Object) object {
	m := object{}
	for key, value := range o.All() {
		m[key] = value.Raw()
	}
	return m
}

// canonical writes the object; its members came out of canonical JSON.
func (o object) canonical() ([]byte, error) {
	b, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	return pdu.Canonical(b)
}

// unsigned gives the part of a key that signatures cover.
func unsigned(o pdu.Object) ([]byte, error) {
	m := members(o)
	delete(m, "signatures")
	delete(m, "unsigned")
	return m.canonical()
}

// withOwnSignatures gives a key without `unsigned` and with the signatures of one user only.
func withOwnSignatures(o pdu.Object, userID string) ([]byte, error) {
	m := members(o)
	delete(m, "signatures")
	delete(m, "unsigned")
	if own := o.Object("signatures").Object(userID).Raw(); own != nil {
		signatures, err := json.Marshal(object{userID: own})
		if err != nil {
			return nil, err
		}
		m["signatures"] = signatures
	}
	return m.canonical()
}

// checkSignatures makes sure that `signatures`, where there are any, is a map of user ids to key ids to text.
func checkSignatures(o pdu.Object) error {
	signatures := o.Get("signatures")
	if !signatures.Exists() {
		return nil
	}
	users, ok := signatures.Object()
	for _, user := range users.All() {
		keys, isObject := user.Object()
		ok = ok && isObject && allTexts(keys)
	}
	if !ok {
		return merr.BadJSON("signatures must map user ids to key ids to text")
	}
	return nil
}

func allTexts(o pdu.Object) bool {
	for _, v := range o.All() {
		if _, ok := v.Text(); !ok {
			return false
		}
	}
	return true
}
