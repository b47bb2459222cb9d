package e2ee

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"beffroi/server/store"
)

// deviceListUpdate is the content of an m.device_list_update.
type deviceListUpdate struct {
	UserID   string          `json:"user_id"`
	DeviceID string          `json:"device_id"`
	Name     string          `json:"device_display_name"`
	StreamID *int64          `json:"stream_id"`
	Previous []int64         `json:"prev_id"`
	Deleted  bool            `json:"deleted"`
	Keys     json.RawMessage `json:"keys"`

	checked []byte // the keys, nil where there are none, or none that are right
}

// RemoteDeviceListUpdate takes the content of an m.device_list_update that a server sent: it is applied to the devices that are kept of the user, or, where it does not
// follow what is known of them, they are asked for anew. Users who share no room with anybody here are passed over. The error tells what is wrong with the update, and is no
// reason to refuse what came with it.
//
// Source: server-server API, "Device Management".
func (s *Service) RemoteDeviceListUpdate(ctx context.Context, origin string, content []byte) error {
	u, err := s.parseUpdate(origin, content)
	if err != nil {
		return err
	}
	return s.tell(ctx, u.UserID, func(tx *store.Tx, user store.Atom) (applied, changed bool, err error) {
		l, err := tx.RemoteList(user)
		switch {
		case err != nil:
			return false, false, err
		case !l.Known || l.Stale:
			return false, false, nil
		case *u.StreamID == l.StreamID:
			return true, false, nil // it came twice, or was in the list already
		case !u.follows(l.StreamID):
			return false, false, nil
		}
		return u.apply(tx, user)
	})
}

// follows tells whether an update follows one. What names 0 as the one before it may just as well not know: Beffroi does so after a long silence.
func (u *deviceListUpdate) follows(streamID int64) bool {
	if len(u.Previous) == 0 {
		return *u.StreamID > streamID
	}
	return streamID != 0 && slices.Contains(u.Previous, streamID)
}

func (s *Service) parseUpdate(origin string, content []byte) (*deviceListUpdate, error) {
	u := &deviceListUpdate{}
	if err := json.Unmarshal(content, u); err != nil {
		return nil, err
	}
	if err := s.checkOwner(origin, u.UserID); err != nil {
		return nil, err
	}
	if u.StreamID == nil || u.DeviceID == "" || len(u.DeviceID) > maxIDLength {
		return nil, errors.New("stream_id or device_id are missing, or no ids")
	}
	if !u.Deleted && len(u.Keys) > 0 && string(u.Keys) != "null" {
		if keys, err := parseDeviceKeys(u.UserID, u.DeviceID, u.Keys); err == nil {
			u.checked = keys
		}
	}
	return u, nil
}

// apply changes one device. A list that is full is asked for anew.
func (u *deviceListUpdate) apply(tx *store.Tx, user store.Atom) (applied, changed bool, err error) {
	if u.checked == nil {
		changed, err = tx.RemoveRemoteDevice(user, u.DeviceID)
	} else {
		n, err := tx.DeviceCount(user)
		if err != nil || n >= maxRemoteDevices {
			return false, false, err
		}
		if changed, err = tx.PutRemoteDevice(user, store.RemoteDevice{ID: u.DeviceID, Name: shortName(u.Name), JSON: u.checked}); err != nil {
			return false, false, err
		}
	}
	if err != nil {
		return false, false, err
	}
	return true, changed, tx.PutRemoteList(user, *u.StreamID, false)
}

// RemoteSigningKeyUpdate takes the content of an m.signing_key_update that a server sent, as RemoteDeviceListUpdate does.
//
// Source: server-server API, "End-to-End Encryption".
func (s *Service) RemoteSigningKeyUpdate(ctx context.Context, origin string, content []byte) error {
	var u struct {
		UserID      string          `json:"user_id"`
		Master      json.RawMessage `json:"master_key"`
		SelfSigning json.RawMessage `json:"self_signing_key"`
	}
	if err := json.Unmarshal(content, &u); err != nil {
		return err
	}
	if err := s.checkOwner(origin, u.UserID); err != nil {
		return err
	}
	keys, err := parseCrossSigning(u.UserID, &CrossSigningUpload{Master: u.Master, SelfSigning: u.SelfSigning})
	if err != nil {
		return err
	}
	update := &CrossSigning{keys: keys}
	fits, replaced, err := s.prepareRemote(ctx, u.UserID, update)
	if err != nil {
		return err
	}
	return s.tell(ctx, u.UserID, func(tx *store.Tx, user store.Atom) (applied, changed bool, err error) {
		l, err := tx.RemoteList(user)
		if err != nil || !l.Known || l.Stale || !fits {
			return false, false, err
		}
		seen, err := tx.CrossSigningKeys(user)
		if err != nil || !maps.EqualFunc(seen, update.seen, bytes.Equal) {
			return false, false, err
		}
		return true, len(update.keys) > 0, update.put(tx, user, replaced)
	})
}

// prepareRemote tells whether an update fits the keys that are kept, and gives those that it ends.
func (s *Service) prepareRemote(ctx context.Context, userID string, update *CrossSigning) (fits bool, replaced map[string]signingKey, err error) {
	err = s.db.Peek(ctx, func(r *store.Reader) error {
		user, err := r.FindAtom(userID)
		if err != nil {
			return err
		}
		update.seen, err = r.CrossSigningKeys(user)
		return err
	})
	if err != nil || update.against(userID) != nil {
		return false, nil, err
	}
	replaced, err = update.replaced()
	return true, replaced, err
}

// tell applies what another server tells of a user, or notes that the user's devices are to be asked for where that can't be done, and wakes who must know.
func (s *Service) tell(ctx context.Context, userID string, apply func(tx *store.Tx, user store.Atom) (applied, changed bool, err error)) error {
	user, err := s.followed(ctx, userID)
	if err != nil || user == 0 {
		return err
	}
	news, missed := false, false
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		applied, changed, err := apply(tx, user)
		news, missed = changed, !applied
		switch {
		case err != nil:
			return err
		case !applied:
			return tx.DeviceListStale(user)
		case changed:
			return tx.DeviceListChanged(user)
		}
		return nil
	})
	if err == nil && news {
		s.wakeSharers(ctx, user)
	}
	if err == nil && missed {
		s.resyncSoon()
	}
	return err
}

// followed gives the atom of a remote user who shares a room with somebody here, 0 for others.
func (s *Service) followed(ctx context.Context, userID string) (user store.Atom, err error) {
	err = s.db.Peek(ctx, func(r *store.Reader) error {
		if user, err = r.FindAtom(userID); err != nil || user == 0 {
			return err
		}
		shares, err := r.Followed(user)
		if !shares {
			user = 0
		}
		return err
	})
	return user, err
}
