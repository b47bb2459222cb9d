package search

import (
	"strings"

	"beffroi/server/pdu"
	"beffroi/server/store"
)

// body is the text of a message that is searched: of an edit, what replaces.
func body(e *store.Event, edit bool) string {
	content := pdu.StoredObject(e.JSON).Object("content")
	if edit {
		text, _ := content.Object("m.new_content").Text("body")
		return text
	}
	text, _ := content.Text("body")
	if content.Object("m.relates_to").Object("m.in_reply_to").Get("event_id").Exists() {
		text = withoutQuote(text)
	}
	return text
}

// withoutQuote takes off what old clients quote in a reply.
//
// Spec: client-server API before v1.13, "Fallbacks for rich replies".
func withoutQuote(text string) string {
	if !strings.HasPrefix(text, "> <") {
		return text
	}
	for strings.HasPrefix(text, ">") {
		_, text, _ = strings.Cut(text, "\n")
	}
	return text
}

// name is the text of m.room.name that is searched.
func name(e *store.Event) string {
	text, _ := pdu.StoredObject(e.JSON).Object("content").Text("name")
	return text
}

// topic is the text of m.room.topic that is searched: its topic, and what it says in plain text besides.
//
// Spec: client-server API, "m.room.topic", "Server Side Search".
func topic(e *store.Event) string {
	content := pdu.StoredObject(e.JSON).Object("content")
	text, _ := content.Text("topic")
	representations, ok := content.Object("m.topic").Get("m.text").Array()
	if !ok {
		return text
	}
	for r := range representations {
		o, _ := r.Object()
		kind, given := o.Text("mimetype")
		plain, _ := o.Text("body")
		if (!given || kind == "text/plain") && plain != text {
			text += "\n" + plain
		}
	}
	return text
}

// searched is the text of an event that is searched.
func searched(e *store.Event, edit bool) string {
	switch {
	case e.Type == store.AtomMessage:
		return body(e, edit)
	case e.StateKey == 0:
		return ""
	case e.Type == store.AtomName:
		return name(e)
	case e.Type == store.AtomTopic:
		return topic(e)
	}
	return ""
}
