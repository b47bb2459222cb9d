package appservice

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"strconv"

	"beffroi/server/clientevent"
	"beffroi/server/store"
)

// Bounds of a transaction, of a read of the stream, and of how far the cursor may be behind in the database where nothing concerns the service.
const (
	maxEvents   = 100
	perLook     = 500
	maxUnsaved  = 10_000 // positions
	maxWhispers = 100
)

// transaction is what is sent at once.
type transaction struct {
	id   string
	body []byte
	kept bool // it is in the database and sent until it arrives; what is not is sent once
}

// next gives what is to be sent, nil where there is nothing. Events stand in the database under the number of their transaction before they are sent
// for the first time, so that the same number never brings other events, whatever happens in between.
//
// Source: application service API, "Pushing events".
func (d *delivery) next(ctx context.Context) (*transaction, error) {
	if d.cursor.Txn == 0 {
		if err := d.gather(ctx); err != nil {
			return nil, err
		}
	}
	whispers, err := d.overhear(ctx)
	if err != nil {
		return nil, err
	}
	if d.cursor.Txn == 0 && len(whispers) == 0 {
		return nil, nil
	}
	t := &transaction{id: strconv.FormatInt(d.cursor.Txn, 10), kept: d.cursor.Txn != 0}
	if !t.kept {
		t.id = rand.Text()
	}
	t.body, err = d.compose(ctx, whispers)
	return t, err
}

// gather looks for events after the cursor, and makes a transaction of what concerns the service.
func (d *delivery) gather(ctx context.Context) error {
	upto := d.db.Visible()
	c := d.cursor
	for len(c.NIDs) == 0 && c.Pos < upto {
		if err := d.look(ctx, &c, upto); err != nil {
			return err
		}
		c.Pos = c.Upto
	}
	if len(c.NIDs) == 0 {
		return d.pass(ctx, c)
	}
	c.Pos = d.cursor.Pos
	return d.claim(ctx, c)
}

// look reads a piece of the stream.
func (d *delivery) look(ctx context.Context, c *store.ServiceCursor, upto int64) error {
	return d.db.Read(ctx, func(r *store.Reader) error {
		events, err := r.Follow(c.Pos, upto, perLook)
		if err != nil {
			return err
		}
		if c.Upto = upto; len(events) == perLook {
			c.Upto = events[perLook-1].Pos
		}
		for i := range events {
			wanted, err := d.interest.event(r, &events[i])
			if err != nil {
				return err
			}
			if wanted {
				c.NIDs = append(c.NIDs, events[i].NID)
			}
			if len(c.NIDs) == d.most {
				c.Upto = events[i].Pos
				break
			}
		}
		return nil
	})
}

// pass moves the cursor over what does not concern the service; now and then also in the database.
func (d *delivery) pass(ctx context.Context, c store.ServiceCursor) error {
	d.cursor.Pos = c.Pos
	if c.Pos-d.saved < maxUnsaved {
		return nil
	}
	return d.save(ctx, d.cursor)
}

// claim gives a transaction its number. That comes from the allocator of positions, which gives none twice, also after a restore.
func (d *delivery) claim(ctx context.Context, c store.ServiceCursor) error {
	err := d.db.Write(ctx, func(tx *store.Tx) (err error) {
		if c.Txn, err = tx.NextPos(); err != nil {
			return err
		}
		return tx.PutServiceCursor(c)
	})
	if err == nil {
		d.cursor, d.saved = c, c.Pos
	}
	return err
}

// done moves the cursor behind what has arrived.
func (d *delivery) done(ctx context.Context) error {
	return d.save(ctx, store.ServiceCursor{ID: d.cursor.ID, Pos: d.cursor.Upto})
}

func (d *delivery) save(ctx context.Context, c store.ServiceCursor) error {
	err := d.db.Write(ctx, func(tx *store.Tx) error { return tx.PutServiceCursor(c) })
	if err == nil {
		d.cursor, d.saved = c, c.Pos
	}
	return err
}

// compose writes a transaction: the events as they are now (one that was redacted meanwhile is so; one that is gone is left out), and what is said beside them.
func (d *delivery) compose(ctx context.Context, whispers []json.RawMessage) ([]byte, error) {
	body := struct {
		Events      []json.RawMessage `json:"events"`
		Whispers    []json.RawMessage `json:"ephemeral,omitempty"`
		OldWhispers []json.RawMessage `json:"de.sorunome.msc2409.ephemeral,omitempty"`
	}{Events: []json.RawMessage{}, Whispers: whispers}
	if d.interest.OldEphemeral {
		body.OldWhispers = whispers
	}
	err := d.db.Read(ctx, func(r *store.Reader) error {
		events, err := inOrder(r, d.cursor.NIDs)
		if err != nil {
			return err
		}
		view := clientevent.View{Now: d.now()}
		if view.Around, err = clientevent.Load(r, events, true); err != nil {
			return err
		}
		for i := range events {
			room, ok, err := r.Room(events[i].Room)
			if err != nil {
				return err
			}
			if view.RoomID = room.ID; ok {
				body.Events = append(body.Events, view.Render(&events[i], clientevent.Standing{}))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return json.Marshal(body)
}

func inOrder(r *store.Reader, nids []store.NID) ([]store.Event, error) {
	found, err := clientevent.LoadNIDs(r, nids)
	events := make([]store.Event, 0, len(nids))
	for _, nid := range nids {
		if e, ok := found[nid]; ok {
			events = append(events, e)
		}
	}
	return events, err
}
