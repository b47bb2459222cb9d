package store

const (
	dehydratedOf  = `SELECT w.device, d.device_id, w.data FROM dehydrated_device w JOIN device d ON d.id = w.device WHERE w.user = ?`
	putDehydrated = `INSERT INTO dehydrated_device (user, device, data) VALUES (?, ?, ?)
		ON CONFLICT (user) DO UPDATE SET device = excluded.device, data = excluded.data`
	forgetDehydrated = `DELETE FROM dehydrated_device WHERE device = ?`
)

// Dehydrated is the device of a user that waits for messages while nobody is logged in on it.
type Dehydrated struct {
	Device   int64
	DeviceID string
	Data     []byte // JSON: what makes a device of it again, encrypted
}

// Dehydrated gives a user's dehydrated device. It tells whether there is one.
func (r *Reader) Dehydrated(user Atom) (d Dehydrated, found bool, err error) {
	found, err = r.row(dehydratedOf, in(user), &d.Device, &d.DeviceID, &d.Data)
	return d, found, err
}

// PutDehydrated makes a device the user's dehydrated one.
func (tx *Tx) PutDehydrated(user Atom, device int64, data []byte) error {
	return tx.exec(putDehydrated, user, device, data)
}
