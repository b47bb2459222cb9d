package policy

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"beffroi/server/keys"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// Status is what a list says of a server.
type Status string

// The statuses. One that is none of them admits nobody: later versions of the format may have others.
const (
	Active    Status = "active"
	Suspended Status = "suspended" // for now; no other list admits it meanwhile
	Withdrawn Status = "withdrawn" // it is no more; another list may admit it
)

// Server is one server as a list describes it.
type Server struct {
	Name         string
	Organisation string
	Contact      string // how its people are reached: an address, a page
	Status       Status
	Since, Until int64             // milliseconds: it is admitted from then until then; 0: always, for ever
	Notary       bool              // its word on the keys of other servers counts
	Keys         []store.ServerKey // its signing keys are these; none given: it says itself which they are
}

const (
	maxText = 300 // bytes
	maxKeys = 20  // of one server
)

// A Problem is why a list can't be accepted: a French sentence for who makes or subscribes to it.
type Problem string

func (p Problem) Error() string { return string(p) }

func problemf(format string, args ...any) error { return Problem(fmt.Sprintf(format, args...)) }

// ParseServer reads one server.
func ParseServer(b []byte) (Server, error) {
	o, err := pdu.ParseObject(b)
	if err != nil {
		return Server{}, problemf("ce n'est pas du JSON canonique : %v", err)
	}
	return readServer(o)
}

func readServer(o pdu.Object) (v Server, err error) {
	v.Name, _ = o.Text("server_name")
	if !pdu.ValidServerName(v.Name) || v.Name != strings.ToLower(v.Name) {
		return v, problemf("server_name = %.100q : ce n'est pas un nom de serveur en minuscules", v.Name)
	}
	if err := v.readTexts(o); err != nil {
		return v, problemf("%s : %v", v.Name, err)
	}
	if err := v.readKeys(o); err != nil {
		return v, problemf("%s : %v", v.Name, err)
	}
	return v, nil
}

func (v *Server) readTexts(o pdu.Object) (err error) {
	if v.Organisation, err = textIn(o, "organisation", true); err != nil {
		return err
	}
	if v.Contact, err = textIn(o, "contact", false); err != nil {
		return err
	}
	status, err := textIn(o, "status", true)
	if err != nil {
		return err
	}
	v.Status = Status(status)
	if v.Since, err = timeIn(o, "since_ts"); err != nil {
		return err
	}
	if v.Until, err = timeIn(o, "until_ts"); err != nil {
		return err
	}
	notary := o.Get("notary")
	is, ok := notary.Bool()
	if notary.Exists() && !ok {
		return problemf("notary n'est ni true ni false")
	}
	v.Notary = is
	return nil
}

// readKeys reads the keys that are in use, then those of before, as documents of servers have them.
func (v *Server) readKeys(o pdu.Object) error {
	for _, name := range [...]string{"verify_keys", "old_verify_keys"} {
		given := o.Get(name)
		all, ok := given.Object()
		if given.Exists() && !ok {
			return problemf("%s n'est pas un objet", name)
		}
		for id, value := range all.All() {
			k, err := readKey(id, value, name == "old_verify_keys")
			if err != nil {
				return err
			}
			if v.key(id) != nil || len(v.Keys) == maxKeys {
				return problemf("la clé %s y est deux fois, ou il y en a plus de %d", id, maxKeys)
			}
			v.Keys = append(v.Keys, k)
		}
	}
	return nil
}

func readKey(id string, value pdu.Value, old bool) (store.ServerKey, error) {
	inner, _ := value.Object()
	text, _ := inner.Text("key")
	raw, err := pdu.DecodeBase64(text)
	if err != nil || len(raw) != ed25519.PublicKeySize || !keys.ValidKeyID(id) {
		return store.ServerKey{}, problemf("%.100q n'est pas une clé Ed25519", id)
	}
	k := store.ServerKey{ID: id, Key: raw, Until: math.MaxInt64, Retired: old}
	if old {
		expired, ok := inner.Int("expired_ts")
		if !ok || expired < 0 {
			return k, problemf("l'ancienne clé %s n'a pas de expired_ts", id)
		}
		k.Until = expired
	}
	return k, nil
}

func (v *Server) key(id string) *store.ServerKey {
	for i := range v.Keys {
		if v.Keys[i].ID == id {
			return &v.Keys[i]
		}
	}
	return nil
}

// textIn reads a text that people see: no line breaks, nothing that hides.
func textIn(o pdu.Object, name string, needed bool) (string, error) {
	value := o.Get(name)
	text, ok := value.Text()
	switch {
	case !value.Exists() && !needed:
		return "", nil
	case !ok || needed && text == "":
		return "", problemf("%s manque, ou n'est pas un texte", name)
	case len(text) > maxText:
		return "", problemf("%s a plus de %d octets", name, maxText)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, hides):
		return "", problemf("%s contient des caractères invisibles", name)
	}
	return text, nil
}

// hides tells whether a character changes a text without being seen in it: controls, and those that turn the direction of others.
func hides(c rune) bool { return !unicode.IsGraphic(c) }

func timeIn(o pdu.Object, name string) (int64, error) {
	value := o.Get(name)
	ts, ok := value.Int()
	if value.Exists() && (!ok || ts < 0) {
		return 0, problemf("%s n'est pas un nombre de millisecondes depuis 1970", name)
	}
	return ts, nil
}

type (
	keyJSON struct {
		Key     string `json:"key"`
		Expired *int64 `json:"expired_ts,omitempty"`
	}
	serverJSON struct {
		Name         string             `json:"server_name"`
		Organisation string             `json:"organisation"`
		Contact      string             `json:"contact,omitempty"`
		Status       Status             `json:"status"`
		Since        int64              `json:"since_ts,omitempty"`
		Until        int64              `json:"until_ts,omitempty"`
		Notary       bool               `json:"notary,omitempty"`
		Keys         map[string]keyJSON `json:"verify_keys,omitempty"`
		Old          map[string]keyJSON `json:"old_verify_keys,omitempty"`
	}
)

// MarshalJSON writes a server as it stands in lists.
func (v Server) MarshalJSON() ([]byte, error) {
	j := serverJSON{v.Name, v.Organisation, v.Contact, v.Status, v.Since, v.Until, v.Notary, map[string]keyJSON{}, map[string]keyJSON{}}
	for _, k := range v.Keys {
		one := keyJSON{Key: pdu.EncodeBase64(k.Key)}
		if k.Retired {
			one.Expired = &k.Until
			j.Old[k.ID] = one
			continue
		}
		j.Keys[k.ID] = one
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON writes, strictly.
func (v *Server) UnmarshalJSON(b []byte) (err error) {
	*v, err = ParseServer(b)
	return err
}

// counts tells whether what a list says of the server counts now.
func (v *Server) counts(now int64) bool {
	return v.Since <= now && (v.Until == 0 || now < v.Until)
}
