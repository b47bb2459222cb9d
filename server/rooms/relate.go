package rooms

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// relatable refuses relations that a client may not make. The room is locked.
//
// Spec: client-server API, "Validation of m.thread relationships", "Avoiding duplicate annotations".
func (s *Service) relatable(ctx context.Context, l *live, d *draft) error {
	if _, joined := l.joined[d.sender.ID]; !joined || !mayRelate(d.content) {
		return nil // who builds the event tells what is wrong
	}
	content, err := pdu.ParseObject(d.content)
	if err != nil {
		return nil // the same
	}
	rel, ok := pdu.RelationOf(content)
	if !ok || rel.Type != "m.thread" && rel.Type != "m.annotation" {
		return nil
	}
	return s.db.Peek(ctx, func(r *store.Reader) error {
		target, ok, err := r.EventByID(rel.EventID)
		if err != nil || !ok || target.Room != l.Ref {
			return err // relates to nothing that we know
		}
		if rel.Type == "m.thread" {
			return threadable(&target)
		}
		return l.notAnnotated(r, d, target.NID, content)
	})
}

// mayRelate spares plain messages a parse.
func mayRelate(content json.RawMessage) bool {
	return bytes.Contains(content, []byte("relates_to")) || bytes.Contains(content, []byte(`\u`))
}

func threadable(root *store.Event) error {
	if _, nested := pdu.RelationOf(pdu.StoredObject(root.JSON).Object("content")); nested {
		return merr.New(http.StatusBadRequest, "M_UNKNOWN", "A thread can't begin with an event that itself relates to another one")
	}
	return nil
}

// notAnnotated refuses an annotation that the sender has made already, durable or not.
func (l *live) notAnnotated(r *store.Reader, d *draft, target store.NID, content pdu.Object) error {
	key, ok := content.Object("m.relates_to").Text("key")
	if !ok {
		return nil
	}
	kind, err := r.FindAtom(d.kind)
	if err != nil {
		return err
	}
	found, err := r.HasAnnotation(target, d.sender.Atom, kind, key)
	if err == nil && (found || l.annotates(d, content, key)) {
		err = merr.New(http.StatusBadRequest, "M_DUPLICATE_ANNOTATION", "You have annotated this event in the same way already")
	}
	return err
}

// annotates tells whether the same annotation is among the writes that were queued lately and may not be durable yet.
func (l *live) annotates(d *draft, content pdu.Object, key string) bool {
	wanted, _ := pdu.RelationOf(content)
	for _, w := range l.pending {
		e := w.events[len(w.events)-1].Event
		if e.Sender() != d.sender.ID || e.Type() != d.kind || w.failed() {
			continue
		}
		rel, _ := pdu.RelationOf(e.Body())
		if has, _ := e.Body().Object("m.relates_to").Text("key"); rel == wanted && has == key {
			return true
		}
	}
	return false
}
