package pusher

import (
	"crypto/ecdh"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"unicode/utf8"

	"beffroi/server/merr"
	"beffroi/server/store"
)

// The bounds of what a client says of a pusher.
const (
	maxAppID   = 64  // characters
	maxPushkey = 512 // bytes
	maxName    = 1000
	maxData    = 8 << 10
)

// gatewayPath is where push gateways are asked. Spec: push gateway API.
const gatewayPath = "/_matrix/push/v1/notify"

// Request is the body of POST /pushers/set for a kind that is not null.
type Request struct {
	AppID      string
	Pushkey    string
	Kind       string
	AppName    *string
	DeviceName *string
	ProfileTag string
	Lang       *string
	Data       json.RawMessage // an object; nil: missing
	Append     bool
	Disabled   bool // MSC3881
}

// CheckKey refuses names that no pusher has. Spec: POST /pushers/set.
func CheckKey(appID, pushkey string) error {
	switch {
	case appID == "":
		return missing("app_id")
	case pushkey == "":
		return missing("pushkey")
	case utf8.RuneCountInString(appID) > maxAppID:
		return merr.InvalidParam("app_id has more than %d characters", maxAppID)
	case len(pushkey) > maxPushkey:
		return merr.InvalidParam("pushkey has more than %d bytes", maxPushkey)
	}
	return nil
}

func missing(name string) error { return merr.New(400, "M_MISSING_PARAM", "%s is missing", name) }

// pusher checks the request.
func (q *Request) pusher(by Owner) (*store.Pusher, error) {
	if err := CheckKey(q.AppID, q.Pushkey); err != nil {
		return nil, err
	}
	if !slices.Contains([]string{kindHTTP, kindEmail, kindWebPush, kindUnstableWebPush}, q.Kind) {
		return nil, merr.InvalidParam("kind is http, email or webpush")
	}
	for name, value := range map[string]*string{"app_display_name": q.AppName, "device_display_name": q.DeviceName, "lang": q.Lang} {
		if value == nil {
			return nil, missing(name)
		}
		if len(*value) > maxName {
			return nil, merr.InvalidParam("%s has more than %d bytes", name, maxName)
		}
	}
	if len(q.ProfileTag) > maxName {
		return nil, merr.InvalidParam("profile_tag has more than %d bytes", maxName)
	}
	if err := q.checkData(); err != nil {
		return nil, err
	}
	stored, err := json.Marshal(about{*q.AppName, *q.DeviceName, q.ProfileTag, *q.Lang, q.Data})
	p := &store.Pusher{User: by.User, AppID: q.AppID, Pushkey: q.Pushkey, Kind: q.Kind, Device: by.Device, Enabled: !q.Disabled, About: stored}
	if q.Kind == kindEmail {
		p.Device = 0
	}
	return p, err
}

func (q *Request) checkData() error {
	var d pusherData
	switch {
	case q.Data == nil || string(q.Data) == "null":
		return missing("data")
	case len(q.Data) > maxData:
		return merr.InvalidParam("data has more than %d bytes", maxData)
	}
	if err := json.Unmarshal(q.Data, &d); err != nil {
		return merr.BadJSON("data is no object, or a member of it is of another type").Because(err)
	}
	switch {
	case q.Kind == kindEmail && q.AppID != "m.email":
		return merr.InvalidParam("The app_id of an e-mail pusher is m.email")
	case q.Kind == kindEmail:
		return nil
	case d.URL == "":
		return missing("data.url")
	}
	to, err := url.Parse(d.URL)
	if err != nil || to.Scheme != "https" || to.Host == "" || to.User != nil {
		return merr.InvalidParam("data.url is no https URL")
	}
	if isWebPush(q.Kind) {
		return checkSubscription(q.Pushkey, text(d.Auth))
	}
	if to.Path != gatewayPath || to.RawQuery != "" {
		return merr.InvalidParam("The path of data.url is %s", gatewayPath)
	}
	return nil
}

// checkSubscription holds the keys of a Web Push client to what they are. Source: MSC4174; RFC 8291, section 3.
func checkSubscription(pushkey, auth string) error {
	if auth == "" {
		return missing("data.auth")
	}
	if _, err := clientKey(pushkey); err != nil {
		return merr.InvalidParam("The pushkey of a Web Push pusher is a P-256 public key, uncompressed, in URL-safe base64").Because(err)
	}
	if secret, err := unpadded(auth); err != nil || len(secret) != authBytes {
		return merr.InvalidParam("data.auth is %d bytes in URL-safe base64", authBytes)
	}
	return nil
}

func clientKey(pushkey string) (*ecdh.PublicKey, error) {
	b, err := unpadded(pushkey)
	if err != nil {
		return nil, err
	}
	return ecdh.P256().NewPublicKey(b)
}

func unpadded(text string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(text) }
