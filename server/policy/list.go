package policy

import (
	"crypto/ed25519"
	"strings"
	"time"

	"beffroi/server/keys"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// Format is what lists say they are.
const Format = "fr.beffroi.trust-list.v1"

const (
	// MaxDocument is how many bytes a list may have.
	MaxDocument = 4 << 20
	// MaxServers is how many servers may stand on it.
	MaxServers = 20_000
	// maxLife is how long a list may count: one that its publisher forgot must be seen.
	maxLife = 400 * 24 * time.Hour
	// ahead is how far the publisher's clock may be before ours.
	ahead = 24 * time.Hour
)

// List is what a list says: checked, but for its signature.
type List struct {
	ID        string // the name by which it signs
	Name      string
	Publisher string
	Contact   string
	Number    int64
	Published int64 // milliseconds
	Expires   int64 // milliseconds
	Servers   []Server
}

// ParseList reads a list. The error is a Problem. The signature is Verify's.
func ParseList(b []byte) (*List, pdu.Object, error) {
	if len(b) > MaxDocument {
		return nil, pdu.Object{}, problemf("la liste a plus de %d octets", MaxDocument)
	}
	o, err := pdu.ParseObject(b)
	if err != nil {
		return nil, o, problemf("ce n'est pas du JSON canonique : %v", err)
	}
	l := &List{}
	if err := l.readHead(o); err != nil {
		return nil, o, err
	}
	return l, o, l.readServers(o)
}

func (l *List) readHead(o pdu.Object) (err error) {
	if format, _ := o.Text("format"); format != Format {
		return problemf("format = %.100q : cette version ne lit que %s", format, Format)
	}
	if l.ID, _ = o.Text("list_id"); !validListID(l.ID) {
		return problemf("list_id = %.100q : il faut un nom comme herault.example.fr, de 100 caractères au plus", l.ID)
	}
	for name, field := range map[string]*string{"name": &l.Name, "publisher": &l.Publisher, "contact": &l.Contact} {
		if *field, err = textIn(o, name, true); err != nil {
			return err
		}
	}
	if l.Number, _ = o.Int("number"); l.Number < 1 {
		return problemf("number n'est pas un nombre au-dessus de zéro")
	}
	if l.Published, err = timeIn(o, "published_ts"); err != nil {
		return err
	}
	if l.Expires, err = timeIn(o, "expires_ts"); err != nil {
		return err
	}
	if l.Expires <= l.Published || l.Expires-l.Published > maxLife.Milliseconds() {
		return problemf("expires_ts n'est pas dans les %d jours après published_ts", int(maxLife.Hours()/24))
	}
	return nil
}

func (l *List) readServers(o pdu.Object) error {
	all, ok := o.Get("servers").Array()
	if !ok {
		return problemf("servers n'est pas une suite de serveurs")
	}
	known := map[string]bool{}
	for value := range all {
		if len(l.Servers) == MaxServers {
			return problemf("la liste a plus de %d serveurs", MaxServers)
		}
		one, ok := value.Object()
		if !ok {
			return problemf("servers contient autre chose que des serveurs")
		}
		server, err := readServer(one)
		if err != nil {
			return err
		}
		if known[server.Name] {
			return problemf("%s est deux fois dans la liste", server.Name)
		}
		known[server.Name] = true
		l.Servers = append(l.Servers, server)
	}
	return nil
}

func validListID(id string) bool {
	return id != "" && len(id) <= 100 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789.-") == ""
}

// Key is the public key by which a list is known.
type Key struct {
	ID  string // ed25519:abcd
	Key ed25519.PublicKey
}

// ParseKey reads a key as String writes it.
func ParseKey(text string) (Key, error) {
	id, encoded, _ := strings.Cut(strings.TrimSpace(text), " ")
	raw, err := pdu.DecodeBase64(strings.TrimSpace(encoded))
	if err != nil || len(raw) != ed25519.PublicKeySize || !keys.ValidKeyID(id) {
		return Key{}, problemf("la clé de la liste s'écrit « ed25519:NOM BASE64 », sur une ligne")
	}
	return Key{id, raw}, nil
}

// String is what publishers give to who subscribes: "ed25519:abcd BASE64".
func (k Key) String() string { return k.ID + " " + pdu.EncodeBase64(k.Key) }

// Verify reads a list and checks that it was signed with a key. The error is a Problem.
func Verify(b []byte, key Key) (*List, error) {
	l, o, err := ParseList(b)
	if err != nil {
		return nil, err
	}
	if err := o.VerifySignature(l.ID, key.ID, key.Key); err != nil {
		return nil, problemf("la liste n'est pas signée par la clé %s", key.ID)
	}
	return l, nil
}

// Current refuses a list that does not count at a time: expired, or of the future.
func (l *List) Current(now time.Time) error {
	switch at := store.Millis(now); {
	case l.Expires <= at:
		return problemf("la liste n° %d ne vaut plus depuis le %s", l.Number, day(l.Expires))
	case l.Published > at+ahead.Milliseconds():
		return problemf("la liste n° %d est datée du %s, dans l'avenir", l.Number, day(l.Published))
	}
	return nil
}

func day(ts int64) string { return time.UnixMilli(ts).UTC().Format("02/01/2006") }
