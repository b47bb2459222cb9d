package store

import (
	"crypto/sha256"
	"database/sql"
	"encoding/binary"

	"beffroi/server/pdu"
)

// RelType is the type of a relation: one of the specification's, or the atom of any other.
type RelType int64

// The relation types that this server knows the rules of.
const (
	RelAnnotation RelType = -1 - iota
	RelReference
	RelReplace
	RelThread
)

// Relation is how an event of a timeline relates to another event of its room.
type Relation struct {
	Target  NID
	Ord     int64 // the relating event's, as the rest
	NID     NID
	RelType RelType
	Type    Atom
	Sender  Atom
	TS      int64
	Status  int
	// Annotations: a hash of type and key, 0 without a key. Replacements: 1 where nothing in the event itself speaks against its replacing
	// another. Else 0.
	Detail int64
}

const (
	insertRelation = `INSERT INTO relation (target, ord, nid, rel_type, type, sender, ts, status, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
	deleteRelation = `DELETE FROM relation WHERE target = (SELECT nid FROM event WHERE event_id = ?) AND ord = ?`
	insertThread   = `INSERT OR IGNORE INTO thread (room, root) VALUES (?, ?)`

	insertWaiting = `INSERT OR IGNORE INTO relation_waiting (target, nid) VALUES (?, ?)`
	waitingFor    = `SELECT ` + eventColumns + ` FROM relation_waiting w JOIN event e ON e.nid = w.nid WHERE w.target = ?`
	deleteWaiting = `DELETE FROM relation_waiting WHERE target = ?`
	endWaiting    = `DELETE FROM relation_waiting WHERE target = ? AND nid = ?`

	hasAnnotation = `SELECT 1 FROM relation WHERE target = ? AND rel_type = -1 AND sender = ? AND detail = ? LIMIT 1`
)

// Relate records the relation that an event has which was just placed in its timeline, and those of others that waited for it.
func (tx *Tx) Relate(e *Event) error {
	if err := tx.relateWaiting(e); err != nil {
		return err
	}
	rel, ok := relationOf(e)
	if !ok {
		return nil
	}
	target, known, err := tx.EventByID(rel.EventID)
	if err != nil {
		return err
	}
	if !known {
		return tx.exec(insertWaiting, eventIDBytes(rel.EventID), e.NID)
	}
	return tx.relate(e, &target, rel.Type)
}

// relateWaiting records the relations of events that came before the one that they relate to.
func (tx *Tx) relateWaiting(target *Event) error {
	id := eventIDBytes(target.ID)
	events, err := list(&tx.Reader, waitingFor, in(id), scanEvent)
	if err != nil || len(events) == 0 {
		return err
	}
	for i := range events {
		if rel, ok := relationOf(&events[i]); ok {
			if err := tx.relate(&events[i], target, rel.Type); err != nil {
				return err
			}
		}
	}
	return tx.exec(deleteWaiting, id)
}

// relate writes a relation, unless the two events are in different rooms: then there is none.
func (tx *Tx) relate(e, target *Event, name string) error {
	if !e.Placed || e.Room != target.Room {
		return nil
	}
	relType, err := tx.relType(name)
	if err != nil {
		return err
	}
	if err := tx.exec(insertRelation, target.NID, e.Ord, e.NID, relType, e.Type, e.Sender, e.TS, e.Status, relationDetail(e, relType)); err != nil {
		return err
	}
	if _, nested := relationOf(target); relType != RelThread || nested {
		return nil
	}
	return tx.exec(insertThread, e.Room, target.NID)
}

// endRelation forgets the relation of an event that is redacted now.
func (tx *Tx) endRelation(nid NID) error {
	e, ok, err := tx.Event(nid)
	if err != nil || !ok {
		return err
	}
	rel, ok := relationOf(&e)
	if !ok {
		return nil
	}
	id := eventIDBytes(rel.EventID)
	if err := tx.exec(deleteRelation, id, e.Ord); err != nil {
		return err
	}
	return tx.exec(endWaiting, id, nid)
}

func relationOf(e *Event) (pdu.Relation, bool) {
	return pdu.RelationOf(pdu.StoredObject(e.JSON).Object("content"))
}

func knownRelType(name string) RelType {
	switch name {
	case "m.annotation":
		return RelAnnotation
	case "m.reference":
		return RelReference
	case "m.replace":
		return RelReplace
	case "m.thread":
		return RelThread
	}
	return 0
}

// relType gives the number of a relation type, and makes it where it is new.
func (tx *Tx) relType(name string) (RelType, error) {
	if t := knownRelType(name); t != 0 {
		return t, nil
	}
	a, err := tx.Atom(name)
	return RelType(a), err
}

// FindRelType gives the number of a relation type, or 0 where no event has it.
func (r *Reader) FindRelType(name string) (RelType, error) {
	if t := knownRelType(name); t != 0 {
		return t, nil
	}
	a, err := r.FindAtom(name)
	return RelType(a), err
}

func relationDetail(e *Event, relType RelType) int64 {
	content := pdu.StoredObject(e.JSON).Object("content")
	switch relType {
	case RelAnnotation:
		if key, ok := content.Object("m.relates_to").Text("key"); ok {
			return annotationHash(e.Type, key)
		}
	case RelReplace:
		_, replaces := content.Get("m.new_content").Object()
		if e.StateKey == 0 && (replaces || e.Type == AtomEncrypted) {
			return 1
		}
	}
	return 0
}

// annotationHash tells annotations apart that differ in type or key. A collision, which nobody meets by chance, costs a reaction.
func annotationHash(eventType Atom, key string) int64 {
	h := sha256.Sum256(append(binary.BigEndian.AppendUint64(nil, uint64(eventType)), key...))
	return int64(binary.BigEndian.Uint64(h[:8])) | 1 // never 0
}

// HasAnnotation tells whether a user has annotated an event with this key, by an event of this type that stands.
func (r *Reader) HasAnnotation(target NID, sender, eventType Atom, key string) (bool, error) {
	return r.row(hasAnnotation, in(target, sender, annotationHash(eventType, key)), new(int))
}

// RelationRun is one relation, or all of one sender's messages in a thread: then Relation is the last of them.
type RelationRun struct {
	Relation
	Count   int
	EventID string // of references and replacements
}

const (
	relationColumns = `target, rel_type, type, sender, ts, status, detail`

	// A bare column beside max() is of the row that has it.
	relationRuns = `SELECT ` + relationColumns + `, max(ord), nid, count(*),
			CASE WHEN rel_type > -4 THEN (SELECT e.event_id FROM event e WHERE e.nid = relation.nid) END
		FROM relation WHERE target IN (SELECT value FROM json_each(?)) AND rel_type IN (-2, -3, -4) AND nid <= ?
		GROUP BY target, rel_type, sender, CASE WHEN ? AND rel_type = -4 AND status = 0 THEN 0 ELSE nid END`

	relatedBy = `SELECT target, sender, status, max(ord), nid FROM relation WHERE target IN (SELECT value FROM json_each(?1))
		AND (?2 = 'null' OR sender IN (SELECT value FROM json_each(?2))) AND (?3 = 'null' OR rel_type IN (SELECT value FROM json_each(?3)))
		AND nid <= ?4 GROUP BY target, sender, CASE WHEN ?5 AND status = 0 THEN 0 ELSE nid END`
)

// RelationRuns lists what is aggregated of the relations to some events: references, replacements and messages of threads, up to a number. Where
// summed, accepted messages of one sender in one thread are one run.
func (r *Reader) RelationRuns(targets []NID, upto NID, summed bool) ([]RelationRun, error) {
	return list(r, relationRuns, in(jsonArray(targets), upto, summed), func(rows *sql.Rows) (run RelationRun, err error) {
		var id []byte
		err = rows.Scan(&run.Target, &run.RelType, &run.Type, &run.Sender, &run.TS, &run.Status, &run.Detail, &run.Ord, &run.NID, &run.Count, &id)
		run.EventID = eventIDText(id)
		return run, err
	})
}

// RelatedBy lists the relations to some events by one of the senders with one of the relation types (each any where nil), up to a number. Where
// summed, accepted ones of one sender to one event are one run.
func (r *Reader) RelatedBy(targets []NID, senders []Atom, relTypes []RelType, upto NID, summed bool) ([]RelationRun, error) {
	args := in(jsonArray(targets), jsonArray(senders), jsonArray(relTypes), upto, summed)
	return list(r, relatedBy, args, func(rows *sql.Rows) (run RelationRun, err error) {
		err = rows.Scan(&run.Target, &run.Sender, &run.Status, &run.Ord, &run.NID)
		return run, err
	})
}
