package clientapi_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"beffroi/server/servertest"
)

func TestSyncRefusesWhatItCannotRead(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	for query, errcode := range map[string]string{
		"since=x":             "M_INVALID_PARAM",
		"since=s1.0.0":        "M_INVALID_PARAM",
		"since=p1.0.3":        "M_INVALID_PARAM",
		"timeout=-1":          "M_INVALID_PARAM",
		"timeout=soon":        "M_INVALID_PARAM",
		"full_state=1":        "M_INVALID_PARAM",
		"use_state_after=yes": "M_INVALID_PARAM",
		"set_presence=away":   "M_INVALID_PARAM",
		"filter=unknown":      "M_INVALID_PARAM",
		"filter=%7B":          "M_NOT_JSON",
		"filter=" + url.QueryEscape(`{"room":{"timeline":{"limit":"many"}}}`): "M_BAD_JSON",
		"filter=" + url.QueryEscape(`{"event_format":"federation"}`):          "M_INVALID_PARAM",
	} {
		alice.MustFail(http.StatusBadRequest, errcode, "GET", "/_matrix/client/v3/sync?"+query, nil)
	}
	s.Anonymous(t).MustFail(http.StatusUnauthorized, "M_MISSING_TOKEN", "GET", "/_matrix/client/v3/sync", nil)
}

func TestSyncTakesAFilterByItsID(t *testing.T) {
	s := servertest.Start(t)
	alice := s.Register(t, "alice")
	room := alice.CreateRoom(map[string]any{"name": "Mairie"})
	alice.SendText(room, "one")
	alice.SendText(room, "two")
	var made struct {
		ID string `json:"filter_id"`
	}
	alice.Must("POST", "/_matrix/client/v3/user/"+url.PathEscape(alice.UserID)+"/filter",
		map[string]any{"room": map[string]any{"timeline": map[string]any{"limit": 1}}}, &made)
	var res struct {
		NextBatch string `json:"next_batch"`
		Rooms     struct {
			Join map[string]struct {
				Timeline struct {
					Events    []json.RawMessage `json:"events"`
					PrevBatch string            `json:"prev_batch"`
				} `json:"timeline"`
			} `json:"join"`
		} `json:"rooms"`
	}
	alice.Must("GET", "/_matrix/client/v3/sync?filter="+made.ID, nil, &res)
	timeline := res.Rooms.Join[room].Timeline
	if len(timeline.Events) != 1 || !strings.Contains(string(timeline.Events[0]), `"two"`) {
		t.Errorf("timeline: %s", timeline.Events)
	}
	var page struct {
		Chunk []struct {
			Content struct {
				Body string `json:"body"`
			} `json:"content"`
		} `json:"chunk"`
	}
	alice.Must("GET", "/_matrix/client/v3/rooms/"+url.PathEscape(room)+"/messages?dir=b&from="+timeline.PrevBatch, nil, &page)
	if len(page.Chunk) == 0 || page.Chunk[0].Content.Body != "one" {
		t.Errorf("before prev_batch: %v", page.Chunk)
	}
	begin := time.Now()
	alice.Must("GET", "/_matrix/client/v3/sync?timeout=50&since="+res.NextBatch, nil, &res)
	if time.Since(begin) < 50*time.Millisecond {
		t.Error("answered without news before the timeout")
	}
}
