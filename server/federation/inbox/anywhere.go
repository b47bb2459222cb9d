package inbox

import (
	"context"
	"encoding/json"
	"unicode/utf8"

	"beffroi/server/ephemeral"
	"beffroi/server/merr"
	"beffroi/server/pdu"
)

// maxPresences is how many users one item may speak of.
const maxPresences = 1000

// presence says how users of the server are.
//
// Source: server-server API, "m.presence".
func (s *Service) presence(ctx context.Context, server string, content json.RawMessage) error {
	o, err := pdu.ParseObject(content)
	if err != nil {
		return err
	}
	push, ok := o.Get("push").Array()
	if !ok {
		return merr.BadJSON("push is no array")
	}
	var all []ephemeral.PresenceOf
	for v := range push {
		one, _ := v.Object()
		userID, _ := one.Text("user_id")
		if pdu.ServerOf(userID) != server {
			s.dropped(server, "m.presence", errNotTheirs(userID))
			continue
		}
		if all = append(all, presenceOf(userID, one)); len(all) == maxPresences {
			break
		}
	}
	return s.Ephemeral.PresenceElsewhere(ctx, all)
}

func presenceOf(userID string, o pdu.Object) ephemeral.PresenceOf {
	p := ephemeral.PresenceOf{UserID: userID}
	p.Presence.Presence, _ = o.Text("presence")
	p.Status, _ = o.Text("status_msg")
	p.CurrentlyActive, _ = o.Get("currently_active").Bool()
	if ago, ok := o.Int("last_active_ago"); ok {
		p.LastActiveAgo = &ago
	}
	return p
}

// maxMessageID is the most characters of the id of a message to devices. Source: server-server API, "m.direct_to_device".
const maxMessageID = 32

// toDevice queues messages for devices of this server's users.
//
// Source: server-server API, "m.direct_to_device".
func (s *Service) toDevice(ctx context.Context, server string, content json.RawMessage) error {
	o, err := pdu.ParseObject(content)
	if err != nil {
		return err
	}
	sender, _ := o.Text("sender")
	kind, typed := o.Text("type")
	id, named := o.Text("message_id")
	if pdu.ServerOf(sender) != server || !pdu.ValidUserID(sender) {
		return errNotTheirs(sender)
	}
	if !typed || !named || utf8.RuneCountInString(id) > maxMessageID {
		return merr.BadJSON("type or message_id is missing, or the id is too long")
	}
	messages := map[string]map[string]json.RawMessage{}
	for userID, v := range o.Object("messages").All() {
		byDevice, _ := v.Object()
		messages[userID] = map[string]json.RawMessage{}
		for deviceID, message := range byDevice.All() {
			messages[userID][deviceID] = message.Raw()
		}
	}
	return s.E2EE.DeliverToDevice(ctx, server, sender, kind, id, messages)
}
