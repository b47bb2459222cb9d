package adminapi

import (
	"net/http"

	"beffroi/server/httpx"
	"beffroi/server/merr"
	"beffroi/server/store"
)

// Source: Synapse's admin API, "User devices" and "Query current sessions for a user".
func (a *API) deviceCalls() []Call {
	const devices = "/_synapse/admin/v2/users/{userId}/devices"
	return []Call{
		call("GET", devices, Acts, "names of devices, with the addresses that they were seen from: looking stands in the journal", a.devices),
		call("GET", devices+"/{deviceId}", Acts, "one device", a.device),
		call("PUT", devices+"/{deviceId}", Acts, "renames a device", a.renameDevice),
		call("DELETE", devices+"/{deviceId}", Acts, "logs a device out", a.deleteDevice),
		call("POST", "/_synapse/admin/v2/users/{userId}/delete_devices", Acts, "logs devices out", a.deleteDevices),
		call("GET", "/_synapse/admin/v1/whois/{userId}", Acts, "the addresses that somebody was seen from: looking stands in the journal", a.whois),
	}
}

type deviceEntry struct {
	DeviceID      string `json:"device_id"`
	DisplayName   string `json:"display_name,omitempty"`
	LastSeenIP    string `json:"last_seen_ip,omitempty"`
	LastUserAgent string `json:"last_seen_user_agent,omitempty"`
	LastSeenTS    int64  `json:"last_seen_ts,omitempty"`
	UserID        string `json:"user_id"`
	Dehydrated    bool   `json:"dehydrated"`
}

func toDeviceEntry(userID string, d store.Device) deviceEntry {
	return deviceEntry{DeviceID: d.DeviceID, DisplayName: d.DisplayName, LastSeenIP: d.LastSeenIP, LastSeenTS: d.LastSeenTS, UserID: userID}
}

func (a *API) devices(r *request) (any, error) {
	userID := r.PathValue("userId")
	devices, err := a.Admin.Sessions(r.Context(), actor(r), userID)
	entries := make([]deviceEntry, len(devices))
	for i, d := range devices {
		entries[i] = toDeviceEntry(userID, d)
	}
	return map[string]any{"devices": entries, "total": len(entries)}, err
}

func (a *API) device(r *request) (any, error) {
	userID := r.PathValue("userId")
	devices, err := a.Admin.Sessions(r.Context(), actor(r), userID)
	if err != nil {
		return nil, err
	}
	for _, d := range devices {
		if d.DeviceID == r.PathValue("deviceId") {
			return toDeviceEntry(userID, d), nil
		}
	}
	return nil, merr.NotFound("There is no such device")
}

func (a *API) renameDevice(r *request) (any, error) {
	var q struct {
		DisplayName *string `json:"display_name"`
	}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	if q.DisplayName == nil {
		return nil, nil
	}
	return nil, a.Admin.RenameDevice(r.Context(), actor(r), r.PathValue("userId"), r.PathValue("deviceId"), *q.DisplayName)
}

func (a *API) deleteDevice(r *request) (any, error) {
	return nil, a.Admin.DeleteDevices(r.Context(), actor(r), r.PathValue("userId"), []string{r.PathValue("deviceId")})
}

func (a *API) deleteDevices(r *request) (any, error) {
	var q struct {
		Devices []string `json:"devices"`
	}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	if q.Devices == nil {
		return nil, merr.MissingParam("devices is missing")
	}
	return nil, a.Admin.DeleteDevices(r.Context(), actor(r), r.PathValue("userId"), q.Devices)
}

func (a *API) whois(r *request) (any, error) {
	devices, err := a.Admin.Sessions(r.Context(), actor(r), r.PathValue("userId"))
	if err != nil {
		return nil, err
	}
	byID := map[string]any{}
	for _, d := range devices {
		connections := []map[string]any{}
		if d.LastSeenTS != 0 {
			connections = append(connections, map[string]any{"ip": d.LastSeenIP, "last_seen": d.LastSeenTS, "user_agent": ""})
		}
		byID[d.DeviceID] = map[string]any{"sessions": []any{map[string]any{"connections": connections}}}
	}
	return map[string]any{"user_id": r.PathValue("userId"), "devices": byID}, nil
}

func statusCreated(answer any) httpx.Status {
	return httpx.Status{Code: http.StatusCreated, Body: answer}
}
