package e2ee

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"strconv"

	"beffroi/server/accounts"
	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// DehydratedUpload is the body of PUT /dehydrated_device: a device and its keys at once.
type DehydratedUpload struct {
	KeysUpload
	DeviceID    string          `json:"device_id"`
	DeviceData  json.RawMessage `json:"device_data"` // an object with an algorithm
	DisplayName string          `json:"initial_device_display_name"`
}

// Dehydrated is a dehydrated device as clients see it.
type Dehydrated struct {
	DeviceID   string          `json:"device_id"`
	DeviceData json.RawMessage `json:"device_data"`
}

// toDevicePage is how many messages for a dehydrated device are given at once.
const toDevicePage = 100

// PutDehydrated gives the user a dehydrated device in the place of the one before. Nobody can log in on it: no token of it exists.
// M_INVALID_PARAM where the id is that of a device on which somebody is logged in.
// Source: MSC3814, "Dehydrating a device".
func (s *Service) PutDehydrated(ctx context.Context, session *accounts.Session, upload *DehydratedUpload) error {
	if err := upload.check(); err != nil {
		return err
	}
	owner := *session
	owner.DeviceID = upload.DeviceID
	keys, err := parseUpload(&owner, &upload.KeysUpload)
	if err != nil {
		return err
	}
	device := store.Device{User: session.User, DeviceID: upload.DeviceID, DisplayName: upload.DisplayName, Generation: 1, Confirmed: true,
		Created: store.Millis(s.now())}
	if _, err := rand.Read(device.TokenKey[:]); err != nil {
		return err
	}
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		if err := s.forgetDehydrated(tx, session.User); err != nil {
			return err
		}
		if owner.Device, err = s.newDehydrated(tx, device, upload.DeviceData); err != nil {
			return err
		}
		if _, err := keys.put(tx, &owner); err != nil {
			return err
		}
		_, err := countKeys(tx, owner.Device)
		return err
	})
	if err == nil {
		s.wakeSharers(ctx, session.User)
	}
	return err
}

func (u *DehydratedUpload) check() error {
	if u.DeviceID == "" || len(u.DeviceID) > maxIDLength || len(u.DisplayName) > maxIDLength {
		return merr.InvalidParam("device_id has 1 to %d bytes, initial_device_display_name that many at most", maxIDLength)
	}
	if len(u.DeviceData) > maxDehydrated {
		return merr.TooLarge("device_data is larger than %d bytes", maxDehydrated)
	}
	data, err := pdu.ParseObject(u.DeviceData)
	if _, ok := data.Text("algorithm"); err != nil || !ok {
		return merr.BadJSON("device_data must be an object with an algorithm").Because(err)
	}
	if len(u.DeviceKeys) == 0 || string(u.DeviceKeys) == "null" {
		return merr.MissingParam("device_keys is missing")
	}
	return nil
}

// forgetDehydrated deletes the user's dehydrated device, where there is one.
func (s *Service) forgetDehydrated(tx *store.Tx, user store.Atom) error {
	old, found, err := tx.Dehydrated(user)
	if err != nil || !found {
		return err
	}
	if err := tx.DeleteDevice(old.Device); err != nil {
		return err
	}
	return s.DevicesDeleted(tx, user, []store.Device{{ID: old.Device, DeviceID: old.DeviceID}})
}

func (s *Service) newDehydrated(tx *store.Tx, d store.Device, data []byte) (device int64, err error) {
	if err := s.AdmitDevice(tx, d.User, d.DeviceID); err != nil {
		return 0, err
	}
	if _, inUse, err := tx.Device(d.User, d.DeviceID); err != nil || inUse {
		if err == nil {
			err = merr.InvalidParam("Somebody is logged in on the device %q", d.DeviceID)
		}
		return 0, err
	}
	if device, err = tx.PutDevice(d); err != nil {
		return 0, err
	}
	return device, tx.PutDehydrated(d.User, device, data)
}

// Dehydrated gives the user's dehydrated device. M_NOT_FOUND where there is none.
// Source: MSC3814, "Rehydrating a device".
func (s *Service) Dehydrated(ctx context.Context, session *accounts.Session) (*Dehydrated, error) {
	d, err := store.Get(ctx, s.db, func(r *store.Reader) (store.Dehydrated, error) { return dehydrated(r, session.User) })
	if err != nil {
		return nil, err
	}
	return &Dehydrated{d.DeviceID, d.Data}, nil
}

func dehydrated(r *store.Reader, user store.Atom) (store.Dehydrated, error) {
	d, found, err := r.Dehydrated(user)
	if err == nil && !found {
		err = merr.NotFound("There is no dehydrated device")
	}
	return d, err
}

// DeleteDehydrated deletes the user's dehydrated device and gives its id. M_NOT_FOUND where there is none.
// Source: MSC3814, "Deleting a dehydrated device".
func (s *Service) DeleteDehydrated(ctx context.Context, session *accounts.Session) (deviceID string, err error) {
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		d, err := dehydrated(&tx.Reader, session.User)
		if err != nil {
			return err
		}
		deviceID = d.DeviceID
		return s.forgetDehydrated(tx, session.User)
	})
	return deviceID, err
}

// DehydratedEvents gives messages that wait for the dehydrated device after the token of the page before ("": from the first), and the token
// of this page; more tells whether others follow. They stay until the device is deleted. M_FORBIDDEN for any other device.
// Source: MSC3814, "Rehydrating a device".
func (s *Service) DehydratedEvents(ctx context.Context, session *accounts.Session, deviceID, from string) (events []json.RawMessage, next string, more bool, err error) {
	var after int64
	if from != "" {
		if after, err = strconv.ParseInt(from, 10, 64); err != nil {
			return nil, "", false, merr.InvalidParam("%.100q is not a token of this endpoint", from)
		}
	}
	upTo := s.db.Visible()
	events = []json.RawMessage{}
	err = s.db.Read(ctx, func(r *store.Reader) error {
		d, _, err := r.Dehydrated(session.User)
		if err != nil || d.DeviceID != deviceID || deviceID == "" {
			return orNotDehydrated(err)
		}
		page, err := r.ToDeviceMessages(d.Device, after, upTo, toDevicePage+1)
		if more = len(page) > toDevicePage; more {
			page = page[:toDevicePage]
		}
		for _, m := range page {
			events, after = append(events, m.JSON), m.Pos
		}
		return err
	})
	return events, strconv.FormatInt(after, 10), more, err
}

func orNotDehydrated(err error) error {
	if err != nil {
		return err
	}
	return merr.Forbidden("This is not your dehydrated device")
}
