package policy

import (
	"encoding/json"

	"beffroi/server/merr"
	"beffroi/server/store"
)

// Mode says with whom this server speaks.
type Mode string

// The modes.
const (
	Open    Mode = "open"    // with all servers, but those that are denied
	Trusted Mode = "trusted" // with the servers on lists and those that were added, but those that are denied
	Closed  Mode = "closed"  // with none
)

// Foreign says what becomes of joining a room in which there are members of servers that this one does not speak with.
type Foreign string

// What there is.
const (
	Refuse Foreign = "refuse"
	Warn   Foreign = "warn"
)

// Settings are what the town hall decides beside single servers; they live in the database.
type Settings struct {
	Mode         Mode    `json:"mode"`
	ForeignRooms Foreign `json:"foreign_rooms"`
}

// valid refuses what there isn't: 400 M_INVALID_PARAM.
func (v Settings) valid() error {
	if v.Mode != Open && v.Mode != Trusted && v.Mode != Closed {
		return merr.InvalidParam("mode is open, trusted or closed")
	}
	if v.ForeignRooms != Refuse && v.ForeignRooms != Warn {
		return merr.InvalidParam("foreign_rooms is refuse or warn")
	}
	return nil
}

// Put writes down what the town hall decides when it is founded.
func Put(tx *store.Tx, mode Mode) error {
	v := Settings{mode, Refuse}
	if err := v.valid(); err != nil {
		return err
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return tx.PutMeta(store.MetaPolicy, raw)
}
