package store

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"strconv"

	"beffroi/server/pdu"
)

// A frame is what the messages of one sender in one room have in common, as canonical JSON with holes: the auth events, the room, the
// sender, the type, the names of server and key. It is stored once; what fills the holes is stored with each event, hashes and signature
// in binary. So two plain messages fit on a page of 1,024 bytes, and an encrypted one fits on one.

// The holes. Canonical JSON has no bytes below 0x20.
const (
	holeContent byte = iota + 1
	holeDepth
	holePrev
	holeTime
	holeHash
	holeSignature
	holesEnd
)

const (
	findFrame   = `SELECT id, text FROM event_frame WHERE room = ? AND sum = ?`
	insertFrame = `INSERT INTO event_frame (room, sum, text) VALUES (?, ?, ?)`

	// eventJSON is what unframe takes, of the event e.
	eventJSON = `e.json, (SELECT f.text FROM event_frame f WHERE f.id = e.frame)`
)

const (
	maxFrames    = 1000 // known to the writer
	maxFrameSize = 1024
)

var errFrame = errors.New("an event's bytes don't fit its frame")

// framed gives what to store of an event: its bytes and 0, or what fills the holes of a frame. State events are whole: few of them are alike,
// and SQL looks into them.
func (tx *Tx) framed(e *Event) (body []byte, frame int64, err error) {
	if e.StateKey != 0 {
		return e.JSON, 0, nil
	}
	text, body, ok := cutFrame(e.JSON)
	if !ok {
		return e.JSON, 0, nil
	}
	frame, err = tx.frame(e.Room, text)
	if err != nil || frame == 0 {
		return e.JSON, 0, err
	}
	return body, frame, nil
}

// frame finds a frame or makes it. It gives 0 where another one has its place.
func (tx *Tx) frame(room RoomRef, text []byte) (id int64, err error) {
	if id = tx.frames[string(text)]; id != 0 {
		return id, nil
	}
	h := fnv.New64a()
	h.Write(text)
	sum := int64(h.Sum64())
	var known []byte
	found, err := tx.row(findFrame, in(room, sum), &id, &known)
	if err != nil || found && !bytes.Equal(known, text) {
		return 0, err
	}
	if !found {
		id, err = tx.insert(insertFrame, room, sum, text)
	}
	tx.OnCommit(func() {
		if len(tx.frames) >= maxFrames {
			clear(tx.frames)
		}
		tx.frames[string(text)] = id
	})
	return id, err
}

// cutFrame separates canonical bytes into a frame and what fills its holes; ok is false for an event that is not formed like a message.
func cutFrame(event []byte) (frame, body []byte, ok bool) {
	var fill filling
	for key, value := range pdu.StoredObject(event).All() {
		frame = append(frame, separator(frame))
		frame = append(strconv.AppendQuote(frame, key), ':')
		frame = fill.cut(frame, key, value)
	}
	frame = append(frame, '}')
	if fill.holes != 1<<holesEnd-2 || len(frame) > maxFrameSize {
		return nil, nil, false
	}
	body = fill.append(make([]byte, 0, len(event)))
	whole, err := unframe(body, frame)
	return frame, body, err == nil && bytes.Equal(whole, event)
}

func separator(frame []byte) byte {
	if len(frame) == 0 {
		return '{'
	}
	return ','
}

// filling is what fills the holes of a frame.
type filling struct {
	holes           int // as bits
	depth, ts       int64
	prev, hash, sig []byte
	content         []byte
}

// cut writes a member's value into the frame, or a hole where it differs from message to message.
func (f *filling) cut(frame []byte, key string, value pdu.Value) []byte {
	switch key {
	case "content":
		f.content = value.Raw()
		return f.hole(frame, holeContent)
	case "depth":
		f.depth, _ = value.Int()
		return f.hole(frame, holeDepth)
	case "origin_server_ts":
		f.ts, _ = value.Int()
		return f.hole(frame, holeTime)
	case "prev_events":
		f.prev = trimmed(value.Raw(), `["$`, `"]`)
		return append(f.hole(append(frame, `["$`...), holePrev), `"]`...)
	case "hashes":
		f.hash = trimmed(value.Raw(), `{"sha256":"`, `"}`)
		return append(f.hole(append(frame, `{"sha256":"`...), holeHash), `"}`...)
	case "signatures":
		return f.signature(frame, value.Raw())
	}
	return append(frame, value.Raw()...)
}

// signature cuts the only signature out of the member: what stands behind its last colon.
func (f *filling) signature(frame, raw []byte) []byte {
	colon := bytes.LastIndexByte(raw, ':')
	f.sig = trimmed(raw[colon+1:], `"`, `"}}`)
	return append(f.hole(append(append(frame, raw[:colon+1]...), '"'), holeSignature), `"}}`...)
}

func (f *filling) hole(frame []byte, hole byte) []byte {
	f.holes |= 1 << hole
	return append(frame, hole)
}

// trimmed is raw without its beginning and end, as bytes of their own length where they are other ones.
func trimmed(raw []byte, beginning, end string) []byte {
	return bytes.TrimSuffix(bytes.TrimPrefix(raw, []byte(beginning)), []byte(end))
}

const signatureSize = 64

// append writes the body: depth, time, prev event, hash, signature, content.
func (f *filling) append(b []byte) []byte {
	b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(f.depth)), uint64(f.ts))
	b = appendDecoded(b, base64.RawURLEncoding, f.prev, hashSize)
	b = appendDecoded(b, base64.RawStdEncoding, f.hash, hashSize)
	b = appendDecoded(b, base64.RawStdEncoding, f.sig, signatureSize)
	return append(b, f.content...)
}

// appendDecoded appends size bytes, whatever they are where text is not their Base64: who cuts compares with the event.
func appendDecoded(b []byte, encoding *base64.Encoding, text []byte, size int) []byte {
	decoded, _ := encoding.AppendDecode(nil, text)
	return append(b, append(decoded, make([]byte, size)...)[:size]...)
}

// unframe puts an event's bytes together. Without a frame they are whole.
func unframe(body, frame []byte) ([]byte, error) {
	if frame == nil {
		return body, nil
	}
	depth, n := binary.Uvarint(body)
	if n <= 0 {
		return nil, errFrame
	}
	ts, m := binary.Uvarint(body[n:])
	rest := body[n+max(m, 0):]
	if m <= 0 || len(rest) < 2*hashSize+signatureSize {
		return nil, errFrame
	}
	prev, hash, sig, content := rest[:hashSize], rest[hashSize:2*hashSize], rest[2*hashSize:2*hashSize+signatureSize], rest[2*hashSize+signatureSize:]
	whole := make([]byte, 0, len(frame)+len(body)+100)
	for _, b := range frame {
		switch b {
		case holeContent:
			whole = append(whole, content...)
		case holeDepth:
			whole = strconv.AppendUint(whole, depth, 10)
		case holeTime:
			whole = strconv.AppendUint(whole, ts, 10)
		case holePrev:
			whole = base64.RawURLEncoding.AppendEncode(whole, prev)
		case holeHash:
			whole = base64.RawStdEncoding.AppendEncode(whole, hash)
		case holeSignature:
			whole = base64.RawStdEncoding.AppendEncode(whole, sig)
		default:
			whole = append(whole, b)
		}
	}
	return whole, nil
}
