package servertest

import (
	"net/url"
	"strings"
)

// Sample is a path of a route or an operation, such as /rooms/{roomId}, with ids in it that are well-formed: the user's, the room's, or invented ones.
func Sample(path, roomID string, u *User) string {
	ids := map[string]string{"userId": u.UserID, "roomId": roomID, "roomIdOrAlias": roomID, "deviceId": u.DeviceID, "eventId": "$event",
		"kind": "room", "receiptType": "m.read", "keyName": "displayname", "version": "1", "reportId": "1"}
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			id, known := ids[strings.TrimSuffix(name, "}")]
			if !known {
				id = "x"
			}
			parts[i] = url.PathEscape(id)
		}
	}
	return strings.Join(parts, "/")
}
