package clientapi

import (
	"encoding/json"
	"net/http"
	"strconv"

	"beffroi/server/e2ee"
	"beffroi/server/httpx"
	"beffroi/server/store"
)

// allKeys and keysOfRoom write a key backup as it is read, page by page.
type (
	allKeys    struct{ *e2ee.RoomKeysReader }
	keysOfRoom struct{ *e2ee.RoomKeysReader }
)

// Respond implements httpx.Responder: {"rooms": {ROOM: {"sessions": {SESSION: key}}}}.
func (k allKeys) Respond(w http.ResponseWriter, r *http.Request) {
	room := ""
	streamKeys(w, r, k.RoomKeysReader, `{"rooms":{`, func(b []byte, s *store.BackupSession) []byte {
		switch {
		case s.RoomID == room:
			b = append(b, ',')
		case room != "":
			b = append(b, `}},`...)
			fallthrough
		default:
			b = append(appendText(b, s.RoomID), `:{"sessions":{`...)
		}
		room = s.RoomID
		return appendNamed(b, s)
	}, func() string {
		if room == "" {
			return `}}`
		}
		return `}}}}`
	})
}

// Respond implements httpx.Responder: {"sessions": {SESSION: key}}.
func (k keysOfRoom) Respond(w http.ResponseWriter, r *http.Request) {
	first := true
	streamKeys(w, r, k.RoomKeysReader, `{"sessions":{`, func(b []byte, s *store.BackupSession) []byte {
		if !first {
			b = append(b, ',')
		}
		first = false
		return appendNamed(b, s)
	}, func() string { return `}}` })
}

// streamKeys writes what begins the answer, each key, and what ends it. Where a page can't be read the connection is cut: what the client has
// is no JSON.
func streamKeys(w http.ResponseWriter, r *http.Request, keys *e2ee.RoomKeysReader, begin string, each func([]byte, *store.BackupSession) []byte, end func() string) {
	w.Header().Set("Content-Type", "application/json")
	b := []byte(begin)
	for {
		for i := range keys.Page {
			b = each(b, &keys.Page[i])
		}
		if !keys.More {
			b = append(b, end()...)
		}
		httpx.WriteWithin(w, int64(len(b)))
		if _, err := w.Write(b); err != nil || !keys.More {
			return // the client is gone: nobody to tell
		}
		if err := keys.Next(r.Context()); err != nil {
			panic(http.ErrAbortHandler)
		}
		b = b[:0]
	}
}

func appendNamed(b []byte, s *store.BackupSession) []byte {
	return appendSession(append(appendText(b, s.SessionID), ':'), s)
}

func appendSession(b []byte, s *store.BackupSession) []byte {
	b = strconv.AppendInt(append(b, `{"first_message_index":`...), s.FirstMessageIndex, 10)
	b = strconv.AppendInt(append(b, `,"forwarded_count":`...), s.ForwardedCount, 10)
	b = strconv.AppendBool(append(b, `,"is_verified":`...), s.IsVerified)
	b = append(append(b, `,"session_data":`...), s.SessionData...)
	return append(b, '}')
}

func appendText(b []byte, s string) []byte {
	quoted, _ := json.Marshal(s) // every string is JSON
	return append(b, quoted...)
}
