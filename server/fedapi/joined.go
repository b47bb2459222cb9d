package fedapi

import (
	"context"
	"encoding/json"
	"net/http"

	"beffroi/server/httpx"
	"beffroi/server/rooms"
)

// joined writes the answer to a join as it is read. Where the rest can't be read the connection is cut: what the other server has is no JSON.
type joined struct {
	*rooms.JoinAnswer
	origin string
	v1     bool // in a list behind the status
}

// Respond implements httpx.Responder.
func (j joined) Respond(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	begin, end := "", ""
	if j.v1 {
		begin, end = "[200,", "]"
	}
	head := map[string]any{"origin": j.origin, "event": j.Event, "members_omitted": j.Omitted}
	if j.Omitted {
		head["servers_in_room"] = append([]string{}, j.Servers...)
	}
	object, err := json.Marshal(head)
	if err != nil {
		panic(err) // can't be: the event is JSON
	}
	b := append([]byte(begin), object[:len(object)-1]...)
	b = j.list(w, r, append(b, `,"state":[`...), j.State)
	b = j.list(w, r, append(b, `],"auth_chain":[`...), j.AuthChain)
	b = append(append(b, "]}"...), end...)
	httpx.WriteWithin(w, int64(len(b)))
	_, _ = w.Write(b) // the other server is gone: nobody to tell
}

// list writes the elements of a list after what is in b, and gives b empty.
func (j joined) list(w http.ResponseWriter, r *http.Request, b []byte, next func(context.Context) ([]json.RawMessage, error)) []byte {
	for first := true; ; {
		events, err := next(r.Context())
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		if len(events) == 0 {
			return b
		}
		for _, e := range events {
			if !first {
				b = append(b, ',')
			}
			first = false
			b = append(b, e...)
		}
		httpx.WriteWithin(w, int64(len(b)))
		if _, err := w.Write(b); err != nil {
			panic(http.ErrAbortHandler)
		}
		b = b[:0]
	}
}
