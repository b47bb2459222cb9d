package store

import "database/sql"

const (
	insertToDevice = `INSERT INTO to_device (pos, device, seq, json, sum)
		SELECT ?1, id, coalesce((SELECT seq FROM to_device WHERE device = id ORDER BY pos DESC LIMIT 1), 0) + 1, ?3, ?4
		FROM device WHERE id = ?2`
	toDeviceAfter = `SELECT pos, json FROM to_device WHERE device = ? AND pos > ? AND pos <= ? ORDER BY pos LIMIT ?`
	toDeviceEnds  = `SELECT (SELECT seq FROM to_device WHERE device = ?1 ORDER BY pos LIMIT 1), (SELECT seq FROM to_device WHERE device = ?1 ORDER BY pos DESC LIMIT 1)`
	toDeviceUpTo  = `SELECT 1 FROM to_device WHERE device = ? AND pos <= ? LIMIT 1`
	ackToDevice   = `DELETE FROM to_device WHERE device = ? AND pos <= ?`
	purgeToDevice = `DELETE FROM to_device WHERE pos IN (SELECT pos FROM to_device WHERE device = ? ORDER BY pos LIMIT ?)`
	nextQueue     = `SELECT device FROM to_device WHERE device > ? ORDER BY device LIMIT 1`
	txnKnown      = `SELECT 1 FROM txn WHERE device = ? AND scope = ? AND txn_id = ?`
)

// ToDevice is a message to one device.
type ToDevice struct {
	Pos    int64
	Device int64
	JSON   []byte // the whole event: type, sender, content
}

// ToDeviceMessages gives the messages that wait for a device with after < pos ≤ upTo, in the order of arrival, at most limit.
// Where limit are given there may be more: the last one's Pos is what to continue after.
func (r *Reader) ToDeviceMessages(device, after, upTo int64, limit int) ([]ToDevice, error) {
	return list(r, toDeviceAfter, in(device, after, upTo, limit), func(rows *sql.Rows) (ToDevice, error) {
		m := ToDevice{Device: device}
		err := rows.Scan(&m.Pos, &m.JSON)
		return m, err
	})
}

// ToDeviceWaiting is how many messages wait for a device.
func (r *Reader) ToDeviceWaiting(device int64) (int64, error) {
	var first, last sql.NullInt64
	_, err := r.row(toDeviceEnds, in(device), &first, &last)
	if err != nil || !first.Valid {
		return 0, err
	}
	return last.Int64 - first.Int64 + 1, nil
}

// HasToDeviceUpTo tells whether there is something to acknowledge.
func (r *Reader) HasToDeviceUpTo(device, pos int64) (bool, error) {
	var one int
	return r.row(toDeviceUpTo, in(device, pos), &one)
}

// AckToDevice deletes what was delivered: the messages with a position up to pos.
func (tx *Tx) AckToDevice(device, pos int64) error { return tx.exec(ackToDevice, device, pos) }

// QueueToDevice queues a message at a new position; for a device that is gone nothing happens.
func (tx *Tx) QueueToDevice(device int64, json []byte) error {
	pos, err := tx.NextPos()
	if err != nil {
		return err
	}
	tx.touch(TouchedDevice, device, pos)
	return tx.exec(insertToDevice, pos, device, json, Sum(json))
}

// OrphanQueue gives the first device after one for which messages wait, and which is gone. It tells whether there is one.
func (r *Reader) OrphanQueue(after int64) (device int64, found bool, err error) {
	for device = after; ; {
		if found, err = r.row(nextQueue, in(device), &device); err != nil || !found {
			return 0, false, err
		}
		there, err := r.HasDevice(device)
		if err != nil || !there {
			return device, err == nil, err
		}
	}
}

// PurgeToDevice removes messages of a device that is gone, limit at most, and tells whether there may be more.
func (tx *Tx) PurgeToDevice(device int64, limit int) (more bool, err error) {
	n, err := tx.execCount(purgeToDevice, device, limit)
	return n == int64(limit), err
}

// TxnKnown tells whether the device already made the request with this transaction id.
func (r *Reader) TxnKnown(device int64, scope, txnID string) (bool, error) {
	var one int
	return r.row(txnKnown, in(device, scope, txnID), &one)
}
