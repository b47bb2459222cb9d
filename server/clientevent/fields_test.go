package clientevent

import (
	"testing"
	"time"

	"beffroi/server/store"
)

func TestFieldsChooseFromContentAndUnsigned(t *testing.T) {
	e := stored(1, `{"content":{"a.b":1,"body":"x","c":{"d":[1],"e":2},"s":"text"},"origin_server_ts":1000,"sender":"@a:b","type":"m.x"}`)
	for _, c := range []struct {
		fields            []string
		content, unsigned string
	}{
		{nil, `{"a.b":1,"body":"x","c":{"d":[1],"e":2},"s":"text"}`, `{"age":0,"membership":"join"}`},
		{[]string{}, `{}`, `{}`},
		{[]string{"type", "sender"}, `{}`, `{}`},
		{[]string{"content"}, `{"a.b":1,"body":"x","c":{"d":[1],"e":2},"s":"text"}`, `{}`},
		{[]string{"content.body", "unsigned.age"}, `{"body":"x"}`, `{"age":0}`},
		{[]string{`content.a\.b`, "content.c.e"}, `{"a.b":1,"c":{"e":2}}`, `{}`},
		{[]string{"content.c.e", "content.c", "content.c.d"}, `{"c":{"d":[1],"e":2}}`, `{}`},
		{[]string{"content.s.x", "content.none", "content.a.b", "content."}, `{"s":"text"}`, `{}`},
		{[]string{"", ".", `\`, `content\`}, `{}`, `{}`},
	} {
		v := View{Now: time.UnixMilli(1000), Fields: ParseFields(c.fields)}
		same(t, v.Render(&e, Standing{Membership: "join"}), `{"content":`+c.content+`,"event_id":"$b","origin_server_ts":1000,"sender":"@a:b",
			"type":"m.x","unsigned":`+c.unsigned+`}`)
	}
}

func FuzzFields(f *testing.F) {
	f.Add(`content.a\.b`, `content.c`)
	f.Fuzz(func(t *testing.T, one, two string) {
		e := store.Event{ID: "$x", JSON: []byte(`{"content":{"a":{"b":1}},"sender":"@a:b","type":"m.x"}`)}
		v := View{Fields: ParseFields([]string{one, two})}
		if got := v.Render(&e, Standing{}); len(got) == 0 {
			t.Error("nothing is left")
		}
	})
}
