package store

// DeviceChanged says that keys of a device of a local user changed, or that it is gone: here and to the servers that share rooms with the user.
func (tx *Tx) DeviceChanged(user Atom, deviceID string) error {
	return tx.listChanged(Outgoing{Kind: OutgoingDevice, Subject: int64(user), Device: deviceID})
}

// SigningKeysChanged says that cross-signing keys of a local user changed, as DeviceChanged does.
func (tx *Tx) SigningKeysChanged(user Atom) error {
	return tx.listChanged(Outgoing{Kind: OutgoingKeys, Subject: int64(user)})
}

// listChanged moves the user's list. Its positions are the stream_ids that other servers see.
func (tx *Tx) listChanged(o Outgoing) (err error) {
	if o.Prev, err = tx.DeviceListPos(o.User()); err != nil {
		return err
	}
	if err := tx.DeviceListChanged(o.User()); err != nil {
		return err
	}
	if o.Pos, err = tx.DeviceListPos(o.User()); err != nil {
		return err
	}
	shares, err := tx.row(sharesServer, in(o.User()), new(int))
	if err != nil || !shares {
		return err
	}
	return tx.send(o)
}
