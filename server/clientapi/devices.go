package clientapi

import (
	"encoding/json"
	"net/http"

	"beffroi/server/accounts"
	"beffroi/server/httpx"
	"beffroi/server/limits"
	"beffroi/server/merr"
	"beffroi/server/store"
)

// Source: client-server API, "Device Management".
func (a *API) deviceRoutes() []route {
	return []route{
		{Method: "GET", Path: "/_matrix/client/v3/devices", Handle: a.devices},
		{Method: "GET", Path: "/_matrix/client/v3/devices/{deviceId}", Handle: a.device},
		{Method: "PUT", Path: "/_matrix/client/v3/devices/{deviceId}", Handle: a.renameDevice},
		{Method: "DELETE", Path: "/_matrix/client/v3/devices/{deviceId}", Handle: a.deleteDevice, Suspended: true, Class: limits.Account},
		{Method: "POST", Path: "/_matrix/client/v3/delete_devices", Handle: a.deleteDevices, Suspended: true, Class: limits.Account},
	}
}

// clientDevice leaves out what is not known, unlike mautrix.RespDeviceInfo.
type clientDevice struct {
	DeviceID    string `json:"device_id"`
	DisplayName string `json:"display_name,omitempty"`
	LastSeenIP  string `json:"last_seen_ip,omitempty"`
	LastSeenTS  int64  `json:"last_seen_ts,omitempty"`
}

func toClientDevice(d store.Device) clientDevice {
	return clientDevice{DeviceID: d.DeviceID, DisplayName: d.DisplayName, LastSeenIP: d.LastSeenIP, LastSeenTS: d.LastSeenTS}
}

func (a *API) devices(r *request) (any, error) {
	devices, err := a.Accounts.Devices(r.Context(), r.Session.User)
	if err != nil {
		return nil, err
	}
	answer := make([]clientDevice, len(devices))
	for i, d := range devices {
		answer[i] = toClientDevice(d)
	}
	return map[string]any{"devices": answer}, nil
}

func (a *API) device(r *request) (any, error) {
	d, err := a.Accounts.Device(r.Context(), r.Session.User, r.PathValue("deviceId"))
	if err != nil {
		return nil, err
	}
	return toClientDevice(d), nil
}

func (a *API) renameDevice(r *request) (any, error) {
	var req struct {
		DisplayName *string `json:"display_name"`
	}
	if err := r.Decode(&req); err != nil {
		return nil, err
	}
	if r.Session.Service != nil {
		return a.putDevice(r, req.DisplayName)
	}
	if req.DisplayName == nil {
		_, err := a.Accounts.Device(r.Context(), r.Session.User, r.PathValue("deviceId"))
		return nil, err
	}
	return nil, a.Accounts.RenameDevice(r.Context(), r.Session.User, r.PathValue("deviceId"), *req.DisplayName)
}

// putDevice is for application services, which make devices without logging in.
func (a *API) putDevice(r *request, name *string) (any, error) {
	device := accounts.NewDevice{ID: r.PathValue("deviceId")}
	if name != nil {
		device.DisplayName = *name
	}
	created, err := a.Accounts.PutDevice(r.Context(), r.Session.User, device)
	if err != nil || !created {
		return nil, err
	}
	return httpx.Status{Code: http.StatusCreated, Body: struct{}{}}, nil
}

func (a *API) deleteDevice(r *request) (any, error) {
	var req struct {
		Auth json.RawMessage `json:"auth"`
	}
	if err := r.DecodeOptional(&req); err != nil {
		return nil, err
	}
	if err := a.confirmed(r, req.Auth); err != nil {
		return nil, err
	}
	return nil, a.Accounts.DeleteDevices(r.Context(), r.Session.User, []string{r.PathValue("deviceId")})
}

func (a *API) deleteDevices(r *request) (any, error) {
	var req struct {
		Devices []string        `json:"devices"`
		Auth    json.RawMessage `json:"auth"`
	}
	if err := r.Decode(&req); err != nil {
		return nil, err
	}
	if req.Devices == nil {
		return nil, merr.MissingParam("devices is missing")
	}
	if err := a.confirmed(r, req.Auth); err != nil {
		return nil, err
	}
	return nil, a.Accounts.DeleteDevices(r.Context(), r.Session.User, req.Devices)
}
