package bench

import (
	"net/url"
	"testing"
)

func BenchmarkThread(b *testing.B) {
	people, ids := inProcess(b, 1)
	root := people[1].SendText(ids[0], "x")
	for range 2000 {
		people[1].Send(ids[0], "m.room.message", map[string]any{"msgtype": "m.text", "body": "x",
			"m.relates_to": map[string]any{"rel_type": "m.thread", "event_id": root}})
	}
	base := "/_matrix/client/v1/rooms/" + url.PathEscape(ids[0])
	for _, path := range []string{"/relations/" + url.PathEscape(root) + "?limit=50", "/relations/" + url.PathEscape(root) + "?limit=50&recurse=true", "/threads"} {
		b.Run(path, func(b *testing.B) {
			for range b.N {
				people[0].Must("GET", base+path, nil, nil)
			}
		})
	}
}
