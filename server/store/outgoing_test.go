package store

import (
	"fmt"
	"slices"
	"testing"
)

// elsewhere is a room with the memberships of users of other servers.
type elsewhere struct {
	t    *testing.T
	db   *DB
	room RoomRef
}

func newElsewhere(t *testing.T) *elsewhere {
	e := &elsewhere{t: t, db: open(t)}
	write(t, e.db, func(tx *Tx) (err error) {
		if err = tx.PutMeta(MetaServerName, "here"); err != nil {
			return err
		}
		e.room, err = tx.AddRoom("!room:here", "11")
		return err
	})
	return e
}

// put changes a membership and sends its event; it gives the position.
func (e *elsewhere) put(user string, m Membership) (pos int64) {
	e.t.Helper()
	write(e.t, e.db, func(tx *Tx) error {
		atom, err := tx.Atom(user)
		if err != nil {
			return err
		}
		if pos, err = tx.NextPos(); err != nil {
			return err
		}
		if err := tx.PutMember(Member{Room: e.room, User: atom, Membership: m, Pos: pos}); err != nil {
			return err
		}
		return tx.SendEvent(e.room, NID(pos), pos)
	})
	return pos
}

func (e *elsewhere) message() (pos int64) {
	e.t.Helper()
	write(e.t, e.db, func(tx *Tx) (err error) {
		if pos, err = tx.NextPos(); err != nil {
			return err
		}
		return tx.SendEvent(e.room, NID(pos), pos)
	})
	return pos
}

func (e *elsewhere) sentTo(server string) []int64 {
	e.t.Helper()
	return mustGet(e.t, e.db, func(r *Reader) (got []int64, err error) {
		atom, err := r.FindAtom(server)
		if err != nil {
			return nil, err
		}
		rows, err := r.OutgoingFor(atom, 0, e.db.Visible(), 100)
		for _, o := range rows {
			got = append(got, o.Pos)
		}
		return got, err
	})
}

func (e *elsewhere) want(server string, want ...int64) {
	e.t.Helper()
	if got := e.sentTo(server); !slices.Equal(got, want) {
		e.t.Errorf("%s is sent %v, want %v", server, got, want)
	}
}

// Who is in the room before or after an event gets it, who was invited hears of the end, and rooms without others write nothing.
func TestWhoIsSentWhat(t *testing.T) {
	e := newElsewhere(t)
	e.put("@a:here", Join)
	e.message()
	if n := count(t, e.db, `SELECT count(*) FROM outgoing`); n != 0 {
		t.Errorf("%d rows for a room of this server alone", n)
	}
	joinB := e.put("@b:b", Join)
	first := e.message()
	joinC := e.put("@c:c", Join)
	alsoB := e.put("@bb:b", Join)
	second := e.message()
	leaveB := e.put("@b:b", Leave)
	third := e.message()
	kickB := e.put("@bb:b", Ban)
	invite := e.put("@d:d", Invite)
	fourth := e.message()
	uninvite := e.put("@d:d", Leave)
	again := e.put("@b:b", Join)
	profile := e.put("@b:b", Join)
	e.want("b", joinB, first, joinC, alsoB, second, leaveB, third, kickB, again, profile)
	e.want("c", joinC, alsoB, second, leaveB, third, kickB, invite, fourth, uninvite, again, profile)
	e.want("d", uninvite)
	e.want("here")
	got := mustGet(t, e.db, func(r *Reader) ([]Atom, error) { return r.Destinations(third, uninvite) })
	if len(got) != 3 {
		t.Errorf("%d destinations", len(got))
	}
	if in := mustGet(t, e.db, func(r *Reader) ([]string, error) { return r.ServersIn(e.room) }); fmt.Sprint(in) != "[b c]" {
		t.Error(in)
	}
}

// A write that is rolled back leaves the writer no memory of servers that are not there.
func TestServersAndRollbacks(t *testing.T) {
	e := newElsewhere(t)
	err := e.db.Write(t.Context(), func(tx *Tx) error {
		atom, err := tx.Atom("@b:b")
		if err != nil {
			return err
		}
		if err := tx.PutMember(Member{Room: e.room, User: atom, Membership: Join, Pos: 1}); err != nil {
			return err
		}
		if there, err := tx.federated(e.room, 2); err != nil || !there {
			t.Error(there, err)
		}
		return fmt.Errorf("no")
	})
	if err == nil {
		t.Fatal("no error")
	}
	e.message()
	if n := count(t, e.db, `SELECT count(*) FROM outgoing`); n != 0 {
		t.Errorf("%d rows", n)
	}
}

// An EDU replaces the one with its key, others stay in order, and the receiver of the channel is told.
func TestQueueEDU(t *testing.T) {
	e := newElsewhere(t)
	for _, q := range [][3]string{{"b", "", "1"}, {"b", "k", "2"}, {"c", "k", "3"}, {"b", "", "4"}, {"b", "k", "5"}} {
		write(t, e.db, func(tx *Tx) error { return tx.QueueEDU(q[0], "m.x", q[1], []byte(q[2])) })
	}
	select {
	case <-e.db.Outgoing():
	default:
		t.Error("nobody is told")
	}
	for server, want := range map[string]string{"b": "145", "c": "3"} {
		atom := mustGet(t, e.db, func(r *Reader) (Atom, error) { return r.FindAtom(server) })
		got := ""
		for _, edu := range mustGet(t, e.db, func(r *Reader) ([]EDU, error) { return r.EDUsFor(atom, 0, e.db.Visible(), 9) }) {
			got += string(edu.Content)
		}
		if got != want {
			t.Errorf("%s gets %s, want %s", server, got, want)
		}
		write(t, e.db, func(tx *Tx) error { return tx.SentEDUs(atom, e.db.Visible()) })
		if n := mustGet(t, e.db, func(r *Reader) (int, error) { return r.CountEDUs(atom) }); n != 0 {
			t.Errorf("%d wait", n)
		}
	}
}
