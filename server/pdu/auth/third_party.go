package auth

import (
	"crypto/ed25519"
	"strings"

	"beffroi/server/pdu"
)

// maxVerifications bounds the work that one third-party invite can ask for: all
// of its signatures against all keys. Identity servers make one or two of each.
const maxVerifications = 256

// thirdPartyInvite is rule 5.4.1.
func (c *check) thirdPartyInvite(target string, invite pdu.Value) error {
	if c.membership(target) == "ban" { // 5.4.1.1
		return reject("the target is banned")
	}
	content, _ := invite.Object()
	signed, ok := content.Get("signed").Object()
	if !ok { // 5.4.1.2
		return reject("third_party_invite without signed")
	}
	mxid, hasMXID := signed.Text("mxid")
	token, hasToken := signed.Text("token")
	if !hasMXID || !hasToken { // 5.4.1.3
		return reject("signed without mxid or token")
	}
	if mxid != target { // 5.4.1.4
		return reject("signed is for another user")
	}
	origin := c.state.Event("m.room.third_party_invite", token)
	if origin == nil { // 5.4.1.5
		return reject("no third-party invite with this token")
	}
	if origin.Sender() != c.event.Sender() { // 5.4.1.6
		return reject("the third-party invite is of another sender")
	}
	if !signedByAny(signed, publicKeys(origin.Body())) { // 5.4.1.7
		return reject("no signature by a key of the third-party invite")
	}
	return nil
}

// publicKeys are the keys of an m.room.third_party_invite event.
func publicKeys(content pdu.Object) []ed25519.PublicKey {
	var keys []ed25519.PublicKey
	add := func(o pdu.Object) {
		text, _ := o.Text("public_key")
		if key, err := pdu.DecodeBase64(text); err == nil {
			keys = append(keys, key)
		}
	}
	add(content)
	if list, ok := content.Get("public_keys").Array(); ok {
		for v := range list {
			o, _ := v.Object()
			add(o)
		}
	}
	return keys
}

func signedByAny(signed pdu.Object, keys []ed25519.PublicKey) bool {
	left := maxVerifications
	for entity, v := range signed.Object("signatures").All() {
		byKey, _ := v.Object()
		for keyID := range byKey.All() {
			if !strings.HasPrefix(keyID, "ed25519:") {
				continue
			}
			for _, key := range keys {
				if left--; left < 0 {
					return false
				}
				if signed.VerifySignature(entity, keyID, key) == nil {
					return true
				}
			}
		}
	}
	return false
}
