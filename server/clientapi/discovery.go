package clientapi

import (
	"fmt"

	"beffroi/server/delayed"
	"beffroi/server/httpx"
	"beffroi/server/merr"
	"beffroi/server/pdu"
)

// Source: client-server API, "Server Discovery", "API Versions" and "Capabilities negotiation".
func (a *API) discoveryRoutes() []route {
	return []route{
		{Method: "GET", Path: "/.well-known/matrix/client", Handle: a.wellKnown, Auth: httpx.None},
		{Method: "GET", Path: "/.well-known/matrix/support", Handle: a.support, Auth: httpx.None},
		{Method: "GET", Path: "/_matrix/client/versions", Handle: a.versions, Auth: httpx.None},
		{Method: "GET", Path: "/_matrix/client/v3/capabilities", Handle: a.capabilities},
	}
}

func (a *API) wellKnown(*request) (any, error) {
	return map[string]any{"m.homeserver": map[string]string{"base_url": a.BaseURL}}, nil
}

func (a *API) support(r *request) (any, error) {
	support, ok, err := a.Accounts.Support(r.Context())
	if err == nil && !ok {
		err = merr.NotFound("The town hall has not said whom to ask for help")
	}
	return support, err
}

// lastVersion is the newest version of the specification, 1.x, whose client-server API is served.
const lastVersion = 19

func (a *API) versions(*request) (any, error) {
	versions := make([]string, lastVersion)
	for i := range versions {
		versions[i] = fmt.Sprintf("v1.%d", i+1)
	}
	return map[string]any{"versions": versions, "unstable_features": map[string]bool{
		"org.matrix.simplified_msc3575": true,
		"org.matrix.msc3814":            true, // dehydrated devices
		"org.matrix.msc3881":            true, // pushers switched off from elsewhere
		"org.matrix.msc4140":            true, // delayed events
		"org.matrix.msc4174":            true, // Web Push
	}}, nil
}

func (a *API) capabilities(r *request) (any, error) {
	key, err := a.Pushers.VAPIDKey(r.Context())
	if err != nil {
		return nil, err
	}
	webPush := map[string]any{"enabled": true, "vapid": key}
	enabled := func(v bool) map[string]bool { return map[string]bool{"enabled": v} }
	capabilities := map[string]any{
		"m.change_password": enabled(true),
		"m.room_versions":   a.roomVersions(),
		"m.set_displayname": enabled(true),
		"m.set_avatar_url":  enabled(true),
		"m.3pid_changes":    enabled(true),
		"m.get_login_token": enabled(true),
		"m.profile_fields":  enabled(true),
		"m.webpush":         webPush,

		"org.matrix.msc4174.webpush": webPush,
		"org.matrix.msc4140.delayed_events": map[string]int64{
			"max_delay_ms": delayed.MaxDelay.Milliseconds(), "max_scheduled": delayed.MaxScheduled},
	}
	if r.Session.Admin {
		capabilities["m.account_moderation"] = map[string]bool{"lock": true, "suspend": true}
	}
	return map[string]any{"capabilities": capabilities}, nil
}

// roomVersions names the room versions that rooms can be made with.
//
// Spec: client-server API, "m.room_versions capability".
func (a *API) roomVersions() map[string]any {
	available := map[string]string{}
	for _, version := range pdu.Versions() {
		available[version] = "stable"
	}
	return map[string]any{"default": a.RoomVersion, "available": available}
}
