package rooms

import (
	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/store"
)

// redaction finds what a redaction of another server redacts, where it may; and whether the event itself was redacted before it came.
//
// Spec: rooms/v3, "Handling redactions".
func (g *graph) redaction(v *verdict) error {
	waiting, err := g.r.EarlyRedactions(g.Ref, g.own.ID())
	if err != nil {
		return err
	}
	for _, w := range waiting {
		by, ok, err := g.r.Event(w.NID)
		if err != nil {
			return err
		}
		sender, err := g.r.Text(by.Sender)
		if err != nil {
			return err
		}
		v.hidden = v.hidden || ok && mayRedact(w, sender, g.own)
	}
	id := g.own.Redacts()
	if id == "" {
		return nil
	}
	levels, err := g.levelsOf(v.before)
	if err != nil {
		return err
	}
	target, err := g.vertex(id)
	switch {
	case err != nil:
		return err
	case target == nil:
		anyones := g.rules.RedactionRule || levels.For(g.own.Sender()) >= levels.Level("redact")
		waits, err := g.waits(id, anyones)
		if err != nil || waits {
			return err
		}
		v.early = &earlyRedaction{id, anyones}
	case !target.e.IsCreate() && target.RedactedBy == 0 && levels.MayRedact(g.own.Sender(), target.e.Sender()):
		v.redacts = &redaction{id, target.Event, target.e.Redact()}
	}
	return nil
}

// waits tells whether a redaction that does the same waits for an event already: one of each server, so that nobody adds to them without end.
func (g *graph) waits(eventID string, anyones bool) (bool, error) {
	waiting, err := g.r.EarlyRedactions(g.Ref, eventID)
	for _, w := range waiting {
		by, ok, err := g.r.Event(w.NID)
		if err != nil {
			return false, err
		}
		sender, err := g.r.Text(by.Sender)
		if err != nil || ok && w.Anyones == anyones && pdu.ServerOf(sender) == pdu.ServerOf(g.own.Sender()) {
			return err == nil, err
		}
	}
	return false, err
}

func (g *graph) levelsOf(st *state) (auth.PowerLevels, error) {
	s := standing{g, st}
	levels := auth.NewPowerLevels(g.held[createKey()], s.Event("m.room.power_levels", ""))
	return levels, g.err
}

// mayRedact tells whether a redaction that came early applies to an event.
func mayRedact(w store.EarlyRedaction, sender string, e *pdu.Event) bool {
	return !e.IsCreate() && (w.Anyones || pdu.ServerOf(sender) == pdu.ServerOf(e.Sender()))
}

// put applies a redaction that is just stored, or keeps it until what it redacts comes: who sends such a one may redact everybody's events. Did that come while it was
// being made, it is made once more.
func (r *redaction) put(tx *store.Tx, by *store.Event) error {
	if r.redacted != nil {
		return tx.Redact(r.target.NID, by.NID, r.redacted.JSON())
	}
	if _, known, err := tx.EventByID(r.id); err != nil || known {
		return errOr(err, errStale)
	}
	return tx.AddEarlyRedaction(by.Room, r.id, store.EarlyRedaction{NID: by.NID, Anyones: true})
}

// redactEarly applies the redactions that waited for an event which is just stored.
func redactEarly(tx *store.Tx, row *store.Event, e *pdu.Event) error {
	waiting, err := tx.EarlyRedactions(row.Room, row.ID)
	if err != nil || len(waiting) == 0 {
		return err
	}
	for _, w := range waiting {
		by, ok, err := tx.Event(w.NID)
		if err != nil {
			return err
		}
		sender, err := tx.Text(by.Sender)
		if err != nil {
			return err
		}
		if !ok || !mayRedact(w, sender, e) {
			continue
		}
		row.JSON, row.RedactedBy = e.Redact().JSON(), w.NID // what is read of it from now on
		if err := tx.Redact(row.NID, w.NID, row.JSON); err != nil {
			return err
		}
		break
	}
	return tx.ForgetEarlyRedactions(row.Room, row.ID)
}
