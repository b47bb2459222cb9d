package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/rooms"
)

const (
	federation2 = "/_matrix/federation/v2/"
	// templateTime is how long a server may take to propose an event: others may be asked after it.
	templateTime = 20 * time.Second
	// maxPiece is how many bytes one element of an answer to a join may have: an event, and white space and `unsigned` around it.
	maxPiece = 512 << 10
)

// wholeRoom bounds the answer to a join.
func wholeRoom() streamed {
	return streamed{bytes: 96 << 20, whole: 5 * time.Minute, stall: 30 * time.Second}
}

// Template implements rooms.Joining.
func (r Rooms) Template(ctx context.Context, membership, server, roomID, userID string, versions []string) (t rooms.Template, err error) {
	ctx, cancel := context.WithTimeout(ctx, templateTime)
	defer cancel()
	uri := federation + "make_" + membership + "/" + url.PathEscape(roomID) + "/" + url.PathEscape(userID)
	if membership != "leave" {
		uri += "?" + url.Values{"ver": versions}.Encode()
	}
	b, err := r.Get(ctx, server, uri)
	if err != nil {
		return t, refusedBy(err)
	}
	err = pdu.CutObject(b, func(key string, value []byte) error {
		switch key {
		case "event":
			t.Event = value
		case "room_version":
			return json.Unmarshal(value, &t.RoomVersion)
		}
		return nil
	})
	return t, err
}

// SendJoin implements rooms.Joining.
func (r Rooms) SendJoin(ctx context.Context, server string, e *pdu.Event, take func(member string, raw json.RawMessage) error) error {
	put := request{http.MethodPut, server, federation2 + "send_join/" + url.PathEscape(e.RoomID()) + "/" + url.PathEscape(e.ID()), e.JSON(), true}
	return refusedBy(r.stream(ctx, put, wholeRoom(), func(resp *http.Response) error { return pieces(resp.Body, take) }))
}

// SendLeave implements rooms.Joining.
func (r Rooms) SendLeave(ctx context.Context, server string, e *pdu.Event) error {
	_, err := r.Put(ctx, server, federation2+"send_leave/"+url.PathEscape(e.RoomID())+"/"+url.PathEscape(e.ID()), e.JSON())
	return refusedBy(err)
}

// SendKnock implements rooms.Joining.
func (r Rooms) SendKnock(ctx context.Context, server string, e *pdu.Event) ([]json.RawMessage, error) {
	b, err := r.Put(ctx, server, federation+"send_knock/"+url.PathEscape(e.RoomID())+"/"+url.PathEscape(e.ID()), e.JSON())
	if err != nil {
		return nil, refusedBy(err)
	}
	return eventsIn(b, "knock_room_state", maxStripped)
}

// maxStripped is how many events of a room's stripped state are looked at.
const maxStripped = 100

// Gather implements rooms.Joining.
func (r Rooms) Gather(ctx context.Context, events []*pdu.Received) { r.Ring.Gather(ctx, events) }

// Older implements rooms.Joining.
func (r Rooms) Older(ctx context.Context, server, roomID string, from []string, limit int) ([]json.RawMessage, error) {
	q := url.Values{"v": from, "limit": {strconv.Itoa(limit)}}
	b, err := r.Get(ctx, server, federation+"backfill/"+url.PathEscape(roomID)+"?"+q.Encode())
	if err != nil {
		return nil, refusedBy(err)
	}
	return eventsIn(b, "pdus", limit)
}

// pieces reads a JSON object and gives its members, of "state" and "auth_chain" each element alone. A member may come once.
func pieces(body io.Reader, take func(member string, raw json.RawMessage) error) error {
	in := &inPieces{from: body, left: maxPiece}
	in.Decoder = json.NewDecoder(in)
	if err := in.delim('{'); err != nil {
		return err
	}
	seen := map[string]bool{}
	for in.More() {
		token, err := in.Token()
		if err != nil {
			return err
		}
		member, _ := token.(string)
		if seen[member] {
			return fmt.Errorf("%q comes twice", member)
		}
		seen[member] = true
		if err := in.member(member, take); err != nil {
			return err
		}
	}
	return in.delim('}')
}

// inPieces reads a text piece by piece, each within maxPiece.
type inPieces struct {
	*json.Decoder
	from io.Reader
	left int // of the piece that is being read
}

// Read implements io.Reader.
func (in *inPieces) Read(p []byte) (int, error) {
	if in.left <= 0 {
		return 0, errors.New("an element is too long")
	}
	n, err := in.from.Read(p[:min(len(p), in.left)])
	in.left -= n
	return n, err
}

func (in *inPieces) delim(want json.Delim) error {
	token, err := in.Token()
	if err == nil && token != want {
		err = fmt.Errorf("%v stands where %v is expected", token, want)
	}
	return err
}

func (in *inPieces) member(member string, take func(member string, raw json.RawMessage) error) error {
	if member != "state" && member != "auth_chain" {
		return in.piece(member, take)
	}
	if err := in.delim('['); err != nil {
		return err
	}
	for in.More() {
		if err := in.piece(member, take); err != nil {
			return err
		}
	}
	return in.delim(']')
}

func (in *inPieces) piece(member string, take func(member string, raw json.RawMessage) error) error {
	in.left = maxPiece
	var raw json.RawMessage
	if err := in.Decode(&raw); err != nil {
		return err
	}
	in.left = maxPiece
	return take(member, raw)
}

// refusedBy makes of a server's refusal, or of our own to speak with it, one that is told to who asked for it here. Pages of proxies and failures of the server are none.
func refusedBy(err error) error {
	if errors.Is(err, ErrRefused) {
		return merr.Forbidden("%v", err).Because(err)
	}
	var refused *Refused
	if !errors.As(err, &refused) || refused.Code == "" || refused.Status < 400 || refused.Status >= 500 {
		return err
	}
	public := func(status int) error {
		e := merr.New(status, refused.Code, "%s answers: %s", refused.Server, shortened(refused.Text))
		if refused.Version != "" {
			e = e.With("room_version", shortened(refused.Version))
		}
		return e.Because(err)
	}
	switch refused.Code {
	case "M_FORBIDDEN":
		return public(http.StatusForbidden)
	case "M_NOT_FOUND":
		return public(http.StatusNotFound)
	case "M_INCOMPATIBLE_ROOM_VERSION", "M_UNSUPPORTED_ROOM_VERSION", "M_UNABLE_TO_AUTHORISE_JOIN", "M_UNABLE_TO_GRANT_JOIN":
		return public(http.StatusBadRequest)
	}
	return err
}

// shortened is what is shown of a stranger's text.
func shortened(text string) string {
	const most = 300
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}
