package pusher

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"beffroi/server/dial"
)

// maxAnswer is how much of an answer is read, in bytes.
const maxAnswer = 64 << 10

// gatewayBody is the body of POST /notify. Spec: push gateway API.
type gatewayBody struct {
	Notification gatewayNotification `json:"notification"`
}

type gatewayNotification struct {
	notification
	Counts  *gatewayCounts  `json:"counts,omitempty"`
	Devices []gatewayDevice `json:"devices"`
}

type gatewayCounts struct {
	Unread int `json:"unread"`
}

type gatewayDevice struct {
	AppID   string                     `json:"app_id"`
	Pushkey string                     `json:"pushkey"`
	Since   int64                      `json:"pushkey_ts"` // seconds
	Data    map[string]json.RawMessage `json:"data"`
	Tweaks  map[string]json.RawMessage `json:"tweaks,omitempty"`
}

// notify tells a push gateway.
func (s *Service) notify(ctx context.Context, o *outcome, m *message) error {
	body, err := json.Marshal(o.gatewayBody(m))
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.data.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.Client.Do(req)
	if err != nil {
		return hostOnly(err)
	}
	defer resp.Body.Close()
	answer, err := dial.ReadAll(resp.Body, maxAnswer)
	if err != nil {
		return hostOnly(err)
	}
	if resp.StatusCode != http.StatusOK {
		o.after = retryAfter(resp.Header, s.Now())
		return fmt.Errorf("the push gateway answered %d", resp.StatusCode)
	}
	var told struct {
		Rejected []string `json:"rejected"`
	}
	if err := json.Unmarshal(answer, &told); err != nil {
		return errors.New("the push gateway's answer is not one")
	}
	if slices.Contains(told.Rejected, o.pusher.Pushkey) {
		o.verdict = gone
	}
	return nil
}

// hostOnly leaves the URL, with which one could push, out of an error that is logged.
func hostOnly(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

func (j *job) gatewayBody(m *message) gatewayBody {
	device := gatewayDevice{AppID: j.pusher.AppID, Pushkey: j.pusher.Pushkey, Since: j.pusher.Since / 1000}
	_ = json.Unmarshal(j.about.Data, &device.Data) // it is an object: it was checked when it was set
	delete(device.Data, "url")
	n := gatewayNotification{notification: m.notification}
	switch {
	case j.what == counts: // zero is told, though it might be left out: gateways take what is missing for unknown, and the device would keep its number
		n.Prio, n.Counts = lowPriority, &gatewayCounts{m.unread}
	case m.unread > 0:
		n.Counts = &gatewayCounts{m.unread}
	}
	if j.what == event && !j.data.idOnly() {
		device.Tweaks = tweaks(j.note.actions)
	}
	n.Devices = []gatewayDevice{device}
	return gatewayBody{n}
}

// retryAfter is how long the other side asks to wait, an hour at most.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil {
		return min(max(time.Duration(seconds)*time.Second, 0), longPause)
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), longPause)
}
