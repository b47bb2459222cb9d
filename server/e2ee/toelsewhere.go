package e2ee

import (
	"crypto/rand"
	"encoding/json"

	"beffroi/server/store"
)

// toElsewhere are contents for devices of other servers' users, by server.
type toElsewhere map[string][]deviceContent

type deviceContent struct {
	userID, deviceID string
	content          json.RawMessage
}

// add notes the contents for the devices of a user, and gives how many bytes they have. Whether there are such devices only their server knows.
func (e toElsewhere) add(server, userID string, byDevice map[string]json.RawMessage) (size int) {
	for deviceID, content := range byDevice {
		e[server] = append(e[server], deviceContent{userID, deviceID, content})
		size += len(content) + len(userID) + len(deviceID)
	}
	return size
}

// eduSize is from where on the messages of one request for one server go in another EDU.
const eduSize = 64 << 10

// directToDevice is the content of m.direct_to_device. Source: server-server API, "Send-to-device messaging".
type directToDevice struct {
	Sender    string                                `json:"sender"`
	Type      string                                `json:"type"`
	MessageID string                                `json:"message_id"`
	Messages  map[string]map[string]json.RawMessage `json:"messages"`
}

// queue queues the messages for their servers, which drop those that they have already by the message_id.
func (e toElsewhere) queue(tx *store.Tx, sender, eventType string) error {
	for server, contents := range e {
		for len(contents) > 0 {
			edu := directToDevice{sender, eventType, rand.Text(), map[string]map[string]json.RawMessage{}}
			for size := 0; len(contents) > 0 && size < eduSize; contents = contents[1:] {
				edu.put(contents[0])
				size += len(contents[0].content)
			}
			raw, err := json.Marshal(edu)
			if err != nil {
				return err
			}
			if err := tx.QueueEDU(server, "m.direct_to_device", "", raw); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *directToDevice) put(c deviceContent) {
	if d.Messages[c.userID] == nil {
		d.Messages[c.userID] = map[string]json.RawMessage{}
	}
	d.Messages[c.userID][c.deviceID] = c.content
}
