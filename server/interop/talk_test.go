package interop

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
)

// A talk is an encrypted room and what has to be seen in it, by every device.
type talk struct {
	t        testing.TB
	room     string
	devices  []*device
	expected []message
}

// startSalon has one create an encrypted room and invite the other, who accepts. The town hall's custodian is in it too.
func startSalon(t testing.TB, host, guest *device) *talk {
	t.Helper()
	k := newTalk(t, host, guest, "createRoom", map[string]any{"name": "Conseil municipal"})
	host.must("invite", k.args("user", guest.UserID), nil)
	guest.until(k.room, "the invitation", func(v view) bool {
		return v.Membership == "invite" && v.Encrypted && v.Name == "Conseil municipal"
	})
	k.accept(guest, func(joined []string) bool {
		return slices.Contains(joined, host.UserID) && slices.Contains(joined, guest.UserID)
	})
	return k
}

// startConversation is startSalon for two people alone.
func startConversation(t testing.TB, host, guest *device) *talk {
	t.Helper()
	k := newTalk(t, host, guest, "createDirect", map[string]any{"user": guest.UserID})
	guest.until(k.room, "the invitation", func(v view) bool { return v.Membership == "invite" && v.Encrypted })
	both := []string{host.UserID, guest.UserID}
	slices.Sort(both)
	k.accept(guest, func(joined []string) bool { return slices.Equal(joined, both) })
	return k
}

func newTalk(t testing.TB, host, guest *device, command string, args map[string]any) *talk {
	t.Helper()
	var created struct {
		RoomID string `json:"room_id"`
	}
	host.must(command, args, &created)
	k := &talk{t: t, room: created.RoomID, devices: []*device{host, guest}}
	host.until(k.room, "its encrypted room", func(v view) bool { return v.Membership == "join" && v.Encrypted })
	return k
}

// accept has the guest join, and all see the members.
func (k *talk) accept(guest *device, complete func(joined []string) bool) {
	k.t.Helper()
	guest.must("join", k.args(), nil)
	for _, d := range k.devices {
		d.until(k.room, "both members", func(v view) bool { return v.Membership == "join" && v.Encrypted && complete(v.Joined) })
	}
}

// args are a command's arguments: the room, and pairs of a name and a value.
func (k *talk) args(pairs ...any) map[string]any {
	args := map[string]any{"room": k.room}
	for i := 0; i < len(pairs); i += 2 {
		args[pairs[i].(string)] = pairs[i+1]
	}
	return args
}

// send sends an event and gives its id.
func (k *talk) send(d *device, command string, args map[string]any) string {
	k.t.Helper()
	var sent struct {
		EventID string `json:"event_id"`
	}
	d.must(command, args, &sent)
	return sent.EventID
}

// says sends a message and gives its id.
func (k *talk) says(d *device, body string) string {
	k.t.Helper()
	id := k.send(d, "send", k.args("body", body))
	k.expected = append(k.expected, message{EventID: id, Sender: d.UserID, Encrypted: true, Kind: "m.text", Body: body})
	return id
}

// message gives what is expected of one, to be changed.
func (k *talk) message(event string) *message {
	for i := range k.expected {
		if k.expected[i].EventID == event {
			return &k.expected[i]
		}
	}
	k.t.Fatal("no message", event)
	return nil
}

// seen waits until every device, or each of those given, shows the expected messages in their order.
func (k *talk) seen(devices ...*device) {
	k.t.Helper()
	if len(devices) == 0 {
		devices = k.devices
	}
	for _, d := range devices {
		d.until(k.room, "\n"+lines(k.expected), func(v view) bool { return slices.Equal(v.Messages, k.expected) })
	}
}

// annotate has each edit and redact what it said, and react to what the other said.
func (k *talk) annotate(host, guest *device) {
	k.t.Helper()
	for _, pair := range [][2]*device{{host, guest}, {guest, host}} {
		author, other := pair[0], pair[1]
		first, second := k.says(author, "le conseil est à 18 h"), k.says(author, "à retirer")
		k.seen()
		k.send(author, "edit", k.args("event", first, "body", "le conseil est à 19 h"))
		k.message(first).Body, k.message(first).Edited = "le conseil est à 19 h", true
		k.seen()
		k.send(other, "react", k.args("event", first, "key", "👍"))
		k.message(first).Reactions = "👍 " + other.UserID
		k.seen()
		k.send(author, "redact", k.args("event", second))
		*k.message(second) = message{EventID: second, Sender: author.UserID, Redacted: true}
		k.seen()
	}
}

// sendsFile has the others read the bytes that one has sent.
func (k *talk) sendsFile(d *device, name string, data []byte) {
	k.t.Helper()
	id := k.send(d, "sendFile", k.args("name", name, "data", data))
	k.expected = append(k.expected, message{EventID: id, Sender: d.UserID, Encrypted: true, Kind: "m.file", Body: name})
	k.seen()
	for _, reader := range k.devices {
		var file struct{ Data []byte }
		reader.must("readFile", k.args("event", id), &file)
		if !bytes.Equal(file.Data, data) {
			k.t.Errorf("%s reads %d other bytes than the %d that %s has sent", reader.name, len(file.Data), len(data), d.name)
		}
	}
}

// burst has all send at once. All have to show the same order, with each one's own order in it.
func (k *talk) burst(each int) {
	k.t.Helper()
	type sent struct {
		messages []message
		err      error
	}
	all := make(chan sent, len(k.devices))
	for _, d := range k.devices {
		go func() {
			var s sent
			for i := 0; i < each && s.err == nil; i++ {
				m := message{Sender: d.UserID, Encrypted: true, Kind: "m.text", Body: fmt.Sprint(d.UserID, " ", i)}
				s.err = d.do("send", k.args("body", m.Body), &m)
				s.messages = append(s.messages, m)
			}
			all <- s
		}()
	}
	byID, before := map[string]message{}, len(k.expected)
	for range k.devices {
		s := <-all
		if s.err != nil {
			k.t.Fatal(s.err)
		}
		for _, m := range s.messages {
			byID[m.EventID] = m
		}
	}
	total := before + len(byID)
	v := k.devices[0].until(k.room, "the burst", func(v view) bool {
		return len(v.Messages) == total && !slices.ContainsFunc(v.Messages, message.unreadable)
	})
	last := map[string]string{} // the bodies count up
	for _, m := range v.Messages[before:] {
		if byID[m.EventID] != m || last[m.Sender] >= m.Body {
			k.t.Fatalf("after %q there is %v, sent as %v", last[m.Sender], m, byID[m.EventID])
		}
		last[m.Sender] = m.Body
	}
	k.expected = v.Messages
	k.seen()
}

// notices has each see that another one types, stops, and has read.
func (k *talk) notices(reader, author *device) {
	k.t.Helper()
	for _, typing := range []bool{true, false} {
		reader.must("typing", k.args("typing", typing), nil)
		author.until(k.room, fmt.Sprint(reader.UserID, " typing: ", typing), func(v view) bool {
			return slices.Contains(v.Typing, reader.UserID) == typing
		})
	}
	id := k.says(author, "lu ?")
	k.seen()
	reader.must("read", k.args("event", id), nil)
	author.until(k.room, reader.UserID+"'s receipt for "+id, func(v view) bool { return v.Receipts[reader.UserID] == id })
}
