package store

import "sync"

// Atom is the number of an interned string: a user id, an event type or a state key.
type Atom int64

// The atoms with fixed numbers, inserted by the first migration. A test holds the two lists together.
const (
	AtomEmpty              Atom = iota + 1 // the empty state key
	AtomCreate                             // m.room.create
	AtomMember                             // m.room.member
	AtomPowerLevels                        // m.room.power_levels
	AtomJoinRules                          // m.room.join_rules
	AtomHistoryVisibility                  // m.room.history_visibility
	AtomGuestAccess                        // m.room.guest_access
	AtomName                               // m.room.name
	AtomTopic                              // m.room.topic
	AtomAvatar                             // m.room.avatar
	AtomCanonicalAlias                     // m.room.canonical_alias
	AtomEncryption                         // m.room.encryption
	AtomThirdPartyInvite                   // m.room.third_party_invite
	AtomServerACL                          // m.room.server_acl
	AtomTombstone                          // m.room.tombstone
	AtomMessage                            // m.room.message
	AtomEncrypted                          // m.room.encrypted
	AtomRedaction                          // m.room.redaction
	AtomReaction                           // m.reaction
	AtomSpaceChild                         // m.space.child
	AtomPushRules                          // m.push_rules
	AtomReceiptRead                        // m.read
	AtomReceiptReadPrivate                 // m.read.private
	AtomFullyRead                          // m.fully_read
)

const (
	atomByText = `SELECT id FROM atom WHERE text = ?`
	textOfAtom = `SELECT text FROM atom WHERE id = ?`
	insertAtom = `INSERT INTO atom (text) VALUES (?)`
)

// FindAtom gives the atom of text, or 0 where the database has never seen it.
func (r *Reader) FindAtom(text string) (Atom, error) {
	if a, ok := r.fresh[text]; ok {
		return a, nil
	}
	if a, ok := r.atoms.atom(text); ok {
		return a, nil
	}
	var a Atom
	found, err := r.row(atomByText, in(text), &a)
	if found && !r.writing {
		r.atoms.put(a, text)
	}
	return a, err
}

// Text gives an atom's text.
func (r *Reader) Text(a Atom) (string, error) {
	if text, ok := r.atoms.text(a); ok {
		return text, nil
	}
	var text string
	found, err := r.row(textOfAtom, in(a), &text)
	if found && !r.writing {
		r.atoms.put(a, text)
	}
	return text, err
}

// Atom gives the atom of text, and makes it where it is new.
func (tx *Tx) Atom(text string) (Atom, error) {
	if a, err := tx.FindAtom(text); a != 0 || err != nil {
		return a, err
	}
	id, err := tx.insert(insertAtom, text)
	if err != nil {
		return 0, err
	}
	if tx.fresh == nil {
		tx.fresh = map[string]Atom{}
	}
	tx.fresh[text] = Atom(id)
	return Atom(id), nil
}

// atomCache remembers atoms in both directions. It holds two generations: when the young one is full it becomes the old one,
// so that a stranger who invents strings pushes out only what nobody used lately.
type atomCache struct {
	mu         sync.Mutex
	young, old atomMaps
}

type atomMaps struct {
	atoms map[string]Atom
	texts map[Atom]string
}

const atomGeneration = 8192

func newAtomMaps() atomMaps {
	return atomMaps{atoms: map[string]Atom{}, texts: map[Atom]string{}}
}

func newAtomCache() *atomCache { return &atomCache{young: newAtomMaps(), old: newAtomMaps()} }

func (c *atomCache) atom(text string) (Atom, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a, ok := c.young.atoms[text]; ok {
		return a, true
	}
	a, ok := c.old.atoms[text]
	if ok {
		c.add(a, text)
	}
	return a, ok
}

func (c *atomCache) text(a Atom) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if text, ok := c.young.texts[a]; ok {
		return text, true
	}
	text, ok := c.old.texts[a]
	if ok {
		c.add(a, text)
	}
	return text, ok
}

func (c *atomCache) put(a Atom, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(a, text)
}

func (c *atomCache) add(a Atom, text string) {
	if len(c.young.atoms) >= atomGeneration {
		c.old, c.young = c.young, newAtomMaps()
	}
	c.young.atoms[text] = a
	c.young.texts[a] = text
}
