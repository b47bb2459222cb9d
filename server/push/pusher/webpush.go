package pusher

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// How long push services keep what they can't deliver.
const (
	keepEvent  = tellWithin
	keepCounts = time.Hour
)

// push tells a Web Push client. Source: RFC 8030 (push), RFC 8291 (encryption), RFC 8292 (VAPID); MSC4174.
func (s *Service) push(ctx context.Context, o *outcome, m *message) error {
	if o.what == counts && string(o.data.EventsOnly) == "true" {
		return nil
	}
	req, err := s.pushRequest(ctx, &o.job, m)
	if err != nil {
		return err
	}
	resp, err := s.Client.Do(req)
	if err != nil {
		return hostOnly(err)
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer) // the status says it all; what is read lets the connection be used again
	switch resp.StatusCode {
	case http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent:
		return nil
	case http.StatusNotFound, http.StatusGone, http.StatusForbidden: // the subscription has ended, or is another server's
		o.verdict = gone
		return nil
	case http.StatusRequestEntityTooLarge: // it would be the next time
		return nil
	}
	o.after = retryAfter(resp.Header, s.Now())
	return fmt.Errorf("the push service answered %d", resp.StatusCode)
}

func (s *Service) pushRequest(ctx context.Context, j *job, m *message) (*http.Request, error) {
	to, err := clientKey(j.pusher.Pushkey)
	if err != nil {
		return nil, err
	}
	auth, err := unpadded(text(j.data.Auth))
	if err != nil {
		return nil, err
	}
	payload, err := j.payload(m)
	if err != nil {
		return nil, err
	}
	body, err := encrypt(payload, to, auth)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, j.data.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Encoding", "aes128gcm")
	req.Header.Set("Content-Type", "application/octet-stream")
	j.handling(req.Header, m)
	return req, s.authorize(ctx, req.URL, req.Header)
}

func (s *Service) authorize(ctx context.Context, to *url.URL, h http.Header) error {
	v, err := s.vapidKey(ctx)
	if err != nil {
		return err
	}
	authorization, err := v.authorization(to, s.Site, s.Now())
	h.Set("Authorization", authorization)
	return err
}

// handling tells the push service how to treat a message. Only counts have a topic, so that the last one replaces those before it: a topic for each room
// would tell the service which messages are of one room.
func (j *job) handling(h http.Header, m *message) {
	keep, urgency := keepEvent, "normal"
	switch {
	case j.what == activation:
		keep, urgency = activateWithin, highPriority
	case j.what == counts:
		keep, urgency = keepCounts, lowPriority
		h.Set("Topic", "unread")
	case m.Prio == highPriority:
		urgency = highPriority
	}
	h.Set("TTL", strconv.Itoa(int(keep.Seconds())))
	h.Set("Urgency", urgency)
}

// payload is what the client reads: the members of a notification side by side, as gateways to Web Push do it, so that one service worker reads both.
// What is too long for a push message goes: the content, then the names, what the client adds, and all but the ids.
func (j *job) payload(m *message) ([]byte, error) {
	if j.what == activation {
		return json.Marshal(map[string]string{"app_id": j.pusher.AppID, "ack_token": j.pusher.Token})
	}
	n, more := m.notification, j.data.DefaultPayload
	b, err := flat(&n, m.unread, more)
	for _, shorten := range []func(){
		func() { n.Content = nil },
		func() { n.RoomName, n.RoomAlias, n.SenderDisplayName = "", "", "" },
		func() { more = nil },
		func() { n = notification{EventID: n.EventID, RoomID: n.RoomID} },
	} {
		if err != nil || len(b) <= maxPlaintext {
			break
		}
		shorten()
		b, err = flat(&n, m.unread, more)
	}
	return b, err
}

func flat(n *notification, unread int, more json.RawMessage) ([]byte, error) {
	members := map[string]json.RawMessage{}
	_ = json.Unmarshal(more, &members) // what is no object adds nothing
	event, err := json.Marshal(n)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(event, &members); err != nil {
		return nil, err
	}
	members["unread"] = json.RawMessage(strconv.Itoa(unread))
	return json.Marshal(members)
}
