package pusher

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// Whatever is accepted of a client can be sent; a push message is never longer than push services take.
func FuzzRequest(f *testing.F) {
	const key = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
	f.Add("http", "app", "key", `{"url":"https://gateway/_matrix/push/v1/notify","format":"event_id_only"}`)
	f.Add("webpush", "app", key, `{"url":"https://service/x","auth":"BTBZMqHH6r4Tts7J_aSIgg","default_payload":{"a":1},"events_only":true}`)
	f.Add("webpush", "app", key, `{"url":"https://[::1]:99999/x","auth":"BTBZMqHH6r4Tts7J_aSIgg","default_payload":[]}`)
	f.Add("email", "m.email", "a@b", `{}`)
	f.Add("webpush", "app", key, `{"url":"https://service/x","auth":"BTBZMqHH6r4Tts7J_aSIgg","default_payload":{"a":"`+strings.Repeat("x", 5000)+`"}}`)
	v, err := newVAPID(append(make([]byte, 31), 1))
	if err != nil {
		f.Fatal(err)
	}
	s := &Service{Config: Config{Site: "https://hs", Now: time.Now, Log: zerolog.Nop()}, vapid: v}
	f.Fuzz(func(t *testing.T, kind, appID, pushkey, data string) {
		name := "x"
		p, err := (&Request{AppID: appID, Pushkey: pushkey, Kind: kind, AppName: &name, DeviceName: &name, Lang: &name, Data: json.RawMessage(data)}).pusher(Owner{1, 1})
		if err != nil {
			return
		}
		var ln line
		ln.take(p, time.Now())
		ln.add(&note{pos: 1, came: time.Now()}, time.Now())
		j := ln.job()
		m := &message{unread: 1, notification: notification{EventID: "$x", Content: json.RawMessage(`{"body":"x"}`)}}
		if isWebPush(kind) {
			req, err := s.pushRequest(t.Context(), &j, m)
			if err != nil || req.ContentLength > maxMessage {
				t.Error(req.ContentLength, err)
			}
			return
		}
		if _, err := json.Marshal(j.gatewayBody(m)); err != nil {
			t.Error(err)
		}
		if _, err := http.NewRequestWithContext(t.Context(), http.MethodPost, ln.data.URL, http.NoBody); kind == kindHTTP && err != nil {
			t.Error(err)
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("120")
	f.Add("-1")
	f.Add("9223372036854775807")
	f.Add("Wed, 21 Oct 2026 07:28:00 GMT")
	f.Fuzz(func(t *testing.T, text string) {
		if d := retryAfter(http.Header{"Retry-After": {text}}, time.Now()); d < 0 || d > longPause {
			t.Error(d)
		}
	})
}
