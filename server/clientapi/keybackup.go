package clientapi

import (
	"beffroi/server/e2ee"
	"beffroi/server/httpx"
	"beffroi/server/limits"
	"beffroi/server/merr"
	"beffroi/server/store"
)

// Source: client-server API, "Server-side key backups".
func (a *API) keyBackupRoutes() []route {
	const version, keys = "/_matrix/client/v3/room_keys/version", "/_matrix/client/v3/room_keys/keys"
	return []route{
		{Method: "POST", Path: version, Handle: a.newKeyBackup, Suspended: true, Class: limits.Keys},
		{Method: "GET", Path: version, Handle: a.keyBackup, Class: limits.Keys},
		{Method: "GET", Path: version + "/{version}", Handle: a.keyBackup, Class: limits.Keys},
		{Method: "PUT", Path: version + "/{version}", Handle: a.updateKeyBackup, Suspended: true, Class: limits.Keys},
		{Method: "DELETE", Path: version + "/{version}", Handle: a.deleteKeyBackup, Suspended: true, Class: limits.Keys},

		{Method: "PUT", Path: keys, Handle: a.putRoomKeys, Limit: httpx.LimitBackup, Suspended: true, Class: limits.Keys},
		{Method: "PUT", Path: keys + "/{roomId}", Handle: a.putKeysOfRoom, Limit: httpx.LimitBackup, Suspended: true, Class: limits.Keys},
		{Method: "PUT", Path: keys + "/{roomId}/{sessionId}", Handle: a.putKeyOfSession, Limit: httpx.LimitBackup, Suspended: true, Class: limits.Keys},
		{Method: "GET", Path: keys, Handle: a.roomKeys, Class: limits.Keys},
		{Method: "GET", Path: keys + "/{roomId}", Handle: a.keysOfRoom, Class: limits.Keys},
		{Method: "GET", Path: keys + "/{roomId}/{sessionId}", Handle: a.keyOfSession, Class: limits.Keys},
		{Method: "DELETE", Path: keys, Handle: a.deleteRoomKeys, Suspended: true, Class: limits.Keys},
		{Method: "DELETE", Path: keys + "/{roomId}", Handle: a.deleteRoomKeys, Suspended: true, Class: limits.Keys},
		{Method: "DELETE", Path: keys + "/{roomId}/{sessionId}", Handle: a.deleteRoomKeys, Suspended: true, Class: limits.Keys},
	}
}

func (a *API) newKeyBackup(r *request) (any, error) {
	var body e2ee.KeyBackupInfo
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	version, err := a.E2EE.NewKeyBackup(r.Context(), r.Session, &body)
	if err != nil {
		return nil, err
	}
	return map[string]string{"version": version}, nil
}

func (a *API) keyBackup(r *request) (any, error) {
	return a.E2EE.KeyBackup(r.Context(), r.Session, r.PathValue("version"))
}

func (a *API) updateKeyBackup(r *request) (any, error) {
	var body e2ee.KeyBackupInfo
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	return nil, a.E2EE.UpdateKeyBackup(r.Context(), r.Session, r.PathValue("version"), &body)
}

func (a *API) deleteKeyBackup(r *request) (any, error) {
	return nil, a.E2EE.DeleteKeyBackup(r.Context(), r.Session, r.PathValue("version"))
}

func (a *API) putRoomKeys(r *request) (any, error) {
	var body e2ee.RoomKeys
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	return a.putKeys(r, &body)
}

func (a *API) putKeysOfRoom(r *request) (any, error) {
	var body e2ee.RoomSessions
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	return a.putKeys(r, &e2ee.RoomKeys{Rooms: map[string]*e2ee.RoomSessions{r.PathValue("roomId"): &body}})
}

func (a *API) putKeyOfSession(r *request) (any, error) {
	var body e2ee.BackupSession
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	room := &e2ee.RoomSessions{Sessions: map[string]*e2ee.BackupSession{r.PathValue("sessionId"): &body}}
	return a.putKeys(r, &e2ee.RoomKeys{Rooms: map[string]*e2ee.RoomSessions{r.PathValue("roomId"): room}})
}

func (a *API) putKeys(r *request, keys *e2ee.RoomKeys) (any, error) {
	version, err := backupVersion(r)
	if err != nil {
		return nil, err
	}
	return a.E2EE.PutRoomKeys(r.Context(), r.Session, version, keys)
}

func (a *API) roomKeys(r *request) (any, error) {
	keys, err := a.readKeys(r)
	return allKeys{keys}, err
}

func (a *API) keysOfRoom(r *request) (any, error) {
	keys, err := a.readKeys(r)
	return keysOfRoom{keys}, err
}

func (a *API) keyOfSession(r *request) (any, error) {
	keys, err := a.readKeys(r)
	if err != nil {
		return nil, err
	}
	if len(keys.Page) == 0 {
		return nil, merr.NotFound("Key not found")
	}
	return httpx.Raw(appendSession(nil, &keys.Page[0])), nil
}

func (a *API) readKeys(r *request) (*e2ee.RoomKeysReader, error) {
	version, err := backupVersion(r)
	if err != nil {
		return nil, err
	}
	return a.E2EE.RoomKeys(r.Context(), r.Session, version, backupPart(r))
}

func (a *API) deleteRoomKeys(r *request) (any, error) {
	version, err := backupVersion(r)
	if err != nil {
		return nil, err
	}
	return a.E2EE.DeleteRoomKeys(r.Context(), r.Session, version, backupPart(r))
}

func backupVersion(r *request) (string, error) {
	version := r.URL.Query().Get("version")
	if version == "" {
		return "", merr.MissingParam("version is missing")
	}
	return version, nil
}

func backupPart(r *request) store.BackupPart {
	return store.BackupPart{RoomID: r.PathValue("roomId"), SessionID: r.PathValue("sessionId")}
}
