package store

import (
	"strings"

	"beffroi/server/pdu"
)

// RoomRef is the number of a room in the database.
type RoomRef int64

// Room is a room's row.
type Room struct {
	Ref     RoomRef
	ID      string
	Version string
}

const (
	insertRoom = `INSERT INTO room (room_id, version, epoch) VALUES (?, ?, ` + metaEpoch + `)`
	metaEpoch  = `coalesce((SELECT value FROM meta WHERE name = 'epoch'), 0)`
	roomEpochs = `SELECT epoch, ` + metaEpoch + ` FROM room WHERE id = ?`
	roomIsNow  = `UPDATE room SET epoch = ` + metaEpoch + ` WHERE id = ?`
	insertGap  = `INSERT INTO timeline_gap (room, from_ord, to_ord) VALUES (?, ?, ?)`
	roomByID   = `SELECT id, version FROM room WHERE room_id = ? AND complete = 1 AND id NOT IN (SELECT room FROM purge)`
	roomByRef  = `SELECT room_id, version FROM room WHERE id = ?`
)

// AddRoom makes a room's row.
func (tx *Tx) AddRoom(roomID, version string) (RoomRef, error) {
	id, err := tx.insert(insertRoom, roomIDBytes(roomID), version)
	return RoomRef(id), err
}

// FindRoom finds a room by its id; ok is false where it is not known, is being removed, or is arriving.
func (r *Reader) FindRoom(roomID string) (room Room, ok bool, err error) {
	room.ID = roomID
	ok, err = r.row(roomByID, in(roomIDBytes(roomID)), &room.Ref, &room.Version)
	return room, ok, err
}

// Room reads a room by its number.
func (r *Reader) Room(ref RoomRef) (room Room, ok bool, err error) {
	var id []byte
	ok, err = r.row(roomByRef, in(ref), &id, &room.Version)
	room.Ref, room.ID = ref, roomIDText(id)
	return room, ok, err
}

// Restores tells by how much meta.epoch rose since a room's last event: 0 where no restore came between.
func (r *Reader) Restores(room RoomRef) (int64, error) {
	var then, now int64
	_, err := r.row(roomEpochs, in(room), &then, &now)
	return now - then, err
}

// OpenGap notes that between two places of a room's timeline events are missing that a restore lost.
func (tx *Tx) OpenGap(room RoomRef, from, to int64) error {
	if err := tx.exec(insertGap, room, from, to); err != nil {
		return err
	}
	return tx.exec(roomIsNow, room)
}

// Ids that are hashes are stored as their 32 bytes, others as their text. A text of 32 bytes gets a zero byte, so that the
// length tells the two apart; no id contains one.

func roomIDBytes(id string) []byte {
	if h, ok := pdu.ParseRoomID(id); ok {
		return h[:]
	}
	return textID(id)
}

func roomIDText(b []byte) string {
	if len(b) == hashSize {
		return pdu.Hash(b).RoomID()
	}
	return strings.TrimRight(string(b), "\x00")
}

func eventIDBytes(id string) []byte {
	if h, ok := pdu.ParseEventID(id); ok {
		return h[:]
	}
	return textID(id)
}

func eventIDText(b []byte) string {
	if len(b) == hashSize {
		return pdu.Hash(b).EventID()
	}
	return strings.TrimRight(string(b), "\x00")
}

const hashSize = len(pdu.Hash{})

func textID(id string) []byte {
	if len(id) == hashSize {
		id += "\x00"
	}
	return []byte(id)
}
