package rooms

import (
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// Veil gives what shows events redacted that their sender had erased, to who came after that; nil where nobody was erased. An event that can't be redacted is
// shown without any content.
//
// Spec: client-server API, "Account deactivation", erase.
func Veil(r *store.Reader, viewer func() (*Viewer, error)) func(*store.Event) *store.Event {
	if !r.AnyErased() {
		return nil
	}
	return func(e *store.Event) *store.Event {
		if r.Erased(e.Sender) == 0 {
			return e
		}
		v, err := viewer()
		if err == nil {
			var veiled bool
			if veiled, err = v.Veiled(e); err == nil && !veiled {
				return e
			}
		}
		redacted := *e
		if redacted.JSON, err = redactedJSON(r, e); err != nil {
			redacted.JSON = []byte(`{"content":{}}`)
		}
		return &redacted
	}
}

// Veil is the function of that name for the viewer's room.
func (v *Viewer) Veil() func(*store.Event) *store.Event {
	return Veil(v.r, func() (*Viewer, error) { return v, nil })
}

// Shown is what the user is shown of an event.
func (v *Viewer) Shown(e *store.Event) *store.Event {
	if veil := v.Veil(); veil != nil {
		return veil(e)
	}
	return e
}

// Veiled tells whether an event was erased by its sender before the user could see it. State is not, but for memberships: it is the room's. A newcomer who
// was shown m.room.encryption without its algorithm would write in clear.
func (v *Viewer) Veiled(e *store.Event) (bool, error) {
	erased := v.r.Erased(e.Sender)
	if erased == 0 || e.StateKey != 0 && e.Type != store.AtomMember {
		return false, nil
	}
	pos := int64(e.NID) // the position of an event on the main line is its number
	if e.Status&store.StatusAside != 0 {
		var err error
		if pos, err = v.came(e.Ord); err != nil {
			return true, err
		}
	}
	return !v.joinedBetween(pos, erased), nil
}

// joinedBetween tells whether the user was joined at any time from one position to another.
func (v *Viewer) joinedBetween(from, to int64) bool {
	for i, s := range v.memberships {
		until := always
		if i+1 < len(v.memberships) {
			until = v.memberships[i+1].from
		}
		if s.value == "join" && s.from <= to && until >= from {
			return true
		}
	}
	return false
}

func redactedJSON(r *store.Reader, e *store.Event) ([]byte, error) {
	room, _, err := r.Room(e.Room)
	if err != nil {
		return nil, err
	}
	rules, _ := pdu.RulesFor(room.Version)
	p, err := e.PDU(rules)
	if err != nil {
		return nil, err
	}
	return p.Redact().JSON(), nil
}
