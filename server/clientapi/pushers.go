package clientapi

import (
	"encoding/json"
	"net/http"

	"beffroi/server/httpx"
	"beffroi/server/limits"
	"beffroi/server/merr"
	"beffroi/server/push/pusher"
)

// Spec: client-server API, "Push Notifications". Source: MSC4174 for Web Push.
func (a *API) pusherRoutes() []route {
	return []route{
		{Method: "GET", Path: "/_matrix/client/v3/pushers", Handle: a.pushers},
		{Method: "POST", Path: "/_matrix/client/v3/pushers/set", Handle: a.setPusher, Suspended: true, Class: limits.Settings},
		{Method: "POST", Path: "/_matrix/client/unstable/org.matrix.msc4174/pushers/ack", Handle: a.activatePusher, Suspended: true, Class: limits.Settings},
	}
}

func (a *API) pushers(r *request) (any, error) {
	list, err := a.Pushers.List(r.Context(), r.Session.User)
	return map[string][]pusher.Pusher{"pushers": list}, err
}

// setPusherBody is the body of POST /pushers/set. kind: null deletes.
type setPusherBody struct {
	AppID           string          `json:"app_id"`
	Pushkey         string          `json:"pushkey"`
	Kind            json.RawMessage `json:"kind"`
	AppName         *string         `json:"app_display_name"`
	DeviceName      *string         `json:"device_display_name"`
	ProfileTag      string          `json:"profile_tag"`
	Lang            *string         `json:"lang"`
	Data            json.RawMessage `json:"data"`
	Append          bool            `json:"append"`
	Enabled         *bool           `json:"enabled"`
	UnstableEnabled *bool           `json:"org.matrix.msc3881.enabled"`
}

func (a *API) setPusher(r *request) (any, error) {
	var body setPusherBody
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if len(body.Kind) == 0 {
		return nil, merr.New(http.StatusBadRequest, "M_MISSING_PARAM", "kind is missing")
	}
	if string(body.Kind) == "null" {
		if err := pusher.CheckKey(body.AppID, body.Pushkey); err != nil {
			return nil, err
		}
		return nil, a.Pushers.Delete(r.Context(), r.Session.User, body.AppID, body.Pushkey)
	}
	q, err := body.request()
	if err != nil {
		return nil, err
	}
	if r.Session.DeviceID == "" {
		return nil, merr.MissingParam("device_id is missing: a pusher is a device's")
	}
	activate, err := a.Pushers.Set(r.Context(), pusher.Owner{User: r.Session.User, Device: r.Session.Device}, q)
	if err == nil && activate {
		return httpx.Status{Code: http.StatusCreated, Body: struct{}{}}, nil // MSC4174: set, but needs to be activated
	}
	return nil, err
}

func (b *setPusherBody) request() (*pusher.Request, error) {
	q := &pusher.Request{AppID: b.AppID, Pushkey: b.Pushkey, AppName: b.AppName, DeviceName: b.DeviceName, ProfileTag: b.ProfileTag, Lang: b.Lang,
		Data: b.Data, Append: b.Append}
	for _, enabled := range []*bool{b.Enabled, b.UnstableEnabled} {
		q.Disabled = q.Disabled || enabled != nil && !*enabled
	}
	if err := json.Unmarshal(b.Kind, &q.Kind); err != nil {
		return nil, merr.BadJSON("kind is a string or null").Because(err)
	}
	return q, nil
}

func (a *API) activatePusher(r *request) (any, error) {
	var body struct {
		AppID string `json:"app_id"`
		Token string `json:"ack_token"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if body.AppID == "" || body.Token == "" {
		return nil, merr.New(http.StatusBadRequest, "M_MISSING_PARAM", "app_id or ack_token is missing")
	}
	return nil, a.Pushers.Activate(r.Context(), r.Session.User, body.AppID, body.Token)
}
